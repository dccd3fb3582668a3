"""LinearDiscriminantAnalysis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.priors import Priors, log_priors, priors_of, read_priors
from boldstream.decoding.engines.weights import class_counts, counts_of, rule_out_absent
from boldstream.decoding.estimators.ridge_covariance import RidgeCovariance
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.lda import (
    FIXED,
    LEDOIT_WOLF,
    RIDGE,
    SVD,
    SVD_UNBIASED,
    WIDE,
    decide_lda,
)
from boldstream.kernels.decoding.lda_shared import decide_lda_shared

_KINDS = {"svd": SVD, "shrinkage": FIXED, "auto": LEDOIT_WOLF, "ridge": RIDGE}


@dataclass(frozen=True)
class LdaEngine(Engine):
    """Fitted for each sphere, fold and labelling.

    Where the covariance within classes is or may be singular, what
    scikit-learn's own solver makes of it is asked of scikit-learn.

    Parameters
    ----------
    kind : {"svd", "shrinkage", "auto", "ridge"}
        What is done to the covariance.
    amount : float
        Tolerance of the SVD, shrinkage, or what is added to variances.
    priors : tuple of float or None
        None for the shares of classes in each fold.
    scaled : bool
        Whether voxels are standardised in each fold first.
    solver : {"svd", "lsqr", "eigen"}
        Of scikit-learn, where it is asked.
    """

    kind: Literal["svd", "shrinkage", "auto", "ridge"]
    amount: float
    priors: Priors
    scaled: bool
    solver: str

    title: ClassVar[str] = "LDA, Cholesky factors"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        sizes = class_counts(targets, counts_of(folds))
        solved = np.ones(out.shape[:2], np.bool_)
        by_svd = self.kind == "svd"
        decide_lda(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            targets.labellings,
            log_priors(self.priors, sizes),
            self._kind(),
            None if by_svd else self.amount,
            self.amount if by_svd else None,
            self.scaled,
            out,
            solved,
        )
        for sphere, label in np.argwhere(~solved):
            x = block.values[block.members[block.starts[sphere] : block.starts[sphere + 1]]].T
            out[sphere, label] = self._by_scikit_learn(x, targets.labellings[label], folds, targets)
        rule_out_absent(out, sizes, folds)

    def _by_scikit_learn(
        self, x: NDArray[np.float32], codes: NDArray[np.int16], folds: Folds, targets: Targets
    ) -> NDArray[np.float64]:
        """Decision values (tests, columns) of one sphere."""
        from sklearn.preprocessing import StandardScaler

        given = x.astype(np.float64)
        parts = []
        for train, test in zip(folds.train, folds.test, strict=True):
            ready = StandardScaler().fit(given[train]).transform(given) if self.scaled else given
            estimator = self._estimator(np.bincount(codes[train], minlength=targets.n_classes))
            if self._turns(*x.shape):
                ready = _turned(ready)
                if self.kind == "shrinkage":
                    whole = _Shrunken(self.amount, x.shape[1])
                    estimator.set_params(shrinkage=None, covariance_estimator=whole)
            try:
                fitted = estimator.fit(ready[train], codes[train])
            except np.linalg.LinAlgError as error:
                raise ParameterError(
                    "`estimator` must be able to fit each sphere, and in one of them "
                    f"LinearDiscriminantAnalysis failed: {error}; leave out voxels that do not "
                    "vary, or take another solver"
                ) from error
            found = fitted.decision_function(ready[test]).reshape(len(test), -1)
            columns = np.zeros((len(test), targets.n_columns))
            if targets.n_columns == 1:
                columns[:] = found
            elif len(fitted.classes_) == 2:
                columns[:, fitted.classes_] = found * [-0.5, 0.5]
            else:
                columns[:, fitted.classes_] = found - found.mean(axis=1, keepdims=True)
            parts.append(columns)
        return np.concatenate(parts)

    def _kind(self) -> int:
        return SVD_UNBIASED if self.kind == "svd" and svd_is_unbiased() else _KINDS[self.kind]

    def _turns(self, n: int, n_voxels: int) -> bool:
        """Whether fewer dimensions are given to scikit-learn, which takes a matrix of them."""
        if self.kind == "auto":
            # Shrinkage is by voxel. That of classes of two samples or fewer is 0, and where
            # that of all is not, nothing is asked of so many voxels.
            return n_voxels > max(WIDE, n)
        return self.kind != "svd" and n_voxels > n

    def _estimator(self, sizes: NDArray[Any]) -> Any:
        """scikit-learn's, of the classes that a fold has, by their `sizes` there."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        by_kind: dict[str, dict[str, Any]] = {
            "svd": {"tol": self.amount},
            "shrinkage": {"shrinkage": self.amount},
            "auto": {"shrinkage": "auto"},
            "ridge": {"covariance_estimator": RidgeCovariance(self.amount)},
        }
        more = by_kind[self.kind]
        priors = None
        if self.priors is not None:
            priors = priors_of(self.priors, sizes)[sizes > 0]
        return LinearDiscriminantAnalysis(solver=self.solver, priors=priors, **more)


class _Shrunken:
    """scikit-learn's ``shrunk_covariance``, of samples that were turned to fewer dimensions.

    Parameters
    ----------
    shrinkage : float
    n_voxels : int
        The dimensions that they had, over which variance is spread.
    """

    def __init__(self, shrinkage: float, n_voxels: int) -> None:
        self.shrinkage, self.n_voxels = shrinkage, n_voxels

    def fit(self, x: NDArray[np.float64]) -> None:
        """Fill `covariance_`."""
        found = np.atleast_2d(np.cov(x, rowvar=False, bias=True))
        by = self.shrinkage * np.trace(found) / self.n_voxels
        self.covariance_ = (1.0 - self.shrinkage) * found + by * np.eye(len(found))


def _turned(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples (samples, voxels) less their mean in no more dimensions than there are of them.

    Covariances that are shrunk toward a multiple of the identity, or not at
    all, are those of a rotation; what is left out, they are null in.
    """
    turned: Any = np.linalg.qr((x - x.mean(axis=0)).T, mode="r")
    return np.ascontiguousarray(turned.T)


@dataclass(frozen=True)
class SharedLdaEngine(Engine):
    """`RidgeCovariance` and the priors of each fold: what labels add is of few dimensions.

    Of two classes of equal size in a fold, decision values of permuted
    labellings are given up to a positive factor for each fold; scores are the same.

    Parameters
    ----------
    alpha : float
        What is added to variances.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    alpha: float
    scaled: bool

    title: ClassVar[str] = "LDA, one matrix for all labellings"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        sizes = class_counts(targets, counts_of(folds))
        decide_lda_shared(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            targets.labellings,
            sizes,
            self.alpha,
            self.scaled,
            out,
        )
        rule_out_absent(out, sizes, folds)


@cache
def svd_is_unbiased() -> bool:
    """Whether this scikit-learn's svd solver takes covariances of n samples less the classes.

    It did before 1.9, unlike the other solvers (scikit-learn's pull request 33626).
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    by_svd, by_lsqr = (
        LinearDiscriminantAnalysis(solver=solver).fit(x, y).coef_[0, 0]
        for solver in ("svd", "lsqr")
    )
    return bool(by_svd < 0.75 * by_lsqr)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine for an estimator, as `Recogniser` says."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    if type(estimator) is not LinearDiscriminantAnalysis:
        return None
    priors = read_priors(estimator.priors, targets)
    if isinstance(priors, str):
        return priors
    # Fewer components change what is transformed, not what is predicted.
    if (estimator.n_components or 1) > targets.n_classes - 1:
        return "more components than classes have"
    shrinkage, covariance = estimator.shrinkage, estimator.covariance_estimator
    if estimator.solver == "svd":
        if shrinkage is not None or covariance is not None:
            return "a covariance that the svd solver does not take"
        return LdaEngine("svd", float(estimator.tol), priors, scaled, "svd")
    if covariance is not None:
        return _with_covariance(estimator, priors, scaled)
    if isinstance(shrinkage, str):
        return LdaEngine("auto", 0.0, priors, scaled, estimator.solver)
    return LdaEngine("shrinkage", float(shrinkage or 0.0), priors, scaled, estimator.solver)


def _with_covariance(estimator: Any, priors: Priors, scaled: bool) -> Engine | str:
    covariance = estimator.covariance_estimator
    if type(covariance) is not RidgeCovariance:
        return "a covariance estimator other than RidgeCovariance"
    if estimator.shrinkage or not covariance.alpha > 0:
        return "a covariance that scikit-learn refuses"
    if priors is None:
        return SharedLdaEngine(float(covariance.alpha), scaled)
    return LdaEngine("ridge", float(covariance.alpha), priors, scaled, estimator.solver)
