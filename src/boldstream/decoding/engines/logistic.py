"""LogisticRegression with a squared penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.weights import (
    ClassWeight,
    class_counts,
    class_weights,
    counts_of,
    read_class_weight,
    rule_out_absent,
)
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.logistic import decide_logistic


@dataclass(frozen=True)
class LogisticEngine(Engine):
    """Two classes by their difference, more by a softmax.

    Parameters
    ----------
    c : float
        Cost of a sample, above 0.
    class_weight : tuple of float, "balanced" or None
        What each class's cost is multiplied with.
    scaling : float
        Value of the constant voxel whose weight is the intercept; 0 for none,
        infinity for an intercept that is not penalised.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    c: float
    class_weight: ClassWeight
    scaling: float
    scaled: bool

    title: ClassVar[str] = "logistic regression, Newton's method"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        counts = counts_of(folds)
        sizes = class_counts(targets, counts)
        costs = self.c * class_weights(self.class_weight, sizes) * (sizes > 0)
        if targets.n_classes > 2:
            # Of two classes alone scikit-learn penalises their difference, w; a softmax has ½w
            # and −½w, whose squares are half of that together.
            costs[(sizes > 0).sum(axis=-1) == 2] *= 0.5
        decide_logistic(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            counts,
            np.ascontiguousarray(targets.labellings, np.int16),
            np.ascontiguousarray(costs),
            self.scaling,
            self.scaled,
            out,
        )
        rule_out_absent(out, sizes, folds)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """Engine of a LogisticRegression, as `Recogniser` says."""
    from sklearn.linear_model import LogisticRegression

    if type(estimator) is not LogisticRegression:
        return None
    reason = _unlike_this(estimator, targets.n_classes)
    if reason:
        return reason
    weights, reason = read_class_weight(estimator.class_weight, targets)
    if reason:
        return reason
    scaling = 0.0
    if estimator.fit_intercept:
        by_liblinear = estimator.solver == "liblinear"
        scaling = float(estimator.intercept_scaling) if by_liblinear else np.inf
    return LogisticEngine(float(estimator.C), weights, scaling, scaled)


def _unlike_this(estimator: Any, n_classes: int) -> str | None:
    # Named since scikit-learn 1.8 by the ratio alone.
    penalty, ratio = estimator.penalty, estimator.l1_ratio
    if penalty not in ("deprecated", "l2") or (penalty == "deprecated" and ratio not in (0, None)):
        return f"penalty={penalty!r}, l1_ratio={ratio!r}"
    if not 0 < estimator.C < np.inf:
        return f"C={estimator.C!r}: without a penalty there may be no optimum"
    if estimator.warm_start:
        return "warm_start=True"
    # Gone since scikit-learn 1.8: one class against the rest, or a softmax also of two.
    several = getattr(estimator, "multi_class", "deprecated")
    if several not in ("deprecated", "auto"):
        return f"multi_class={several!r}"
    if estimator.solver == "liblinear" and n_classes > 2:
        return "solver='liblinear' of more than two classes"
    return None
