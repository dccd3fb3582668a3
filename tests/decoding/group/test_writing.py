"""Group maps as files and images, beside nibabel and the table that is held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine

import boldstream
from boldstream.core.errors import BoldstreamError, NonFiniteError, OutputExistsError
from boldstream.decoding.group import group_maps, running
from boldstream.decoding.group.plan import GroupPlan
from tests.decoding.group.made_up import AFFINE, MASK_IMAGE, subjects, written
from tests.decoding.inference.made_up import MASK


def test_maps_are_written_together(rng: np.random.Generator, tmp_path: Path) -> None:
    paths = written(subjects(rng, 6, 3.0), tmp_path)
    out = tmp_path / "group"
    found = group_maps(paths, MASK_IMAGE, chance=0.5, tfce=True, forming_threshold=3.0, output=out)
    assert found.path == out
    maps = {"mean": 0, "t": 0, "tfce": 0, "clusters": 0}
    maps |= dict.fromkeys(["p_t", "p_t_fdr", "p_sign_flip", "p_fwe", "p_fdr", "p_tfce_fwe"], 1)
    names = {f"{name}.nii.gz" for name in maps} | {"clusters.tsv", "group.json"}
    assert {path.name for path in out.iterdir()} == names
    for name, outside in maps.items():
        image = nib.Nifti1Image.from_filename(out / f"{name}.nii.gz")
        np.testing.assert_array_equal(image.affine, AFFINE)
        values = image.get_fdata()
        assert (values[~MASK] == outside).all()
        held: Any = found.inference.cluster_ids if name == "clusters" else getattr(found, name)
        np.testing.assert_allclose(values[MASK], held, rtol=1e-6)
    said = json.loads((out / "group.json").read_text())
    assert said == {
        "n_subjects": 6,
        "chance": 0.5,
        "statistic": "t",
        "permutations": 63,
        "exact": True,
        "n_voxels": int(MASK.sum()),
        "boldstream": boldstream.__version__,
    }
    table = pd.read_csv(out / "clusters.tsv", sep="\t")
    assert found.clusters is not None
    peak = np.linalg.inv(AFFINE) @ [*table.loc[0, ["x", "y", "z"]], 1]
    at = np.argwhere(MASK)[found.clusters["peak"][0]]
    np.testing.assert_allclose(peak[:3], at)
    with pytest.raises(OutputExistsError, match="exist already"):
        group_maps(paths, MASK_IMAGE, chance=0.5, output=out)
    group_maps(paths, MASK_IMAGE, chance=0.4, output=out, overwrite=True)
    assert json.loads((out / "group.json").read_text())["chance"] == 0.4


def test_the_table_of_clusters_tells_peaks_in_mm(rng: np.random.Generator, tmp_path: Path) -> None:
    affine = np.array([[-2.0, 0.1, 0, 90.12345], [0, 2.5, 0.3, -126.5], [0.2, 0, 3, -72.25]])
    affine = np.vstack([affine, [0, 0, 0, 1]])
    mask = nib.Nifti1Image(MASK.astype("u1"), affine)
    images = [nib.Nifti1Image(one, affine) for one in subjects(rng, 6)]
    found = group_maps(images, mask, chance=0.5, forming_threshold=1.5, output=tmp_path / "out")
    assert found.clusters is not None
    assert len(found.clusters) > 1
    table = pd.read_csv(tmp_path / "out" / "clusters.tsv", sep="\t")
    places = apply_affine(affine, np.argwhere(MASK)[found.clusters["peak"]])
    wanted = found.clusters.drop(columns="peak")
    before, after = ["id", "extent", "mass"], ["peak_score", "p_extent_fwe", "p_mass_fwe"]
    assert list(table) == [*before, "x", "y", "z", *after]
    # Six digits.
    np.testing.assert_allclose(table[["x", "y", "z"]], places, atol=0.6e-3, rtol=1e-6)
    pd.testing.assert_frame_equal(table[[*before, *after]], wanted, rtol=1e-5)
    lines = (tmp_path / "out" / "clusters.tsv").read_text().splitlines()[1:]
    decimals = [number.partition(".")[2] for line in lines for number in line.split("\t")[3:6]]
    assert max(len(each) for each in decimals) == 3


def test_values_become_an_image_where_the_mask_lies(rng: np.random.Generator) -> None:
    found = group_maps(subjects(rng, 4)[:, MASK], MASK_IMAGE)
    values = rng.normal(size=MASK.sum())
    for options, outside in (({}, 0.0), ({"outside": -2.0}, -2.0)):
        volume = found.img_of(values, **options).get_fdata()
        np.testing.assert_array_equal(volume[MASK], values.astype("f4"))
        assert (volume[~MASK] == outside).all()


def test_no_map_is_written_over(rng: np.random.Generator, tmp_path: Path) -> None:
    paths: list[Any] = written(subjects(rng, 3), tmp_path)
    paths[1] = paths[1].rename(tmp_path / "mean.nii.gz")
    before = paths[1].read_bytes()
    for given in (paths, [nib.Nifti1Image.from_filename(path) for path in paths]):
        with pytest.raises(BoldstreamError, match=r"mean\.nii\.gz"):
            group_maps(given, MASK_IMAGE, output=tmp_path, overwrite=True)
        assert paths[1].read_bytes() == before


def test_what_fails_leaves_no_files(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    maps = subjects(rng, 4)
    maps[3, MASK] = np.nan
    paths = written(maps, tmp_path)
    plan = GroupPlan(10, 10, 0, 0)
    monkeypatch.setattr(running, "plan_group", lambda *_, **__: plan)
    with pytest.raises(NonFiniteError):
        group_maps(paths, MASK_IMAGE, output=tmp_path / "out", tfce=True)
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "cache").iterdir()) == []
