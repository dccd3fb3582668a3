"""Masks and atlases beside an image: the voxels that numpy picks, or a refusal that says why."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import given

import boldstream as bs
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.oracle import fdata
from tests.strategies.regions import AFFINE, SHAPE, MadeRegions, regions

DATA = np.random.default_rng(0).normal(100, 5, (*SHAPE, 4)).astype("f4")
IMAGE = nib.Nifti1Image(DATA, AFFINE)


def _why(made: MadeRegions, *, is_empty: bool) -> type:
    """The class of what must be refused; that of None for what must be taken."""
    if is_empty:
        return bs.MaskError
    return type(None) if made.is_on_grid else bs.GridMismatchError


@cases(quick=20, deep=1)
@given(made=regions([1]))
def test_masks(made: MadeRegions) -> None:
    inside = made.values != 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.nii.gz")
        nib.save(made.image, path)
        with refusing(path) as outcome:
            found = bs.extract(IMAGE, path)["made"]
            np.testing.assert_array_equal(found, DATA[inside].T)
        # Resampled, a mask lies on the grid, or nowhere in it.
        with refusing(path):
            assert bs.extract(IMAGE, path, resample="mask")["made"].size
    assert isinstance(outcome.refusal, _why(made, is_empty=not inside.any()))


@cases(quick=20, deep=1)
@given(made=regions([1, 2, 7, -3, 40000]))
def test_atlases(made: MadeRegions) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.nii.gz")
        nib.save(made.image, path)
        # Halves of odd labels are none: what the file says counts.
        values = np.nan_to_num(fdata(path), posinf=0, neginf=0).reshape(SHAPE)
        with refusing(path) as outcome:
            (found,) = bs.stream(IMAGE, bs.Labels(path))
            labels = np.unique(values[values != 0])
            assert [str(int(label)) for label in labels] == list(found.names)
            means = [DATA[values == label].mean(axis=0, dtype=np.float64) for label in labels]
            np.testing.assert_allclose(np.transpose(found.values), means, rtol=1e-5)
    is_odd = not values.any() or bool((values % 1).any()) or values.max() >= 2.0**63
    assert isinstance(outcome.refusal, _why(made, is_empty=is_odd))
