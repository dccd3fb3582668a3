"""Ridge and RidgeClassifier with a fixed penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.weights import class_counts, counts_of, rule_out_absent
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.ridge import decide_ridge


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
        shifted = not self.intercept and targets.offset != 0
        n_spheres, n_labellings, n_tests, n_columns = out.shape
        several = n_columns > 1
        shape = n_spheres, n_labellings, n_columns, n_tests
        rows = np.empty(shape, np.float32) if several else out.reshape(shape)
        decide_ridge(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            targets.regressed + targets.offset if shifted else targets.regressed,
            targets.n_classes,
            self.alpha,
            self.intercept,
            self.scaled,
            folds.complementary and not self.scaled,
            rows,
        )
        if several:
            out[...] = rows.transpose(0, 1, 3, 2)
            rule_out_absent(out, class_counts(targets, counts_of(folds)), folds)
        if shifted:
            # Without an intercept, what is predicted of a constant is not that constant.
            out -= np.float32(targets.offset)


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
