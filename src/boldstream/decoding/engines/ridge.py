"""Ridge and RidgeClassifier with a fixed penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.weights import (
    class_counts,
    counts_of,
    rule_out_absent,
    train_means,
)
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.ridge import decide_ridge, decide_ridge_raw


@dataclass(frozen=True)
class RidgeEngine(Engine):
    """One matrix of a sphere maps any target to what its folds predict.

    Parameters
    ----------
    alpha : float
        Above 0.
    intercept : bool
        Whether a constant, not penalised, is fitted.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    alpha: float
    intercept: bool
    scaled: bool

    title: ClassVar[str] = "ridge, one decision matrix for each sphere"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        n_spheres, n_labellings, n_tests, n_columns = out.shape
        several = n_columns > 1
        shape = n_spheres, n_labellings, n_columns, n_tests
        rows = np.empty(shape, np.float32) if several else out.reshape(shape)
        spheres = block.values, block.members, block.starts, *folds.arrays
        at_once = folds.complementary and not self.scaled
        how = targets.n_classes, self.alpha, None if at_once else self.scaled
        if self.intercept:
            means = _means_that_count(targets, folds)
            to = rows.reshape(n_spheres, -1, n_tests)
            decide_ridge(*spheres, targets.regressed_singles, means, *how, to)
        else:
            # What is predicted of a constant is not that constant.
            decide_ridge_raw(*spheres, targets.regressed + targets.offset, *how, rows)
            rows -= np.float32(targets.offset)
        if several:
            out[...] = rows.transpose(0, 1, 3, 2)
            rule_out_absent(out, class_counts(targets, counts_of(folds)), folds)


def _means_that_count(targets: Targets, folds: Folds) -> NDArray[np.float64]:
    """Means of targets in training (folds, targets); of three classes, less a labelling's largest.

    Only differences between classes count. What is small beside a mean, where
    the penalty is large, float32 holds of classes to which nothing is added.
    """
    means = train_means(targets, folds)
    if targets.n_columns == 1:
        return means
    each = means.reshape(len(means), -1, targets.n_columns)
    less: NDArray[np.float64] = each - each.max(axis=2, keepdims=True)
    return less.reshape(means.shape)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine of `Ridge` or `RidgeClassifier`, or why there is none."""
    from sklearn.linear_model import Ridge, RidgeClassifier

    if type(estimator) not in (Ridge, RidgeClassifier):
        return None
    if estimator.positive:
        return "positive coefficients"
    if getattr(estimator, "class_weight", None) is not None:
        return "class weights"
    alpha = np.asarray(estimator.alpha, np.float64)
    if alpha.ndim or not alpha > 0:
        return "a penalty that is not one positive number"
    return RidgeEngine(float(alpha), bool(estimator.fit_intercept), scaled)
