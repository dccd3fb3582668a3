"""Estimators by name, and the engine that solves what an estimator means."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.decoding.engines import FAMILIES
from boldstream.decoding.engines.base import Engine
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.decoding.task.scorers import find_metric
from boldstream.kernels.decoding.scores import R2, ROC_AUC

# nilearn's, of 0.14.
_MAX_ITER = 10000


def find_estimator(
    estimator: Any,
    y: Any = None,
    *,
    random_state: Any = 0,
    estimator_args: Mapping[str, Any] | None = None,
) -> Any:
    """The estimator that a name stands for, or a copy of the one that is given.

    Parameters
    ----------
    estimator : str or scikit-learn estimator
        Names mean what nilearn means: "svc" is `LinearSVC`, "ridge" and
        "ridge_classifier" choose their penalty by cross-validation, "svr" is
        `SVR` with a linear kernel. "lda", "gnb", "nearest_centroid" and
        "correlation" are not nilearn's.
    y : sequence, optional
        Labels or values; where they are text, a regressor's name is refused.
    random_state : int, Generator, RandomState or None
        Of "svc" and "dummy_classifier", which are 0 in nilearn.
    estimator_args : mapping, optional
        Parameters of a named estimator; what its name says (the penalty, the
        kernel) stays.

    Returns
    -------
    estimator
        Not fitted. What was given is left as it is.

    Raises
    ------
    ParameterError
        If there is no such name, or it is a class or no estimator.

    Examples
    --------
    >>> find_estimator("svc")
    LinearSVC(max_iter=10000, random_state=0)
    >>> find_estimator("logistics")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `estimator` must ...; did you mean 'logistic'?
    """
    if not isinstance(estimator, str):
        return _copy(estimator, estimator_args)
    table = _names()
    make, fixed, usual = table[one_of("estimator", estimator, table)]
    if "random_state" in usual:
        if isinstance(random_state, np.random.Generator):
            # scikit-learn takes none.
            random_state = np.random.RandomState(random_state.bit_generator)
        usual = {**usual, "random_state": random_state}
    given = dict(estimator_args or {})
    known = inspect.signature(make).parameters
    for name in given:
        one_of("estimator_args", name, known)
    found = make(**{**usual, **given, **fixed})
    _check_suits(estimator, found, y)
    return found


def is_classifier(estimator: Any) -> bool:
    """Whether an estimator predicts classes."""
    from sklearn.base import is_classifier as is_one

    return bool(is_one(estimator))


def _copy(estimator: Any, estimator_args: Mapping[str, Any] | None) -> Any:
    from sklearn.base import clone

    if isinstance(estimator, type):
        raise ParameterError(
            f"`estimator` must be an instance, got the class {estimator.__name__}; "
            f"write {estimator.__name__}()"
        )
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise ParameterError(
            "`estimator` must be a name or an estimator of scikit-learn, with `fit` and "
            f"`get_params`, got {estimator!r}"
        )
    if estimator_args:
        raise ParameterError(
            "`estimator_args` must be given with the name of an estimator only, got "
            f"{estimator!r}; set its parameters instead"
        )
    return clone(estimator)


def _check_suits(name: str, found: Any, y: Any) -> None:
    if y is None or is_classifier(found):
        return
    text = next((label for label in np.ravel(y) if isinstance(label, str)), None)
    if text is not None:
        hint = "'ridge_classifier'" if "ridge" in name else "'svc'"
        raise ParameterError(
            f"`estimator` must be a classifier for labels such as {str(text)!r}, got the "
            f"regressor {name!r}; did you mean {hint}?"
        )


Entry = tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]


def _names() -> dict[str, Entry]:
    """By name: what makes it, parameters that the name fixes, and those that it begins with."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.linear_model import LassoCV, LogisticRegressionCV, RidgeClassifierCV, RidgeCV
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import NearestCentroid
    from sklearn.svm import SVR, LinearSVC

    from boldstream.decoding.estimators.correlation import CorrelationClassifier

    svc = {"max_iter": _MAX_ITER, "random_state": 0}
    logistic: dict[str, Any] = {"solver": "liblinear"}
    if "use_legacy_attributes" in inspect.signature(LogisticRegressionCV).parameters:
        logistic |= {"use_legacy_attributes": False, "scoring": "neg_log_loss"}
    l2: Entry = (LogisticRegressionCV, {"l1_ratios": (0,), **logistic}, {})
    ridge: Entry = (RidgeCV, {}, {})
    lasso: Entry = (LassoCV, {}, {})
    linear: Entry = (LinearSVC, {"penalty": "l2"}, svc)
    return {
        "svc": linear,
        "svc_l2": linear,
        "svc_l1": (LinearSVC, {"penalty": "l1"}, svc),
        "logistic": l2,
        "logistic_l2": l2,
        "logistic_l1": (LogisticRegressionCV, {"l1_ratios": (1,), **logistic}, {}),
        "ridge_classifier": (RidgeClassifierCV, {}, {}),
        "dummy_classifier": (DummyClassifier, {"strategy": "stratified"}, {"random_state": 0}),
        "ridge": ridge,
        "ridge_regressor": ridge,
        "lasso": lasso,
        "lasso_regressor": lasso,
        "svr": (SVR, {"kernel": "linear"}, {"max_iter": _MAX_ITER}),
        "dummy_regressor": (DummyRegressor, {"strategy": "mean"}, {}),
        "lda": (LinearDiscriminantAnalysis, {}, {}),
        "gnb": (GaussianNB, {}, {}),
        "nearest_centroid": (NearestCentroid, {}, {}),
        "correlation": (CorrelationClassifier, {}, {}),
    }


def find_engine(estimator: Any, folds: Folds, targets: Targets, scoring: Any) -> Engine | str:
    """The engine that solves an estimator exactly, or why scikit-learn has to.

    A pipeline of one step is that step, and a `StandardScaler` before it is
    known to engines.

    Parameters
    ----------
    estimator : scikit-learn estimator
    folds : Folds
    targets : Targets
    scoring : str, callable or None

    Raises
    ------
    ParameterError
        If the score has no meaning in a fold: ROC AUC of one class, R² of one
        sample; or scikit-learn refuses a parameter of the estimator.
    """
    metric = find_metric(scoring, targets.n_classes)
    if isinstance(metric, str):
        return metric
    _require_meaning(metric, folds, targets)
    if not getattr(estimator, "nilearn_searchlight_uses_cv", True):
        return f"{type(estimator).__name__} splits samples by itself"
    if targets.classes is not None and not _all_trained(folds, targets):
        return "a fold that does not train on all classes"
    found = _unwrap(estimator)
    if isinstance(found, str):
        return found
    inner, scaled = found
    _require_valid(inner)
    for family in FAMILIES:
        module = import_module(f"boldstream.decoding.engines.{family}")
        answer: Engine | str | None = module.recognise(inner, scaled, targets)
        if isinstance(answer, Engine) and metric == ROC_AUC and not answer.ranks:
            return f"the decision function of {type(inner).__name__} is not what decides"
        if answer is not None:
            return answer
    return f"no engine for {type(inner).__name__}"


def _unwrap(estimator: Any) -> tuple[Any, bool] | str:
    """The last step of a pipeline, and whether a StandardScaler stands before it."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if type(estimator) is not Pipeline:
        return estimator, False
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    if not steps or steps[-1] is not estimator.steps[-1][1]:
        return "a pipeline without an estimator at its end"
    *before, last = steps
    found = _unwrap(last)
    if not before or isinstance(found, str):
        return found
    inner, scaled = found
    if scaled or len(before) > 1:
        return "a pipeline of more than a StandardScaler and an estimator"
    if type(before[0]) is not StandardScaler:
        return f"a pipeline with {type(before[0]).__name__}"
    if not (before[0].with_mean and before[0].with_std):
        return "a StandardScaler that leaves the mean or the deviation"
    return inner, True


def _require_valid(estimator: Any) -> None:
    """Refuse what scikit-learn refuses in `fit`, which engines do without."""
    if not hasattr(estimator, "_parameter_constraints"):
        return
    try:
        estimator._validate_params()
    except ValueError as error:
        raise ParameterError(f"`estimator` has what scikit-learn refuses: {error}") from error


def _all_trained(folds: Folds, targets: Targets) -> bool:
    """Whether each fold trains on each class, as engines have a column for each."""
    given = targets.labellings[0]
    return all(len(np.unique(given[train])) == targets.n_classes for train in folds.train)


def _require_meaning(metric: int, folds: Folds, targets: Targets) -> None:
    for i, test in enumerate(folds.test, 1):
        where = f"fold {i} of {len(folds.test)}"
        if metric == ROC_AUC and len(np.unique(targets.labellings[0][test])) < 2:
            raise ParameterError(
                f"`scoring` 'roc_auc' must have both classes among the test samples of each "
                f"fold, got one in {where}; take another `cv`, or 'accuracy'"
            )
        if metric == R2 and len(test) < 2:
            raise ParameterError(
                f"`scoring` 'r2' must have at least two test samples in each fold, got one in "
                f"{where}; take another `cv`, or 'neg_mean_squared_error'"
            )
