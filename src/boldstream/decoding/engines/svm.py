"""LinearSVC and LinearSVR with squared losses."""

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
from boldstream.kernels.decoding.svm import decide_by_features, decide_by_products

Floats = NDArray[np.float64]

# Features are solved for in place of samples where they are this much fewer.
_FEWER = 0.6
# Of 2C times a sample's product with itself. Beyond it two equal samples of
# different classes pull so much that rounding of products decides who else
# pulls (at 1e8, decisions were off by a fifth); weights of features do not mind.
_STIFF = 1e7


@dataclass(frozen=True)
class LinearSvcEngine(Engine):
    """One class against another, or each against the rest, with a squared hinge.

    Parameters
    ----------
    c : float
        Cost of a sample, above 0.
    class_weight : tuple of float, "balanced" or None
        What each class's cost is multiplied with.
    scaling : float
        Value of the constant voxel whose weight is the intercept; 0 for none.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    c: float
    class_weight: ClassWeight
    scaling: float
    scaled: bool

    title: ClassVar[str] = "LinearSVC, Newton's method"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        counts = counts_of(folds)
        sizes = class_counts(targets, counts)
        weights = class_weights(self.class_weight, sizes)
        if targets.n_columns == 1:
            costs, ones = weights, targets.labellings == 1
        else:
            costs, ones = _against_rest(weights, sizes), _each_class(targets)
        target = np.where(ones, 1.0, -1.0)
        lo, hi = np.where(ones, 1.0, -np.inf), np.where(ones, np.inf, -1.0)
        n_spheres, n_labellings, n_tests, n_columns = out.shape
        flat = np.empty((n_spheres, n_labellings * n_columns, n_tests), np.float32)
        _decide(
            block, folds, counts, (lo, hi, target), self.c * costs, self.scaling, self.scaled, flat
        )
        out[...] = flat.reshape(n_spheres, n_labellings, n_columns, n_tests).swapaxes(2, 3)
        rule_out_absent(out, sizes, folds)


def _each_class(targets: Targets) -> NDArray[np.bool_]:
    codes = np.arange(targets.n_classes)[:, None]
    ones: NDArray[np.bool_] = targets.labellings[:, None] == codes
    return ones.reshape(-1, targets.labellings.shape[1])


def _against_rest(weights: Floats, sizes: Floats) -> Floats:
    """Weights of the rest and of a class, for each labelling and class (…, folds, 2).

    liblinear weighs a class where it stands against the rest, never the rest.
    Where a fold has two classes only, one stands against the other.
    """
    rest = np.ones(weights.shape)
    present = sizes > 0
    other = (weights * present).sum(axis=-1, keepdims=True) - weights
    two = (present.sum(axis=-1, keepdims=True) == 2) & present
    rest[two] = other[two]
    apart = np.stack([rest, weights], axis=-1).swapaxes(1, 2)
    return apart.reshape(-1, weights.shape[1], 2)


@dataclass(frozen=True)
class LinearSvrEngine(Engine):
    """Values, of which differences below epsilon do not count and others by their square.

    Parameters
    ----------
    c : float
        Cost of a sample, above 0.
    epsilon : float
        At least 0.
    scaling : float
        Value of the constant voxel whose weight is the intercept; 0 for none.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    c: float
    epsilon: float
    scaling: float
    scaled: bool

    title: ClassVar[str] = "LinearSVR, Newton's method"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        y = np.asarray(targets.labellings, float)
        lo, hi = y - self.epsilon, y + self.epsilon
        # Predictions lie nearer to the mean than values do.
        target = np.where(y > y.mean(axis=1, keepdims=True), lo, hi)
        costs = np.full((len(y), len(folds.train), 2), self.c)
        _decide(
            block,
            folds,
            counts_of(folds),
            (lo, hi, target),
            costs,
            self.scaling,
            self.scaled,
            out[..., 0],
            targets.offset,
        )


def _decide(
    block: Block,
    folds: Folds,
    counts: Floats,
    bands: tuple[Floats, Floats, Floats],
    costs: Floats,
    scaling: float,
    scaled: bool,
    out: NDArray[np.float32],
    offset: float = 0.0,
) -> None:
    """Fill `out` (spheres, targets, tests); `bands` are lower and upper edges, and the nearer one.

    `costs` (targets, folds, 2) are of samples above their band at first, and of those below it.
    """
    lo, hi, target = bands
    equal = bool((counts <= 1).all() and (costs == costs.flat[0]).all())
    given: tuple[Any, ...] = (
        *folds.arrays,
        counts,
        lo,
        hi,
        np.where(target == lo, -1, 1).astype(np.int8),
        target,
        np.ascontiguousarray(costs),
        equal,
        scaling,
        scaled,
        offset,
    )
    # Either is exact for any sphere, so one size decides for all.
    features = 1 + (block.usual_size or len(block.members) / len(block))
    left = np.zeros(len(block), np.bool_)
    if features < _FEWER * counts.sum(axis=1).mean():
        left[:] = True
    else:
        largest = _STIFF / (2 * costs.max() * counts.max())
        decide_by_products(*(*_spheres(block), *given, largest, left, out))
    if left.all():
        decide_by_features(*(*_spheres(block), *given, out))
    else:
        for sphere in np.flatnonzero(left):
            one = slice(sphere, sphere + 1)
            decide_by_features(*(*_spheres(block.some(one)), *given, out[one]))


def _spheres(block: Block) -> tuple[Any, ...]:
    return block.values, block.members, block.starts


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """Engine of a LinearSVC or a LinearSVR, as `Recogniser` says."""
    from sklearn.svm import LinearSVC, LinearSVR

    if type(estimator) not in (LinearSVC, LinearSVR):
        return None
    scaling = float(estimator.intercept_scaling) if estimator.fit_intercept else 0.0
    if not estimator.C > 0 or scaling < 0:
        return "a cost or an intercept's scaling that is not positive"
    if type(estimator) is LinearSVR:
        return _recognise_svr(estimator, scaling, scaled)
    if estimator.loss != "squared_hinge":
        return f"loss={estimator.loss!r}: its square alone has one smooth optimum"
    if estimator.penalty != "l2":
        return f"penalty={estimator.penalty!r}"
    if estimator.multi_class != "ovr":
        return f"multi_class={estimator.multi_class!r}"
    weights, reason = read_class_weight(estimator.class_weight, targets)
    if reason:
        return reason
    return LinearSvcEngine(float(estimator.C), weights, scaling, scaled)


def _recognise_svr(estimator: Any, scaling: float, scaled: bool) -> Engine | str:
    if estimator.loss != "squared_epsilon_insensitive":
        return f"loss={estimator.loss!r}: its square alone has one smooth optimum"
    if not estimator.epsilon >= 0:
        return "an epsilon below 0"
    return LinearSvrEngine(float(estimator.C), float(estimator.epsilon), scaling, scaled)
