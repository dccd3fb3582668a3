"""Real runs: what rsatoolbox finds, and what is known of the objects that were seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.geometry import RDM, compare, rdm, rdm_searchlight
from tests.geometry.oracle import noise_of, their_rdm
from tests.oracle import fdata, load

RADIUS = 12.0


class Haxby:
    """A slice of ventral cortex, eight kinds of objects in twelve runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "haxby_pymvpa"
        table = pd.read_csv(
            self.folder / "attributes_literal.txt", sep=" ", names=["seen", "run"], header=None
        )
        self.seen, self.runs = table["seen"].to_numpy(), table["run"].to_numpy()
        self.inside = fdata(self.folder / "mask.nii.gz") > 0
        self.affine = load(self.folder / "mask.nii.gz").affine
        self.values = fdata(self.folder / "bold.nii.gz")[self.inside].T


@pytest.fixture(scope="module")
def haxby(shared_data: Path) -> Haxby:
    return Haxby(shared_data)


@pytest.mark.parametrize("metric", ["crossnobis", "correlation", "euclidean"])
def test_spheres_are_those_of_rsatoolbox(haxby: Haxby, metric: Any) -> None:
    names = sorted(set(haxby.seen))
    model = face_model(names)
    found = rdm_searchlight(
        haxby.folder / "bold.nii.gz",
        haxby.folder / "mask.nii.gz",
        haxby.seen,
        models={"face": model},
        radius=RADIUS,
        folds=haxby.runs,
        metric=metric,
    )
    mm = np.argwhere(haxby.inside) @ haxby.affine[:3, :3].T
    for centre in range(0, len(mm), 97):
        sphere = ((mm - mm[centre]) ** 2).sum(axis=1) <= RADIUS**2
        assert found.n_voxels[centre] == np.count_nonzero(sphere)
        values = their_rdm(haxby.values[:, sphere], haxby.seen, metric, haxby.runs)
        expected = compare(RDM(values, tuple(names), metric), model)["correlation"][0]
        assert found.scores["face"][centre] == pytest.approx(expected, abs=1e-3)


def face_model(names: list[str]) -> RDM:
    is_face = np.array([name == "face" for name in names])
    return RDM.from_matrix(is_face[:, None] != is_face, names)


@pytest.mark.parametrize("half", [0, 1])
def test_noise_of_few_volumes(haxby: Haxby, half: int) -> None:
    some = (haxby.seen != "rest") & (haxby.runs % 2 == half)
    patterns, seen, runs = haxby.values[some], haxby.seen[some], haxby.runs[some]
    cells = pd.Series(seen) + runs.astype(str)
    rest = patterns - pd.DataFrame(patterns).groupby(cells.to_numpy()).transform("mean")
    assert len(rest) < rest.shape[1]
    precision = noise_of.prec_from_residuals(
        rest.to_numpy(), dof=len(rest) - cells.nunique(), method="shrinkage_diag"
    )
    found = rdm(patterns, seen, folds=runs, noise="shrinkage")
    np.testing.assert_allclose(
        found.values, their_rdm(patterns, seen, "crossnobis", runs, precision), rtol=1e-5
    )
    # Faces and houses are told apart in nearly all volumes of this slice.
    assert found.of(["face", "house"]).values[0] > 0
