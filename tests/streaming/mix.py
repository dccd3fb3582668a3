"""One of every reduction, for the tests of what must hold for all of them."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np

import boldstream as bs

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (5, 6, 4)
N = 24


def reductions() -> list[bs.Reduction]:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 5, SHAPE)
    maps = nib.Nifti1Image(rng.random((*SHAPE, 3)), AFFINE)
    return [
        bs.Voxels(labels == 1),
        bs.Labels(labels),
        bs.Labels(labels, "median"),
        bs.Spheres([[6, 6, 6], [0, 0, 0]], 5.0),
        bs.Maps(maps),
        bs.Mean(),
        bs.Std(),
        bs.TSNR(),
        bs.Volumes([3, 20]),
        bs.Project(rng.normal(size=(2, N))),
    ]


def assert_same(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-9)
