"""Names of estimators against nilearn's, and which estimators have an engine."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from nilearn.decoding import _utils as nilearn_names
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import make_scorer, r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Engine
from boldstream.decoding.engines.ridge import RidgeEngine
from boldstream.decoding.task.cv import make_folds
from boldstream.decoding.task.labels import encode_targets
from boldstream.decoding.task.names import find_engine, find_estimator, is_classifier

SUPPORTED = nilearn_names.SUPPORTED_ESTIMATORS
NILEARN = [(kind, name) for kind, table in SUPPORTED.items() for name in table]
Y = np.tile(["face", "house"], 10)


@pytest.fixture(autouse=True)
def _nilearn_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its validate_estimator writes into its table.
    monkeypatch.setattr(nilearn_names, "SUPPORTED_ESTIMATORS", copy.deepcopy(SUPPORTED))


def engine_of(estimator: Any, scoring: Any = None, y: Any = Y, cv: Any = 4) -> Engine | str:
    classifier = is_classifier(estimator)
    folds, _ = make_folds(cv, y, None, len(y), classifier=classifier)
    return find_engine(estimator, folds, encode_targets(y, classifier=classifier), scoring)


@pytest.mark.parametrize(("kind", "name"), NILEARN)
def test_names_mean_what_nilearn_means(kind: Any, name: str) -> None:
    theirs = nilearn_names.validate_estimator(name, kind)
    ours = find_estimator(name)
    assert type(ours) is type(theirs)
    assert ours.get_params() == theirs.get_params()
    assert is_classifier(ours) == (kind == "classifier")


@pytest.mark.parametrize(
    ("name", "args"), [("svc", {"C": 3.0, "penalty": "l1"}), ("svr", {"C": 2.0})]
)
def test_arguments_as_nilearn_takes_them(name: str, args: dict[str, Any]) -> None:
    theirs = nilearn_names.validate_estimator(name, None, args)
    assert find_estimator(name, estimator_args=args).get_params() == theirs.get_params()


def test_names_of_our_own() -> None:
    assert type(find_estimator("lda")) is LinearDiscriminantAnalysis
    assert type(find_estimator("gnb")) is GaussianNB
    assert type(find_estimator("nearest_centroid")) is NearestCentroid
    assert is_classifier(find_estimator("correlation"))


def test_random_state_goes_where_nilearn_has_one() -> None:
    assert find_estimator("svc", random_state=7).random_state == 7
    assert (
        find_estimator("svc", random_state=7, estimator_args={"random_state": 1}).random_state == 1
    )
    assert find_estimator("ridge", random_state=7) is not None


def test_an_instance_is_copied() -> None:
    given = LinearSVC(C=5).fit(np.eye(4), [0, 1, 0, 1])
    found = find_estimator(given)
    assert found is not given
    assert found.get_params() == given.get_params()
    assert not hasattr(found, "coef_")
    assert hasattr(given, "coef_")


@pytest.mark.parametrize(
    ("estimator", "kwargs", "message"),
    [
        ("ridge_clasifier", {}, "did you mean 'ridge_classifier'"),
        (LinearSVC, {}, r"must be an instance, got the class LinearSVC; write LinearSVC\(\)"),
        (3, {}, "must be a name or an estimator of scikit-learn.*got 3"),
        ("svr", {"y": Y}, "must be a classifier for labels such as 'face'.*did you mean 'svc'"),
        ("ridge", {"y": Y.astype(object)}, "did you mean 'ridge_classifier'"),
        ("svc", {"estimator_args": {"tolerance": 1}}, "`estimator_args` must be one of .*'tol'"),
        (SVC(), {"estimator_args": {"C": 1}}, "with the name of an estimator only"),
    ],
)
def test_estimators_that_cannot_be(estimator: Any, kwargs: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        find_estimator(estimator, **kwargs)


@pytest.mark.parametrize(
    ("estimator", "scaled"),
    [
        (RidgeClassifier(3.0), False),
        (Pipeline([("one", RidgeClassifier(3.0))]), False),
        (make_pipeline(StandardScaler(), RidgeClassifier(3.0)), True),
        (Pipeline([("a", "passthrough"), ("b", None), ("c", RidgeClassifier(3.0))]), False),
        (make_pipeline("passthrough", StandardScaler(), RidgeClassifier(3.0)), True),
        (make_pipeline(StandardScaler(), make_pipeline(RidgeClassifier(3.0))), True),
        (make_pipeline(make_pipeline(StandardScaler(), RidgeClassifier(3.0))), True),
    ],
)
def test_pipelines_are_seen_through(estimator: Any, scaled: bool) -> None:
    assert engine_of(estimator) == RidgeEngine(3.0, True, scaled)


class OwnScaler(StandardScaler):  # type: ignore[misc]
    pass


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (SVC(), "no engine for SVC"),
        (make_pipeline(MinMaxScaler(), RidgeClassifier()), "a pipeline with MinMaxScaler"),
        (make_pipeline(OwnScaler(), RidgeClassifier()), "a pipeline with OwnScaler"),
        (
            make_pipeline(StandardScaler(with_mean=False), RidgeClassifier()),
            "a StandardScaler that leaves the mean or the deviation",
        ),
        (
            make_pipeline(StandardScaler(), StandardScaler(), RidgeClassifier()),
            "a pipeline of more than",
        ),
        (
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), RidgeClassifier())),
            "a pipeline of more than",
        ),
        (RidgeClassifier(positive=True), "positive coefficients"),
    ],
)
def test_what_has_no_engine_says_why(estimator: Any, reason: str) -> None:
    found = engine_of(estimator)
    assert isinstance(found, str)
    assert reason in found


def test_a_pipeline_that_ends_in_nothing() -> None:
    folds, _ = make_folds(4, Y, None, len(Y), classifier=True)
    pipeline = Pipeline([("a", StandardScaler()), ("b", "passthrough")])
    found = find_engine(pipeline, folds, encode_targets(Y, classifier=True), None)
    assert found == "a pipeline without an estimator at its end"


def test_a_score_without_kernel() -> None:
    assert engine_of(RidgeClassifier(), "f1_macro") == "scoring 'f1_macro'"
    assert "scoring" in str(engine_of(RidgeClassifier(), make_scorer(lambda y, p: 0.0)))
    assert isinstance(engine_of(Ridge(), make_scorer(r2_score), np.arange(20.0)), Engine)


def test_a_fold_that_lacks_a_class() -> None:
    y = np.array(["a", "b"] * 8 + ["c"] * 4)
    folds = [(np.arange(16), np.arange(16, 20)), (np.arange(20), np.arange(4))]
    assert engine_of(RidgeClassifier(), y=y, cv=folds) == (
        "a fold that does not train on all classes"
    )


def test_who_splits_by_itself() -> None:
    class Own(RidgeClassifier):  # type: ignore[misc]
        nilearn_searchlight_uses_cv = False

    assert engine_of(Own()) == "Own splits samples by itself"


def test_scores_that_mean_nothing_in_a_fold() -> None:
    with pytest.raises(ParameterError, match=r"both classes .* got one in fold 1 of 20"):
        engine_of(RidgeClassifier(), "roc_auc", cv="loo")
    with pytest.raises(ParameterError, match=r"two test samples .* got one in fold 1 of 20"):
        engine_of(Ridge(), None, np.arange(20.0), cv="loo")
    assert isinstance(engine_of(Ridge(), "neg_mean_squared_error", np.arange(20.0), "loo"), Engine)


def test_kernel_machines_are_not_linear_ones() -> None:
    assert engine_of(SVR(kernel="linear"), y=np.arange(20.0)) == "no engine for SVR"
    assert isinstance(engine_of(LinearSVC()), Engine)


def test_an_estimator_of_no_kind_goes_to_scikit_learn() -> None:
    class Plain(BaseEstimator):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Plain:
            return self

    assert engine_of(Plain(), "r2", np.arange(20.0)) == "no engine for Plain"
