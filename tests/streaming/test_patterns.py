"""Samples of regions, from images and from betas in all their forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.errors import (
    GridMismatchError,
    ImageFileError,
    MaskError,
    NonFiniteError,
    ParameterError,
)
from boldstream.core.grid import Grid
from boldstream.decoding import decode
from boldstream.geometry import geometry_of_rois
from boldstream.streaming.patterns import read_regions

AFFINE = np.diag([3.0, 3, 3, 1])
SHAPE = (4, 5, 6)
ATLAS = np.arange(120).reshape(SHAPE) % 4


@pytest.fixture
def image(rng: np.random.Generator) -> Any:
    return nib.Nifti1Image(rng.normal(100, 5, size=(*SHAPE, 90)).astype("f4"), AFFINE)


@pytest.fixture
def events() -> pd.DataFrame:
    labels = list("abba") * 3
    return pd.DataFrame({"onset": np.arange(12) * 13.0, "duration": 2.0, "trial_type": labels})


def test_betas_in_every_form_are_the_same_samples(
    image: Any, events: pd.DataFrame, tmp_path: Path
) -> None:
    inside = np.zeros(SHAPE, bool)
    inside[1:] = True
    given: dict[str, Any] = {"t_r": 2.0, "mask": inside}
    held = bs.trial_betas(image, events, **given)
    in_file = bs.trial_betas(image, events, output=tmp_path / "betas.nii", **given)
    in_folder = bs.trial_betas(image, events, output=tmp_path / "betas", **given)
    stored = bs.open_betas(tmp_path / "betas")
    roi = np.zeros(SHAPE, bool)
    roi[2, 1:4] = True
    expected = stored.values[:, roi[inside]]
    runs = np.arange(12) // 4
    scores = []
    for betas in (held, held.image, in_file, in_folder, stored, tmp_path / "betas"):
        found = read_regions(betas, {"V1": roi})
        np.testing.assert_allclose(found["V1"], expected, rtol=1e-5)
        decoded = decode(betas, stored.trials["trial_type"], runs, rois={"V1": roi})
        scores.append(decoded.table.score[0])
        conditions = stored.trials["trial_type"]
        compared = geometry_of_rois(betas, conditions, {"V1": roi}, folds=runs)
        assert np.isfinite(compared.rdms["V1"].values).all()
    by_hand = decode({"V1": expected}, stored.trials["trial_type"], runs)
    assert scores == [by_hand.table.score[0]] * 6
    at_the_end = stored.values[:, -1]
    roi[0, 0, 0] = True
    atlas = roi.astype(int)
    atlas[0, 0, 0] = atlas[3, 4, 5] = 2
    both = bs.Labels(atlas, names={2: "V2"})
    for kept in (held, in_file, in_folder, stored, tmp_path / "betas"):
        with pytest.raises(MaskError, match=r"`V1` must lie inside .* 1 of its 19 .*; intersect"):
            read_regions(kept, {"V1": roi})
        # An atlas is of all brains: what betas have of a region is taken.
        of_atlas = read_regions(kept, {"all": both})
        np.testing.assert_allclose(of_atlas["all_1"], expected, rtol=1e-5)
        np.testing.assert_allclose(of_atlas["all_V2"][:, 0], at_the_end, rtol=1e-5)
        with pytest.raises(MaskError, match=r"`3` is empty: the atlas has no voxel of it where"):
            read_regions(kept, bs.Labels(np.where(inside, 1, 3)))


def test_each_region_of_an_atlas(image: Any, tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(ATLAS.astype("u1"), AFFINE), tmp_path / "atlas.nii.gz")
    data = image.get_fdata(dtype=np.float32)
    atlas = bs.Labels(tmp_path / "atlas.nii.gz", names={2: "V1"})
    found = read_regions(image, atlas)
    assert list(found) == ["1", "V1", "3"]
    for label, values in zip((1, 2, 3), found.values(), strict=True):
        np.testing.assert_array_equal(values, data[label == ATLAS].T)
    mixed = read_regions(image, [atlas, ATLAS == 3])
    assert list(mixed) == ["1", "V1", "3", "mask_2"]
    np.testing.assert_array_equal(mixed["mask_2"], mixed["3"])
    named = read_regions(image, {"left": atlas, "all": ATLAS > 0})
    assert list(named) == ["left_1", "left_V1", "left_3", "all"]
    y = np.tile(["a", "b"], 45)
    decoded = decode(image, y, np.arange(90) // 30, rois=atlas, estimator="nearest_centroid")
    assert decoded.table.roi.tolist() == ["1", "V1", "3"]


def test_many_regions_come_from_one_look_at_the_atlas(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (10, 11, 12)
    image = nib.Nifti1Image(rng.normal(size=(*shape, 3)).astype("f4"), AFFINE)
    atlas = rng.permutation(np.arange(1320) % 301).reshape(shape)
    one_by_one = read_regions(image, {str(label): atlas == label for label in range(1, 301)})
    looks = []
    rows_of = Grid.rows_of

    def look(grid: Grid, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        looks.append(mask)
        return rows_of(grid, mask)

    monkeypatch.setattr(Grid, "rows_of", look)
    found = read_regions(image, bs.Labels(atlas))
    assert len(looks) == 1
    assert list(found) == list(one_by_one)
    for name, values in found.items():
        np.testing.assert_array_equal(values, one_by_one[name])


def test_an_atlas_on_another_grid(image: Any) -> None:
    other = nib.Nifti1Image(ATLAS.repeat(2, axis=0).astype("u1"), np.diag([1.5, 3, 3, 1]))
    with pytest.raises(GridMismatchError):
        read_regions(image, bs.Labels(other))
    assert list(read_regions(image, bs.Labels(other, resample="mask"))) == ["1", "2", "3"]
    finer = ATLAS.repeat(2, axis=0)
    finer[1, 0, 0] = 9  # between voxels of the image
    lost = nib.Nifti1Image(finer.astype("u1"), other.affine)
    with pytest.raises(MaskError, match="`9` is empty: the atlas has no voxel of it"):
        read_regions(image, bs.Labels(lost, resample="mask"))


def test_no_parameter_is_proposed_that_there_is_not(image: Any, events: pd.DataFrame) -> None:
    other = nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4))
    y = np.tile(["a", "b"], 45)
    for refused in (
        lambda: decode(image, y, rois=other),
        lambda: geometry_of_rois(image, y, other),
        lambda: bs.trial_betas(image, events, t_r=2.0, mask=other),
    ):
        with pytest.raises(GridMismatchError, match="resample it to the image first") as caught:
            refused()
        assert "resample=" not in str(caught.value)
    with pytest.raises(GridMismatchError, match='resample="mask"'):
        bs.extract(image, other)


def test_masks_are_called_as_extract_calls_them(image: Any, tmp_path: Path) -> None:
    v1, unnamed = (nib.Nifti1Image(np.equal(ATLAS, i).astype("u1"), AFFINE) for i in (1, 2))
    nib.save(v1, tmp_path / "V1.nii.gz")
    every: list[Any] = [ATLAS == 3, [ATLAS == 3, tmp_path / "V1.nii.gz", unnamed], {5: v1}]
    for masks, names in zip(every, [["mask_1"], ["mask_1", "V1", "mask_3"], ["5"]], strict=True):
        assert list(read_regions(image, masks)) == list(bs.extract(image, masks)) == names
    y = np.tile(["a", "b"], 45)
    decoded = decode(image, y, rois=every[1][::2], estimator="nearest_centroid")
    assert decoded.table.roi.tolist() == ["mask_1", "mask_2"]


def test_what_is_no_region(image: Any, tmp_path: Path) -> None:
    ones = np.ones(SHAPE, bool)
    with pytest.raises(ParameterError, match="`rois` must be masks where `X` is an image"):
        read_regions(image, None)
    nothings: list[Any] = [[], {}]
    for nothing in nothings:
        with pytest.raises(ParameterError, match="at least one mask"):
            read_regions(image, nothing)
    for nothing in ([None], {"V1": None}):
        with pytest.raises(ParameterError, match="`rois` must hold masks, got None for"):
            read_regions(image, nothing)
    with pytest.raises(
        ParameterError, match="`rois` must have different names, got 'vt' more than once"
    ):
        read_regions(image, ["a/vt.nii", "b/vt.nii.gz"])
    with pytest.raises(ParameterError, match="different names, got '1', '2', '3' more than once"):
        read_regions(image, [bs.Labels(ATLAS), bs.Labels(ATLAS, strategy="sum")])
    with pytest.raises(MaskError, match="an atlas goes to `Labels`"):
        read_regions(image, ATLAS)
    with pytest.raises(ImageFileError, match="a folder that `trial_betas` wrote"):
        read_regions(tmp_path, ones)
    data = image.get_fdata(dtype=np.float32).copy()
    data[0, 0, 0, 3] = np.nan
    with pytest.raises(NonFiniteError):
        read_regions(nib.Nifti1Image(data, AFFINE), ones)


def test_betas_that_are_no_map_are_refused(
    image: Any, events: pd.DataFrame, tmp_path: Path
) -> None:
    bs.trial_betas(image, events, t_r=2.0, output=tmp_path / "betas")
    stored = bs.open_betas(tmp_path / "betas")
    with pytest.raises(ParameterError, match="as `open_betas` gave them"):
        read_regions(replace(stored, values=np.array(stored.values)), np.ones(SHAPE, bool))


def test_betas_are_found_from_another_folder(
    image: Any, events: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roi = np.zeros(SHAPE, bool)
    roi[1:3, 2] = True
    monkeypatch.chdir(tmp_path)
    in_folder = bs.trial_betas(image, events, t_r=2.0, output="betas")
    in_file = bs.trial_betas(image, events, t_r=2.0, output="betas.nii")
    stored = bs.open_betas("betas")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    wanted = stored.values[:, roi.ravel()]
    for betas in (in_folder, in_file, stored):
        np.testing.assert_allclose(read_regions(betas, {"V1": roi})["V1"], wanted, rtol=1e-5)
