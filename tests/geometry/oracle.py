"""rsatoolbox, and made-up patterns."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.geometry import RDM

# It says that it has types, and has them in part.
_data: Any = import_module("rsatoolbox.data")
_inference: Any = import_module("rsatoolbox.inference")
_rdm: Any = import_module("rsatoolbox.rdm")
noise_of: Any = import_module("rsatoolbox.data.noise")

Floats = NDArray[np.float64]

METHODS = {
    "spearman": "spearman",
    "pearson": "corr",
    "kendall_tau_a": "tau-a",
    "cosine": "cosine",
}


def dataset_of(patterns: Any, conditions: Any, folds: Any = None) -> Any:
    described = {"conds": np.asarray(conditions)}
    if folds is not None:
        described["runs"] = np.asarray(folds)
        described["cells"] = np.array([f"{r}/{c}" for r, c in zip(folds, conditions, strict=True)])
    return _data.Dataset(np.array(patterns, np.float64), obs_descriptors=described)


def their_rdm(
    patterns: Any, conditions: Any, method: str, folds: Any = None, precision: Any = None
) -> Floats:
    with warnings.catch_warnings():
        # NaN that it casts to integers while it sorts.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = _rdm.calc_rdm(
            dataset_of(patterns, conditions, folds),
            method=method,
            descriptor="conds",
            noise=precision,
            cv_descriptor=None if folds is None or method != "crossnobis" else "runs",
        )
    return np.asarray(found.dissimilarities[0])


def theirs(rdms: list[RDM]) -> Any:
    return _rdm.RDMs(np.array([one.values for one in rdms]))


def their_similarity(one: RDM, other: RDM, method: str) -> float:
    return float(their_similarities([one], [other], method)[0, 0])


def their_similarities(rdms: list[RDM], models: list[RDM], method: str) -> Floats:
    return np.asarray(_rdm.compare(theirs(rdms), theirs(models), METHODS[method]))


def their_ceiling(rdms: list[RDM], method: str) -> tuple[float, float]:
    with warnings.catch_warnings():
        # That the mean of ranks is not the best for tau.
        warnings.simplefilter("ignore", UserWarning)
        lower, upper = _inference.boot_noise_ceiling(theirs(rdms), method=METHODS[method])
    return float(lower), float(upper)


def made_up(
    rng: np.random.Generator,
    *,
    n_conditions: int = 4,
    n_folds: int = 3,
    n_repeats: int = 2,
    n_voxels: int = 30,
) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
    """Patterns (samples, voxels) in a random order, their conditions and folds."""
    names = np.array(["pine", "cat", "oak", "dog", "elm", "cow", "ash"])[:n_conditions]
    conditions = np.tile(names, n_folds * n_repeats)
    folds = np.repeat(np.arange(1, n_folds + 1), n_conditions * n_repeats)
    order = rng.permutation(len(conditions))
    conditions, folds = conditions[order], folds[order]
    shown = dict(zip(names, rng.normal(size=(n_conditions, n_voxels)), strict=True))
    signal = np.array([shown[name] for name in conditions])
    mixing = np.eye(n_voxels) + 0.3 * rng.normal(size=(n_voxels, n_voxels))
    noise = rng.normal(size=signal.shape) @ mixing
    return 5 + signal + noise, conditions, folds


def random_rdm(rng: np.random.Generator, names: Any = "abcdef", *, ties: bool = False) -> RDM:
    n = len(names)
    values = rng.normal(3, 1, size=n * (n - 1) // 2)
    return RDM(np.round(values) if ties else values, tuple(names), "model")
