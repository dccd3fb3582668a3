"""`BestVoxels`: the voxels in which targets differ most, chosen inside each fold."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin, f_classif, f_regression
from sklearn.utils.validation import check_is_fitted, validate_data


class BestVoxels(SelectorMixin, BaseEstimator):
    """Select voxels by their F, as many as there are or a share of them.

    Parameters
    ----------
    k : int or float
        How many, at least 1: all of a region that has fewer. A number below
        1, or 1.0, is a share, rounded up.
    values : bool
        Whether the target is values (regression) and not classes.

    Attributes
    ----------
    scores_ : ndarray, shape (voxels,)
        F; NaN in a voxel that does not vary, which comes last.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0, 5.0], [0.1, 2.0, 5.0], [1.0, 1.0, 5.0], [1.1, 2.0, 5.0]])
    >>> BestVoxels(1).fit(x, [0, 0, 1, 1]).get_support()
    array([ True, False, False])
    """

    def __init__(self, k: float = 10, *, values: bool = False) -> None:
        self.k = k
        self.values = values

    def fit(self, X: Any, y: Any) -> BestVoxels:  # noqa: N803 - scikit-learn's name
        X, y = validate_data(self, X, y, y_numeric=self.values)  # noqa: N806
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            # Voxels that do not vary are known, and come last.
            warnings.filterwarnings("ignore", "Features .* are constant", UserWarning)
            self.scores_ = (f_regression if self.values else f_classif)(X, y)[0]
        n = X.shape[1]
        is_share = isinstance(self.k, float)
        k = max(1, int(np.ceil(round(self.k * n, 9)))) if is_share else int(self.k)
        order = np.argsort(np.nan_to_num(-self.scores_, nan=np.inf, posinf=np.inf), kind="stable")
        self.support_ = np.zeros(n, np.bool_)
        self.support_[order[: min(k, n)]] = True
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_
