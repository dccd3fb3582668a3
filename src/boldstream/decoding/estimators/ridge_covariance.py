"""`RidgeCovariance`: a covariance with the same amount added to each variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from boldstream.core.checks import positive_number


class RidgeCovariance(BaseEstimator):
    """Empirical covariance with `alpha` added to each variance.

    What is added does not depend on labels, as a share of the covariance's own
    trace does. Two classes under
    ``LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=RidgeCovariance(alpha))``
    are therefore ridge regression: one matrix serves any number of permutations.

    Parameters
    ----------
    alpha : float
        Above 0, in squared units of the data.

    Attributes
    ----------
    covariance_ : ndarray, shape (n_features, n_features)
    location_ : ndarray, shape (n_features,)
        Mean of the samples.
    n_features_in_ : int

    Examples
    --------
    >>> from boldstream.decoding.estimators import RidgeCovariance
    >>> RidgeCovariance(alpha=0.5).fit([[0.0, 1.0], [2.0, 1.0]]).covariance_
    array([[1.5, 0. ],
           [0. , 0.5]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Any, y: Any = None) -> RidgeCovariance:  # noqa: N803
        """Estimate the covariance.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : None
            Not used.

        Returns
        -------
        RidgeCovariance

        Raises
        ------
        ParameterError
            If `alpha` is no finite number above 0.
        ValueError
            If `X` is not finite.
        """
        positive_number("alpha", self.alpha)
        X = validate_data(self, X, dtype=np.float64)  # noqa: N806
        self.location_ = X.mean(axis=0)
        away = X - self.location_
        self.covariance_ = away.T @ away / len(X) + self.alpha * np.eye(X.shape[1])
        return self

    def get_precision(self) -> NDArray[np.float64]:
        """Inverse of the covariance, shape (n_features, n_features)."""
        check_is_fitted(self)
        precision: NDArray[np.float64] = np.linalg.inv(self.covariance_)
        return precision
