"""What sidecars of decoding say."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.limits import process_memory

_PACKAGES = ("numpy", "scipy", "scikit-learn", "nilearn", "numba")


def one_line(estimator: Any) -> str:
    """An estimator with its parameters."""
    return " ".join(repr(estimator).split())


def count_classes(labels: NDArray[Any]) -> dict[str, int]:
    """Samples of each class."""
    found, counts = np.unique(labels, return_counts=True)
    return dict(zip(map(str, found.tolist()), counts.tolist(), strict=True))


def describe_folds(
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]], groups: NDArray[Any] | None
) -> list[dict[str, Any]]:
    """How many samples each fold trains on and tests, and the groups it holds out."""
    described = []
    for train, test in folds:
        fold: dict[str, Any] = {"n_train": len(train), "n_test": len(test)}
        if groups is not None:
            fold["held_out"] = np.setdiff1d(groups[test], groups[train]).tolist()
        described.append(fold)
    return described


def describe_cost(started: float) -> dict[str, Any]:
    """Seconds since `started` (of `perf_counter`), peak memory, and what did the work."""
    return {
        "seconds": round(perf_counter() - started, 2),
        "peak_memory_bytes": process_memory().peak_rss_bytes,
        "versions": {name: version(name) for name in _PACKAGES},
    }
