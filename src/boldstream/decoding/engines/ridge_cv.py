"""RidgeCV and RidgeClassifierCV, each sample left out in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.weights import class_counts, counts_of, rule_out_absent
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.ridge_cv import decide_ridge_cv

Floats = NDArray[np.float64]
Chosen = NDArray[np.int32]


@dataclass(frozen=True)
class RidgeCvEngine(Engine):
    """Each fold takes the penalty with the least squared error of samples left out in turn.

    Parameters
    ----------
    alphas : tuple of float
        All above 0. Of equally good ones the first is taken.
    intercept : bool
        Whether a constant, not penalised, is fitted.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    alphas: tuple[float, ...]
    intercept: bool
    scaled: bool

    title: ClassVar[str] = "ridge, its penalty chosen in each fold"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        self.choose(block, folds, targets, out)

    def choose(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> NDArray[np.int32]:
        """As `decide`; also gives which penalty each fold took, (spheres, folds, labellings)."""
        chosen = np.empty((len(block), len(folds.test), len(targets.labellings)), np.int32)
        shifted = not self.intercept and targets.offset != 0
        y = targets.regressed + targets.offset if shifted else targets.regressed
        if targets.n_columns > 1:
            sizes = class_counts(targets, counts_of(folds))
            if self.intercept or (sizes > 0).all():
                self._solve(block, folds, y, targets.n_classes, out, chosen)
            else:
                self._solve_apart(block, folds, y, sizes, out, chosen)
            rule_out_absent(out, sizes, folds)
            return chosen
        self._solve(block, folds, y, targets.n_classes, out, chosen)
        if shifted:
            out -= np.float32(targets.offset)
        return chosen

    def _solve(
        self,
        block: Block,
        folds: Folds,
        y: Floats,
        n_classes: int,
        out: NDArray[np.float32],
        chosen: Chosen,
    ) -> None:
        decide_ridge_cv(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            y,
            n_classes,
            np.array(self.alphas),
            self.intercept,
            self.scaled,
            out,
            chosen,
        )

    def _solve_apart(
        self,
        block: Block,
        folds: Folds,
        y: Floats,
        sizes: Floats,
        out: NDArray[np.float32],
        chosen: Chosen,
    ) -> None:
        """Each fold with the classes that it has: an absent one has no say in the penalty.

        It is −1 throughout, which without an intercept some penalties miss by
        more than others; 0 all of them fit.
        """
        _, _, _, at = folds.arrays
        for f, (train, test) in enumerate(zip(folds.train, folds.test, strict=True)):
            there = (sizes[:, f] > 0).reshape(-1, 1)
            part = np.empty((*out.shape[:2], len(test), out.shape[3]), np.float32)
            taken = np.empty((len(block), 1, len(sizes)), np.int32)
            one = Folds((train,), (test,), folds.n_samples)
            self._solve(block, one, y * there, sizes.shape[-1], part, taken)
            out[:, :, at[f] : at[f + 1]] = part
            chosen[:, f] = taken[:, 0]


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine for an estimator, as `Recogniser` says."""
    from sklearn.linear_model import RidgeClassifierCV, RidgeCV

    if type(estimator) not in (RidgeCV, RidgeClassifierCV):
        return None
    if estimator.cv is not None:
        return "a penalty chosen by other folds than samples left out in turn"
    if estimator.scoring is not None:
        return f"a penalty chosen by scoring {estimator.scoring!r}"
    if getattr(estimator, "class_weight", None) is not None:
        return "class weights"
    alphas = np.atleast_1d(np.asarray(estimator.alphas, dtype=np.float64))
    if not (alphas.ndim == 1 and len(alphas) and np.isfinite(alphas).all() and (alphas > 0).all()):
        return "penalties that are not all positive numbers"
    return RidgeCvEngine(tuple(map(float, alphas)), bool(estimator.fit_intercept), scaled)
