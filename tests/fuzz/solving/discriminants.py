"""Linear discriminants."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.solving.classes import means_of, of_present, priors_of, sizes_of
from tests.fuzz.solving.fold import Exact, Fold, singular_values, two_columns


def by_lda(estimator: Any, fold: Fold) -> Exact | None:
    """scikit-learn's, of samples less their mean, beside which it would lose its digits."""
    middle = fold.x.mean(axis=0)
    try:
        model = of_present(estimator, fold).fit(fold.x - middle, fold.y)
    except IndexError:
        # Its SVD solver, where no voxel varies within classes.
        return None
    found = model.decision_function(fold.tests - middle)
    condition = 1.0
    if hasattr(model, "covariance_"):
        condition = float(np.linalg.cond(model.covariance_))
    return Exact(two_columns(found) if found.ndim == 1 else found, condition)


def by_covariance(estimator: Any, fold: Fold) -> Exact | None:
    """LDA whose covariance is a sum of products and the same number on the diagonal."""
    sizes = sizes_of(fold)
    priors = priors_of(estimator, fold)
    if priors is None:
        priors = sizes / sizes.sum()
    means = means_of(fold)
    middle = fold.x.mean(axis=0)
    within = []
    added = 0.0 if estimator.shrinkage is not None else estimator.covariance_estimator.alpha
    amount = estimator.shrinkage or 0.0
    for c, mean, prior, size in zip(fold.classes, means, priors, sizes, strict=True):
        part = (fold.x[fold.y == c] - mean) * np.sqrt(prior / size)
        added += amount * (part**2).sum() / fold.x.shape[1]
        within.append(part * np.sqrt(1 - amount))
    if not added > 0:
        # No voxel varies within classes.
        return None
    _, s, right = np.linalg.svd(np.vstack(within), full_matrices=False)
    means, tests = means - middle, fold.tests - middle
    inside = [part @ right.T / np.sqrt(s**2 + added) for part in (means, tests)]
    products = inside[1] @ inside[0].T
    gram = inside[0] @ inside[0].T
    if fold.x.shape[1] > len(s):
        # Twice, so that nothing of the inside is left.
        beyond = [part - part @ right.T @ right for part in (means, tests)]
        beyond = [part - part @ right.T @ right for part in beyond]
        products = products + beyond[1] @ beyond[0].T / added
        gram = gram + beyond[0] @ beyond[0].T / added
    found = products - np.diag(gram) / 2 + np.log(priors)
    # With all samples, or those of a class less their mean, whichever are worse.
    squares = singular_values(fold.x, centred=True) ** 2 / len(fold.x)
    wide = fold.x.shape[1] > len(s)
    condition = (squares.max() + added) / (
        (0 if wide else min(squares.min(), s.min() ** 2)) + added
    )
    roots = np.linalg.eigvalsh(gram * np.sqrt(priors * priors[:, None]))
    return Exact(found, condition, lost=1 + roots.max())
