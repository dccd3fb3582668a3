"""Made-up runs with an effect and autoregressive noise, and what goes with them."""

from __future__ import annotations

import warnings
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.glm.first_level import FirstLevelModel

from boldstream.glm.first_level import FirstLevel

SHAPE = (11, 10, 9)
N = 72
TR = 2.0
AFFINE = np.array(
    [[-3.0, 0.0, 0.0, 20.0], [0.0, 3.0, 0.0, -15.0], [0.0, 0.0, 3.5, -10.0], [0.0, 0.0, 0.0, 1.0]]
)


def run(seed: int = 0, n: int = N, dtype: str = "f8") -> Any:
    """A run with zeros around, from which a mask can be found."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(*SHAPE, n))
    rho = rng.uniform(-0.3, 0.6, SHAPE)
    for t in range(1, n):
        noise[..., t] += rho * noise[..., t - 1]
    task = np.sin(np.arange(n) / 4) * rng.uniform(0, 1, SHAPE)[..., None]
    data = 600 + rng.uniform(-200, 400, SHAPE)[..., None] + 9 * noise + 9 * task
    for axis in range(3):
        edge = np.moveaxis(data, axis, 0)
        edge[:2] = edge[-2:] = 0
    return nib.Nifti1Image(data.astype(dtype), AFFINE)


def mask() -> Any:
    inside = np.zeros(SHAPE, "u1")
    inside[2:9, 2:8, 2:7] = 1
    return nib.Nifti1Image(inside, AFFINE)


def events(shift: float = 0.0) -> pd.DataFrame:
    onset = np.arange(4.0, TR * N - 20, 11) + shift
    kinds = np.where(np.arange(len(onset)) % 2, "house", "face")
    return pd.DataFrame({"onset": onset, "duration": 4.0, "trial_type": kinds})


def designs(count: int, n: int = N, seed: int = 5) -> list[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    columns = ["face", "house", "drift", "constant"]
    return [
        pd.DataFrame(
            np.column_stack([rng.normal(size=(n, 2)), np.linspace(-1, 1, n), np.ones(n)]),
            columns=columns,
        )
        for _ in range(count)
    ]


def both(*args: Any, fit: dict[str, Any] | None = None, **options: Any) -> tuple[Any, Any]:
    """Ours and nilearn's model, fitted alike."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (
            model(**{"t_r": TR, **options}).fit(*args, **(fit or {}))
            for model in (FirstLevel, FirstLevelModel)
        )
    return ours, theirs


def quietly(function: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def difference(got: Any, wanted: Any) -> float:
    """Largest difference of two images, relative to the largest value."""
    assert got.shape == wanted.shape
    assert np.array_equal(got.affine, wanted.affine)
    got, wanted = np.asarray(got.dataobj, "f8"), np.asarray(wanted.dataobj, "f8")
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def assert_same_maps(ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """Labels, and all maps of a t and an F contrast."""
    for got, wanted in zip(ours.labels_, theirs.labels_, strict=True):
        assert got.dtype.kind == wanted.dtype.kind
        assert (got == wanted).mean() >= 0.9999
    f_contrast = np.eye(2, ours.design_matrices_[0].shape[1])
    for contrast in ("face - house", f_contrast):
        maps, expected = (
            quietly(model.compute_contrast, contrast, output_type="all") for model in (ours, theirs)
        )
        assert set(maps) == set(expected)
        for name, image in maps.items():
            assert difference(image, expected[name]) < tolerance, name
