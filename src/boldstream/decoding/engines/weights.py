"""How much samples count in a fold: how often it trains on them, and the weight of their class."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.task.problem import Folds, Targets

Floats = NDArray[np.float64]
ClassWeight: TypeAlias = tuple[float, ...] | Literal["balanced"] | None

_MEANS: WeakKeyDictionary[Targets, tuple[Folds, Floats]] = WeakKeyDictionary()


def read_class_weight(given: Any, targets: Targets) -> tuple[ClassWeight, str | None]:
    """Weights of classes as scikit-learn takes them, and why they are not taken, if so.

    Parameters
    ----------
    given : dict, "balanced" or None
        A dictionary by label of class.
    targets : Targets
    """
    from sklearn.utils.class_weight import compute_class_weight

    if given is None or given == "balanced":
        return ("balanced" if given else None), None
    try:
        weights = compute_class_weight(given, classes=targets.classes, y=targets.classes)
    except ValueError:
        return None, "a class weight of a class that there is not"
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        return None, "a class weight that is not positive"
    return tuple(map(float, weights)), None


def counts_of(folds: Folds) -> Floats:
    """How often each fold trains on each sample, (folds, samples)."""
    return np.array([np.bincount(train, minlength=folds.n_samples) for train in folds.train], float)


def train_means(targets: Targets, folds: Folds) -> Floats:
    """Mean of what least squares fit over what each fold trains on, (folds, targets).

    Kept as long as the targets are: of many labellings it takes as long as to solve a sphere.
    """
    kept = _MEANS.get(targets)
    if kept is None or kept[0] is not folds:
        counts = counts_of(folds)
        # Sums of whole numbers are exact, so that those of equal classes are 0.
        means = counts @ targets.regressed.T / counts.sum(axis=1, keepdims=True)
        kept = _MEANS[targets] = folds, means
    return kept[1]


def class_counts(targets: Targets, counts: Floats) -> Floats:
    """Training samples of each class, (labellings, folds, classes)."""
    given = targets.labellings
    each = [(given == c).astype(float) @ counts.T for c in range(targets.n_classes)]
    return np.stack(each, axis=-1)


def class_weights(weights: ClassWeight, sizes: Floats) -> Floats:
    """Weights of classes, (labellings, folds, classes); of a class without samples, 1."""
    if weights is None:
        return np.ones(sizes.shape)
    if weights == "balanced":
        present = (sizes > 0).sum(axis=-1, keepdims=True)
        balanced: Floats = sizes.sum(axis=-1, keepdims=True) / (present * np.maximum(sizes, 1))
        return np.where(sizes > 0, balanced, 1.0)
    return np.broadcast_to(np.array(weights), sizes.shape)


def rule_out_absent(out: NDArray[np.float32], sizes: Floats, folds: Folds) -> None:
    """A class that a fold has no sample of is never predicted there.

    Changes decision values `out` (spheres, labellings, tests, classes); where
    one column stands for two classes, nothing.
    """
    if out.shape[-1] != sizes.shape[-1]:
        return
    _, _, _, test_at = folds.arrays
    for label, fold, c in np.argwhere(sizes == 0):
        out[:, label, test_at[fold] : test_at[fold + 1], c] = -np.inf
