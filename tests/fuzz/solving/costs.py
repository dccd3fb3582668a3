"""What estimators with a cost `C` of samples share; raw values and tiny penalties cost no digits.

Coordinates are those of singular vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from tests.fuzz.solving.fold import EPS, Fold


def costs_of(estimator: Any, fold: Fold) -> dict[int, float]:
    """Cost of a sample of each class; of values, of any."""
    if fold.values:
        return {0: estimator.C}
    weights = compute_class_weight(estimator.class_weight, classes=fold.classes, y=fold.y)
    return {int(c): estimator.C * w for c, w in zip(fold.classes, weights, strict=True)}


def with_constant(estimator: Any, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
    """Samples and tests with the constant voxel whose weight is liblinear's intercept."""
    if not estimator.fit_intercept:
        return fold.x, fold.tests
    scaling = float(estimator.intercept_scaling)
    x, tests = (
        np.hstack([part, np.full((len(part), 1), scaling)]) for part in (fold.x, fold.tests)
    )
    return x, tests


def turned(x: np.ndarray, tests: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left singular vectors, singular values, and tests in the same coordinates."""
    u, s, right = np.linalg.svd(x, full_matrices=False)
    kept = s > s.max(initial=0) * EPS * max(x.shape)
    return u[:, kept], s[kept], tests @ right[kept].T
