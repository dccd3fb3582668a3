"""Estimators of this library that scikit-learn does not have."""

from boldstream.decoding.estimators.correlation import CorrelationClassifier
from boldstream.decoding.estimators.ridge_covariance import RidgeCovariance

__all__ = ["CorrelationClassifier", "RidgeCovariance"]
