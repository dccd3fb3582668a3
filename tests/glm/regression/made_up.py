"""Made-up runs and designs, and nilearn's fit of them: the oracle of the tests beside."""

from __future__ import annotations

import warnings
from typing import Any

import nibabel as nib
import numpy as np
from nilearn.glm.first_level import mean_scaling, run_glm
from nilearn.signal import standardize_signal
from numpy.typing import NDArray

from boldstream.glm.regression import RunFit, RunModel

Floats = NDArray[np.float64]

SHAPE = (5, 4, 3)
N = 60
SCALINGS = (None, "voxel", "volume", "grand", "zscore_sample", "psc")


def autoregressive(
    rng: np.random.Generator, rho: Any, n: int, voxels: int, *, burn_in: int = 50
) -> Floats:
    """Noise of variance 1 before it is filtered; `rho` is a number or one for each voxel."""
    noise = rng.normal(size=(n + burn_in, voxels))
    for t in range(1, len(noise)):
        noise[t] += rho * noise[t - 1]
    return noise[burn_in:]


def signals(n: int = N, voxels: int = 60, *, mean: float = 600.0, seed: int = 0) -> Floats:
    """Time courses (n, voxels) with autoregressive noise and slow waves."""
    rng = np.random.default_rng(seed)
    noise = autoregressive(rng, rng.uniform(-0.3, 0.6, voxels), n, voxels)
    waves = np.sin(np.arange(n) / 4)[:, None] * rng.uniform(0, 2, voxels)
    return mean * rng.uniform(0.5, 1.5, voxels) + 5 * noise + 5 * waves


def designs(n: int = N) -> dict[str, Floats]:
    """Designs of all kinds that users fit, by name."""
    rng = np.random.default_rng(3)
    time = np.arange(n)
    task = np.sin(time / 4)[:, None] + rng.normal(size=(n, 2)) / 4
    drift = np.cos(np.pi * np.outer(2 * time + 1, np.arange(1, 4)) / (2 * n))
    ones = np.ones((n, 1))
    both = np.hstack([task, drift, ones])
    halves = np.repeat(np.eye(2), [n // 2, n - n // 2], axis=0)
    return {
        "constant": both,
        "no constant": task,
        # No column is one, their sum is.
        "constant in the span": np.hstack([task, halves]),
        "twice the same": np.hstack([both, both[:, :2] @ [[1.0], [-2.0]]]),
        "a column of zeros": np.hstack([both, 0 * ones]),
        "badly scaled": both * [1e6, 1e-3, 1.0, 1e3, 1.0, 1.0],
        "far from zero": np.hstack([task + 1e4, ones]),
        "spikes": np.hstack([both, np.eye(n)[:, [0, 20, n - 1]]]),
        "one constant": ones,
    }


def image_of(data: Floats, shape: tuple[int, int, int] = SHAPE, dtype: str = "f8") -> Any:
    """Time courses (volumes, voxels), voxels in the order of ``data[mask]``, as an image."""
    return nib.Nifti1Image(data.T.reshape(*shape, -1).astype(dtype), np.eye(4))


def scaled_by_nilearn(data: Floats, kind: str | None) -> Floats:
    """What nilearn would fit."""
    if kind is None:
        return data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "volume":
            means = np.maximum(data.mean(axis=1, keepdims=True), 1)
            return np.asarray(100 * (data / means - 1))
        if kind in ("voxel", "grand"):
            return np.asarray(mean_scaling(data, 0 if kind == "voxel" else (0, 1))[0])
        return np.asarray(standardize_signal(data, detrend=False, standardize=kind))


def nilearns_fit(data: Floats, model: RunModel) -> tuple[NDArray[Any], dict[Any, Any]]:
    """Labels and results of nilearn for the volumes that the model keeps."""
    kept = data if model.kept is None else data[model.kept]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        labels, results = run_glm(
            scaled_by_nilearn(kept, model.scaling),
            model.design,
            noise_model=model.noise_model,
            bins=model.bins,
            random_state=model.random_state,
        )
    return labels, results


def assert_as_nilearn(fit: RunFit, data: Floats, model: RunModel, rtol: float = 1e-8) -> None:
    """All that nilearn says of a fit, relative to the largest value of each kind."""
    labels, results = nilearns_fit(data, model)
    assert fit.labels.dtype.kind == labels.dtype.kind
    np.testing.assert_array_equal(fit.labels, labels)
    assert set(fit.covariances) == set(fit.rho) == set(results)
    assert fit.n_volumes == len(model.design)
    for label, wanted in results.items():
        voxels = labels == label
        assert fit.df_model == wanted.df_model
        # A column of zeros has neither size nor error.
        sizes = np.sqrt(np.diag(wanted.cov))
        sizes[sizes == 0] = 1.0
        errors = sizes[:, None] * np.sqrt(wanted.dispersion)
        for row, expected, error in zip(fit.theta[:, voxels], wanted.theta, errors, strict=True):
            close(row, expected, rtol, at_least=error.max())
        close(fit.covariances[label] / sizes, wanted.cov / sizes, rtol)
        close(fit.dispersion[voxels], wanted.dispersion, rtol)
        close(fit.sse[voxels], wanted.SSE, rtol)
        close(fit.sse[voxels] / (fit.n_volumes - fit.df_model), wanted.MSE, rtol)
        close(fit.r_square[voxels], wanted.r_square, rtol, at_least=1.0)


def close(got: Any, wanted: Any, rtol: float, *, at_least: float = 0.0) -> None:
    """Equal but for a share of the largest value, or of a size that matters."""
    largest = max(np.abs(np.nan_to_num(wanted)).max(initial=0), np.nan_to_num(at_least))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=rtol * largest)
