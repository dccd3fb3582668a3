"""Every engine on a few samples beside scikit-learn, quick also where kernels are plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from boldstream.decoding.engines.base import Engine
from boldstream.decoding.estimators.correlation import CorrelationClassifier
from boldstream.decoding.estimators.ridge_covariance import RidgeCovariance
from boldstream.decoding.task.names import find_engine
from boldstream.decoding.task.problem import Folds, Targets
from tests.decoding.engines.per_sphere import (
    assert_decides_as,
    decide,
    expected_decisions,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
    spheres_of,
)
from tests.decoding.engines.test_centroid import PlainCentroids

N = 20
# Before 1.9 its search for a penalty predicts wrongly where few voxels but one are constant.
CV_MISTAKES_CONSTANTS = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9)
FEW, MANY = [1, 3, 5], [9, 25, 60]
EXACTLY: dict[str, Any] = {"tol": 1e-11, "max_iter": 100_000, "dual": False}
LDA = LinearDiscriminantAnalysis
ESTIMATORS: dict[str, Any] = {
    "svc": LinearSVC(**EXACTLY),
    "svc, balanced": LinearSVC(class_weight="balanced", C=0.1, **EXACTLY),
    "svc, no intercept": LinearSVC(fit_intercept=False, C=30.0, **EXACTLY),
    "svr": LinearSVR(loss="squared_epsilon_insensitive", epsilon=0.3, **EXACTLY),
    "ridge classifier": RidgeClassifier(),
    "ridge": Ridge(alpha=10.0),
    "ridge, no intercept": Ridge(alpha=0.1, fit_intercept=False),
    "ridge classifier, chosen": RidgeClassifierCV(alphas=(0.1, 1.0, 10.0)),
    "ridge, chosen": RidgeCV(alphas=(0.1, 1.0, 100.0), fit_intercept=False),
    "lda": LDA(),
    "lda, shrunken": LDA(solver="lsqr", shrinkage=0.2),
    "lda, by Ledoit and Wolf": LDA(solver="lsqr", shrinkage="auto"),
    "lda, shared": LDA(solver="lsqr", covariance_estimator=RidgeCovariance(0.1)),
    "logistic": LogisticRegression(solver="newton-cholesky", tol=1e-10),
    "logistic, balanced": LogisticRegression(
        solver="newton-cholesky", tol=1e-10, class_weight="balanced", fit_intercept=False
    ),
    "bayes": GaussianNB(),
    "bayes, smoothed": GaussianNB(var_smoothing=1e-2),
    "centroid": PlainCentroids(),
    "correlation": CorrelationClassifier(),
}


def refitted(estimator: Any) -> Any:
    """A search for a penalty that predicts what `Ridge` does with the one that it chose."""
    plain = RidgeClassifier if is_classifier(estimator) else Ridge
    kind: Any = type(estimator)

    class Refitted(kind):  # type: ignore[misc]
        def fit(self, x: np.ndarray, y: np.ndarray) -> Any:
            super().fit(x, y)
            chosen = plain(alpha=self.alpha_, fit_intercept=self.fit_intercept).fit(x, y)
            self.coef_, self.intercept_ = chosen.coef_, chosen.intercept_
            return self

    return Refitted(**estimator.get_params())


def folds_of(how: str) -> Folds:
    return leave_out(np.arange(N) % 3) if how == "runs" else shuffle_split(N)


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.filterwarnings("ignore:Only one sample available")
@pytest.mark.parametrize(("scaled", "how"), [(False, "runs"), (True, "shuffled")])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_decisions_are_those_of_scikit_learn(
    name: str, n_classes: int, scaled: bool, how: str
) -> None:
    estimator, folds = ESTIMATORS[name], folds_of(how)
    y = make_labels(N, n_classes, balanced=False)
    if is_classifier(estimator):
        targets = make_targets(y, n_permutations=2)
    else:
        values = 3 + np.random.default_rng(n_classes).normal(size=(3, N))
        targets = Targets(values, None)
    asked = PlainCentroids.__base__() if name == "centroid" else estimator
    if "chosen" in name and CV_MISTAKES_CONSTANTS:
        estimator = refitted(estimator)
    engine = find_engine(
        make_pipeline(StandardScaler(), asked) if scaled else asked, folds, targets, None
    )
    for sizes in (FEW, MANY):
        # One voxel has no pattern, and two correlate wholly.
        sizes = sizes[1:] if name == "correlation" else sizes
        constant = name.startswith(("bayes", "ridge", "svc"))
        block = make_block(N, sizes, mean=3.0, y=y, constant=constant)
        assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "name",
    ["svc", "ridge classifier", "ridge classifier, chosen", "lda, shared", "bayes", "centroid"],
)
def test_folds_may_train_on_few(name: str, n_classes: int) -> None:
    """On 6 or 7 of 20 samples, one of them twice."""
    estimator, y = ESTIMATORS[name], (np.arange(N) % n_classes).astype(np.int16)
    parts = [np.arange(7), np.array([8, 9, 10, 11, 12, 13, 13]), np.arange(14, 20)]
    folds = Folds(tuple(parts), tuple(np.setdiff1d(np.arange(N), part) for part in parts), N)
    targets = Targets(y[None], np.arange(n_classes))
    asked = PlainCentroids.__base__() if name == "centroid" else estimator
    engine = find_engine(asked, folds, targets, None)
    for sizes in (FEW, MANY):
        block = make_block(N, sizes, mean=3.0, y=y)
        assert_decides_as(engine, estimator, False, block, folds, targets)


CLASSIFIERS = [name for name, estimator in ESTIMATORS.items() if is_classifier(estimator)]


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_that_a_fold_does_not_train_on_is_not_predicted(name: str) -> None:
    """Of four classes, of which the first fold has three."""
    estimator, n = ESTIMATORS[name], 32
    y = (np.arange(n) % 4).astype(np.int16)
    there = np.flatnonzero(y != 2)
    folds = Folds((there[:15], np.arange(12, n)), (there[15:], np.arange(12)), n)
    asked = PlainCentroids.__base__() if name == "centroid" else estimator
    targets = Targets(y[None], np.arange(4))
    whole = Folds(folds.train[1:], folds.test[1:], n)
    engine = find_engine(asked, whole, targets, None)
    assert isinstance(engine, Engine)
    block = make_block(n, [3, 5, 25], mean=3.0, y=y)
    found = decide(engine, block, folds, targets)[:, 0]
    absent = found[:, : len(there) - 15]
    assert np.isneginf(absent[:, :, 2]).all()
    fewer = Folds(folds.train[:1], folds.test[:1], n)
    expected = expected_decisions(estimator, False, block, fewer, y)
    apart = absent[:, :, [0, 1, 3]].astype(float)
    apart -= apart.mean(axis=2, keepdims=True)
    np.testing.assert_allclose(apart, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    expected = expected_decisions(estimator, False, block, whole, y)
    apart = found[:, len(there) - 15 :].astype(float)
    apart -= apart.mean(axis=2, keepdims=True)
    np.testing.assert_allclose(apart, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.filterwarnings("ignore:Only one sample available")
@pytest.mark.parametrize(
    "name", [*CLASSIFIERS, "ridge classifier", "ridge classifier, chosen", "svc, weighed"]
)
def test_a_class_may_have_one_sample_in_a_fold(name: str) -> None:
    weighed = LinearSVC(class_weight={0: 0.3, 1: 2.0, 2: 5.0}, **EXACTLY)
    estimator = weighed if name.endswith("weighed") else ESTIMATORS[name]
    y = np.array([0, 1] * 9 + [2, 2], np.int16)
    folds = leave_out(np.array([*(np.arange(18) // 2 % 2), 0, 1]))
    targets = Targets(y[None], np.arange(3))
    asked = PlainCentroids.__base__() if name == "centroid" else estimator
    engine = find_engine(asked, folds, targets, None)
    block = make_block(N, [3, 5, 25], mean=3.0, y=y)
    assert_decides_as(engine, estimator, False, block, folds, targets, rtol=1e-4)


@pytest.mark.parametrize("weight", [None, "balanced", {0: 0.3, 1: 2.0, 2: 5.0}])
def test_two_of_three_classes_are_weighed_as_two(weight: Any) -> None:
    """liblinear has one machine for them, where it else weighs a class against the rest."""
    estimator = LinearSVC(class_weight=weight, **EXACTLY)
    y = np.array([0, 1, 0, 0, 1, 0, 0, 2] * 2 + [0, 1, 2, 0], np.int16)
    train = np.flatnonzero(y != 2)
    test = np.flatnonzero(y == 2)
    folds = Folds((train, np.arange(2, N)), (test, np.arange(2)), N)
    targets = Targets(y[None], np.arange(3))
    engine = find_engine(estimator, Folds(folds.train[1:], folds.test[1:], N), targets, None)
    assert isinstance(engine, Engine)
    block = make_block(N, [3, 25], mean=3.0, y=y)
    found = decide(engine, block, folds, targets)[:, 0]
    for s, x in enumerate(spheres_of(block)):
        two = estimator.fit(x[train], y[train]).decision_function(x[test])
        np.testing.assert_allclose(found[s, :3, 1], two, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[s, :3, 0], -two, rtol=1e-4, atol=1e-5)
        three = estimator.fit(x[2:], y[2:]).decision_function(x[:2])
        np.testing.assert_allclose(found[s, 3:], three, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1.0, -1.0, 3.5])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(
    "estimator", [Ridge(alpha=2.0), RidgeCV(alphas=(0.1, 1.0, 100.0))], ids=["fixed", "chosen"]
)
def test_predictions_are_given_less_any_offset(
    estimator: Any, intercept: bool, offset: float
) -> None:
    estimator = clone(estimator).set_params(fit_intercept=intercept)
    folds, block = folds_of("runs"), make_block(N, [3, 25], mean=3.0)
    values = 3 + np.random.default_rng(0).normal(size=(2, N))
    engine = find_engine(estimator, folds, Targets(values, None, offset), None)
    found = decide(engine, block, folds, Targets(values, None, offset))[..., 0]
    for label, y in enumerate(values):
        for s, x in enumerate(spheres_of(block)):
            pairs = zip(folds.train, folds.test, strict=True)
            expected = [estimator.fit(x[a], y[a]).predict(x[b]) for a, b in pairs]
            predicted = found[s, label] + offset
            np.testing.assert_allclose(predicted, np.concatenate(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "estimator", [Ridge(alpha=2.0), RidgeCV(alphas=(0.1, 1.0, 100.0))], ids=["fixed", "chosen"]
)
def test_values_far_from_zero_keep_their_digits(estimator: Any, scaled: bool) -> None:
    """At a million float32 holds one digit after the point."""
    folds, block = folds_of("runs"), make_block(N, [3, 25], mean=3.0)
    y = 1e6 + np.random.default_rng(0).normal(size=N)
    targets = Targets(y[None], None, 1e6)
    model = make_pipeline(StandardScaler(), estimator) if scaled else estimator
    engine = find_engine(model, folds, targets, None)
    found = decide(engine, block, folds, targets)[:, 0, :, 0]
    for s, x in enumerate(spheres_of(block)):
        pairs = zip(folds.train, folds.test, strict=True)
        expected = np.concatenate([model.fit(x[a], y[a]).predict(x[b]) for a, b in pairs])
        np.testing.assert_allclose(found[s], expected - 1e6, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_samples_may_repeat_in_training_and_in_tests(name: str) -> None:
    """As bootstrap splitters have it: drawn with replacement, left-out ones tested twice."""
    rng = np.random.default_rng(8)
    estimator, y = ESTIMATORS[name], make_labels(N, 2, balanced=True)
    train = [np.concatenate([np.arange(a, a + 8), rng.integers(a, a + 8, 9)]) for a in (0, 10)]
    test = [np.setdiff1d(np.arange(N), part) for part in train]
    test = [np.concatenate([part, part[::-1]]) for part in test]
    folds = Folds(tuple(train), tuple(test), N)
    targets = make_targets(y, n_permutations=0)
    if not is_classifier(estimator):
        targets = Targets(3 + rng.normal(size=(2, N)), None)
    asked = PlainCentroids.__base__() if name == "centroid" else estimator
    engine = find_engine(asked, folds, targets, None)
    for sizes in (FEW, MANY):
        sizes = sizes[1:] if name == "correlation" else sizes
        block = make_block(N, sizes, mean=3.0, y=y)
        assert_decides_as(engine, estimator, False, block, folds, targets)


@pytest.mark.parametrize("name", ["ridge", "ridge, no intercept", "ridge classifier"])
def test_tests_that_repeat_beside_all_other_samples(name: str) -> None:
    """Folds that train on all that they do not test, but test some of it twice."""
    estimator, y = ESTIMATORS[name], make_labels(N, 2, balanced=True)
    test = [np.array([0, 1, 2, 2]), np.array([5, 5, 19, 3])]
    train = [np.setdiff1d(np.arange(N), part) for part in test]
    folds, targets = Folds(tuple(train), tuple(test), N), make_targets(y, n_permutations=0)
    if not is_classifier(estimator):
        targets = Targets(3 + np.random.default_rng(0).normal(size=(2, N)), None)
    engine = find_engine(estimator, folds, targets, None)
    block = make_block(N, MANY, mean=3.0, y=y)
    assert_decides_as(engine, estimator, False, block, folds, targets)
