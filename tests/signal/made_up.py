"""Made-up runs, and what nilearn makes of them."""

from __future__ import annotations

import warnings
from typing import Any

import nibabel as nib
import numpy as np
from nilearn.image import smooth_img
from numpy.typing import NDArray

AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
SHAPE = (7, 6, 5)
BAND = {"low_pass": 0.1, "high_pass": 0.02}
LENGTHS = (40, 55, 47)


def assert_equal(got: Any, wanted: Any, tolerance: float = 1e-9) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    largest = np.abs(wanted).max(axis=0)
    assert (np.abs(got - wanted).max(axis=0) <= tolerance * np.where(largest, largest, 1)).all()


def by_nilearn(kind: Any, where: Any, image: Any, **options: Any) -> NDArray[Any]:
    given = {name: options.pop(name, None) for name in ("confounds", "sample_mask")}
    if isinstance(options.get("smoothing_fwhm"), list):
        image = smooth_img(image, options.pop("smoothing_fwhm"))
    with warnings.catch_warnings():
        # Of psc where a voxel is 0 throughout.
        warnings.simplefilter("ignore")
        signals: NDArray[Any] = kind(where, reports=False, **{"standardize": None, **options}).fit(
        ).transform(image, **given)  # fmt: skip
    return signals


def made_up(n: int, seed: int = 0, t_r: float = 2.0) -> Any:
    rng = np.random.default_rng(seed)
    data = rng.normal(100, 5, (*SHAPE, n)) + np.linspace(0, 9, n) + 8 * np.sin(np.arange(n) / 4)
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_zooms((3.0, 3.0, 3.5, t_r))
    image.header.set_xyzt_units("mm", "sec")
    return image


def mask_image(seed: int = 9) -> Any:
    inside = np.random.default_rng(seed).random(SHAPE) > 0.6
    return nib.Nifti1Image(inside.astype("u1"), AFFINE)


def atlas_image() -> Any:
    return nib.Nifti1Image(np.random.default_rng(3).integers(0, 5, SHAPE).astype("i4"), AFFINE)
