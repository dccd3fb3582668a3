"""Regions from arrays, images and folders of betas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.core.errors import GridMismatchError, MaskError, NonFiniteError, ParameterError
from boldstream.geometry import RDM, compare, geometry_of_rois, rdm, temporal_distance
from tests.geometry.oracle import made_up

TREE = RDM.from_matrix(
    [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], ["cat", "dog", "oak", "pine"]
)
GRID = np.diag([3.0, 3.0, 3.0, 1.0])


def test_regions_are_rdms_and_their_comparisons(rng: np.random.Generator) -> None:
    patterns, conditions, runs = made_up(rng, n_repeats=4)
    regions = {"v1": patterns[:, :12], "it": patterns[:, 12:]}
    time = temporal_distance(np.arange(len(runs)), runs, conditions)
    options: dict[str, Any] = {"method": "pearson", "nuisance": time, "permutations": 500}
    found = geometry_of_rois(
        regions, conditions, models={"tree": TREE}, folds=runs, noise="shrinkage", **options
    )
    assert list(found.rdms) == ["v1", "it"]
    for name, values in regions.items():
        expected = rdm(values, conditions, folds=runs, noise="shrinkage")
        np.testing.assert_array_equal(found.rdms[name].values, expected.values)
    table = compare(found.rdms, {"tree": TREE}, **options)
    assert list(found.table.columns) == ["roi", "model", "correlation", "p"]
    np.testing.assert_array_equal(found.table.iloc[:, 2:], table.iloc[:, 2:])
    assert found.table["roi"].tolist() == ["v1", "it"]
    # The seed is 0 unless it is given.
    assert table["p"].tolist() != compare(found.rdms, TREE, **options, random_state=1)["p"].tolist()


def test_an_image_is_read_once_for_all_masks(rng: np.random.Generator, tmp_path: Path) -> None:
    patterns, conditions, runs = made_up(rng, n_voxels=60)
    data = patterns.T.reshape(3, 4, 5, -1).astype("f4")
    nib.save(nib.Nifti1Image(data[..., :10], GRID), tmp_path / "run-1.nii.gz")
    nib.save(nib.Nifti1Image(data[..., 10:], GRID), tmp_path / "run-2.nii.gz")
    masks = rng.random((2, 3, 4, 5)) < 0.5
    nib.save(nib.Nifti1Image(masks[0].astype("u1"), GRID), tmp_path / "left.nii.gz")
    found = geometry_of_rois(
        [tmp_path / "run-1.nii.gz", tmp_path / "run-2.nii.gz"],
        conditions,
        [tmp_path / "left.nii.gz", masks[1]],
        folds=runs,
    )
    assert list(found.rdms) == ["left", "mask_2"]
    for one, mask in zip(found.rdms.values(), masks, strict=True):
        expected = rdm(data[mask].T, conditions, folds=runs)
        np.testing.assert_allclose(one.values, expected.values, rtol=1e-6)
    assert len(found.table) == 0
    assert list(found.table.columns) == ["roi", "model", "correlation", "p"]


def test_a_folder_of_betas(rng: np.random.Generator, tmp_path: Path) -> None:
    data = rng.normal(100, 5, size=(4, 5, 6, 90)).astype("f4")
    events = pd.DataFrame(
        {"onset": np.arange(12) * 13.0, "duration": 2.0, "trial_type": list("abc") * 4}
    )
    inside = np.zeros(data.shape[:3], bool)
    inside[1:] = True
    image = nib.Nifti1Image(data, GRID)
    bs.trial_betas(image, events, t_r=2.0, mask=inside, output=tmp_path / "betas")
    betas = bs.open_betas(tmp_path / "betas")
    roi = np.zeros_like(inside)
    roi[2, 1:4] = True
    folds = np.repeat([1, 2], 6)
    found = geometry_of_rois(
        tmp_path / "betas", betas.trials["trial_type"], {"roi": roi}, folds=folds
    )
    expected = rdm(betas.values[:, roi[inside]], betas.trials["trial_type"], folds=folds)
    np.testing.assert_allclose(found.rdms["roi"].values, expected.values, rtol=1e-6)
    roi[0, 0, 0] = True
    with pytest.raises(MaskError, match=r"`roi` must lie inside .* 1 of its 19 voxels"):
        geometry_of_rois(tmp_path / "betas", list("abc") * 4, {"roi": roi}, folds=folds)


def test_what_cannot_be_used(rng: np.random.Generator) -> None:
    patterns, conditions, runs = made_up(rng, n_voxels=60)
    image = nib.Nifti1Image(patterns.T.reshape(3, 4, 5, -1), GRID)
    ones = np.ones((3, 4, 5), bool)
    broken = patterns.copy()
    broken[3, 3] = np.inf
    with pytest.raises(NonFiniteError, match="region 'it': `patterns`"):
        geometry_of_rois({"v1": patterns, "it": broken}, conditions, folds=runs)
    with pytest.raises(ParameterError, match="region 'all': `folds`"):
        geometry_of_rois(patterns, conditions)
    with pytest.raises(ParameterError, match="`rois` must be None"):
        geometry_of_rois(patterns, conditions, ones)
    with pytest.raises(ParameterError, match="`rois` must be masks"):
        geometry_of_rois(image, conditions)
    with pytest.raises(ParameterError, match="at least one region"):
        geometry_of_rois({}, conditions)
    with pytest.raises(ParameterError, match="at least one mask"):
        geometry_of_rois(image, conditions, {})
    other = nib.Nifti1Image(ones.astype("u1"), np.eye(4))
    with pytest.raises(GridMismatchError):
        geometry_of_rois(image, conditions, other, folds=runs)
