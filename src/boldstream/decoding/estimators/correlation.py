"""`CorrelationClassifier`: the class whose mean pattern correlates most with a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data


class CorrelationClassifier(ClassifierMixin, BaseEstimator):
    """Predict the class whose mean training pattern correlates most with a sample.

    Pearson's correlation across voxels (Haxby et al., Science 2001). A pattern
    that is the same in all voxels correlates 0 with any other; of equal
    correlations the first class is predicted.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    patterns_ : ndarray, shape (n_classes, n_features)
        Means of the training samples of each class.
    n_features_in_ : int

    Examples
    --------
    >>> from boldstream.decoding.estimators import CorrelationClassifier
    >>> patterns = [[3.0, 1.0, 1.0], [2.0, 0.0, 1.0], [1.0, 2.0, 5.0]]
    >>> classifier = CorrelationClassifier().fit(patterns, ["face", "face", "house"])
    >>> classifier.predict([[30.0, 12.0, 14.0]])
    array(['face'], dtype='<U5')
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Patterns of two features can only correlate 1, 0 or −1.
        tags.classifier_tags.poor_score = True
        return tags

    def fit(self, X: Any, y: Any) -> CorrelationClassifier:  # noqa: N803
        """Take the mean pattern of each class.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
            Classes.

        Returns
        -------
        CorrelationClassifier

        Raises
        ------
        ValueError
            If `X` or `y` is not finite, does not fit, or is empty; if `y`
            holds numbers that are no classes, or one class only.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("`y` must hold at least two classes, got one class")
        self.patterns_ = np.stack([X[codes == c].mean(axis=0) for c in range(len(self.classes_))])
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Correlations with the classes.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples, n_classes), or (n_samples,) of two classes
            Of two classes, the correlation with the second less that with the first.

        Raises
        ------
        ValueError
            If `X` is not finite, or of another number of features than was fitted.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)  # noqa: N806
        found: NDArray[np.float64] = _unit_patterns(X) @ _unit_patterns(self.patterns_).T
        return found[:, 1] - found[:, 0] if len(self.classes_) == 2 else found

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The class that each sample correlates with most.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        ndarray, shape (n_samples,)

        Raises
        ------
        ValueError
            As `decision_function`.
        """
        found = self.decision_function(X)
        best = found > 0 if found.ndim == 1 else found.argmax(axis=1)
        predicted: NDArray[Any] = self.classes_[best.astype(np.intp)]
        return predicted


def _unit_patterns(patterns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Patterns with mean 0 and length 1 across voxels; 0 where all voxels are equal."""
    away: NDArray[np.float64] = patterns - patterns.mean(axis=1, keepdims=True)
    length = np.linalg.norm(away, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(away, length, out=np.zeros_like(away), where=length > 0)
    return unit
