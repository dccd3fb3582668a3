"""What is decided voxel by voxel, or by mean patterns."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.solving.classes import means_of, of_present, sizes_of
from tests.fuzz.solving.fold import SINGLE, Exact, Fold


def by_likelihood(estimator: Any, fold: Fold) -> Exact:
    """scikit-learn's logarithms of likelihoods."""
    return Exact(
        of_present(estimator, fold).fit(fold.x, fold.y).predict_joint_log_proba(fold.tests)
    )


def by_correlation(_: Any, fold: Fold) -> Exact:
    """Correlations with means, as numpy has them."""
    means, tests, middle = (
        part - part.mean(axis=1, keepdims=True)
        for part in (means_of(fold), fold.tests, fold.x.mean(axis=0, keepdims=True))
    )
    (of_means, of_tests), (far, away) = (
        [np.linalg.norm(part - shift, axis=1) for part in (means, tests)] for shift in (0, middle)
    )
    sizes = of_tests[:, None] * of_means
    # A pattern that is the same in all voxels correlates with none.
    found = np.divide(tests @ means.T, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    if not sizes.any():
        return Exact(found, least=1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.maximum(far / of_means, 1) * max(float((away / of_tests).max()), 1)
        lost = np.maximum(lost, (far / of_means) ** 2)
    return Exact(found, lost=float(lost.max()), least=1.0)


def by_distance(_: Any, fold: Fold) -> Exact:
    """Distances from means; sums of samples, and products with them, are held in float32."""
    means = means_of(fold)
    found = -((fold.tests[:, None] - means) ** 2).sum(axis=2)
    of_tests, of_means, of_samples = (
        np.linalg.norm(part - fold.x.mean(axis=0), axis=1) for part in (fold.tests, means, fold.x)
    )
    # The last class's sum is what those of all others leave.
    of_sums = np.sqrt(np.mean(of_samples**2)) * max(1.0, len(fold.x) ** 0.5 / sizes_of(fold).min())
    held = 2 * max(of_tests.max(), of_means.max()) * of_sums
    return Exact(found, least=float(SINGLE * held))
