"""scikit-learn sphere by sphere: the same as cross_val_score, in any number of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nilearn.decoding.searchlight import search_light
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import Lasso
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneGroupOut,
    ShuffleSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block
from boldstream.decoding.solving.fallback import (
    Refit,
    RefitScored,
    find_scorer,
    run_sklearn,
    score_with_sklearn,
)
from boldstream.decoding.task.cv import make_folds, whole
from boldstream.decoding.task.labels import encode_targets
from boldstream.decoding.task.names import is_classifier
from boldstream.decoding.task.problem import Folds, Targets

N = 30
RNG = np.random.default_rng(0)
VALUES = RNG.normal(10_000, 100, (25, N)).astype(np.float32)
SPHERES = [np.sort(RNG.choice(25, size, replace=False)) for size in (1, 5, 8, 12, 3, 7)]
BLOCK = Block(
    VALUES,
    np.concatenate(SPHERES).astype(np.int32),
    np.cumsum([0, *map(len, SPHERES)]).astype(np.int64),
)
TWO = np.tile(["face", "house"], N // 2)
THREE = np.tile(["face", "house", "cat"], N // 3)
NUMBERS = VALUES[3] / 50 + RNG.normal(size=N)
RUNS = np.repeat(np.arange(5), 6)


def work_of(estimator: Any, y: Any, cv: Any = 3, scoring: Any = None, **kwargs: Any) -> Refit:
    classifier = is_classifier(estimator)
    folds, _ = make_folds(cv, y, RUNS, N, classifier=classifier)
    targets = encode_targets(y, classifier=classifier)
    return Refit(estimator, find_scorer(estimator, scoring), folds, targets, **kwargs)


def all_of(work: Refit, n_jobs: int = 1, block: Block = BLOCK) -> RefitScored:
    parts = list(run_sklearn([(0, block)], work, n_jobs=n_jobs))
    assert [start for start, _ in parts] == np.cumsum([0, *(len(p.means) for _, p in parts)])[
        :-1
    ].tolist()
    joined: list[Any] = []
    for name in ("means", "folds", "decisions", "predictions"):
        some = [getattr(part, name) for _, part in parts]
        joined.append(None if some[0] is None else np.concatenate(some))
    return RefitScored(*joined)


def samples(sphere: Any) -> Any:
    return VALUES[sphere].T.astype(np.float64)


def first_letter(estimator: Any, x: Any, y: Any) -> float:
    return float(np.mean([p[0] == t[0] for p, t in zip(estimator.predict(x), y, strict=True)]))


CASES = [
    (SVC(), TWO, 3, None),
    (SVC(), THREE, LeaveOneGroupOut(), "balanced_accuracy"),
    (KNeighborsClassifier(3), TWO, 3, "roc_auc"),
    (RandomForestClassifier(5, random_state=3), THREE, ShuffleSplit(3, random_state=0), "f1_macro"),
    (RandomForestClassifier(5, random_state=np.random.RandomState(3)), TWO, 3, None),
    (DummyClassifier(strategy="stratified", random_state=0), TWO, 3, None),
    (make_pipeline(StandardScaler(), SelectKBest(k=1), SVC(C=3)), TWO, 3, first_letter),
    (GridSearchCV(SVC(), {"C": [0.1, 10]}, cv=2), TWO, 3, None),
    (SVR(kernel="linear", C=0.01), NUMBERS, 4, None),
    (Lasso(), NUMBERS, ShuffleSplit(3, random_state=0), "neg_mean_absolute_error"),
]


@pytest.mark.parametrize(
    ("estimator", "y", "cv", "scoring"), CASES, ids=[f"{i}" for i in range(len(CASES))]
)
def test_scores_are_those_of_cross_val_score(estimator: Any, y: Any, cv: Any, scoring: Any) -> None:
    found = all_of(work_of(estimator, y, cv, scoring))
    for sphere, scores in zip(SPHERES, found.folds, strict=True):
        expected = cross_val_score(
            estimator, samples(sphere), y, groups=_groups(cv), cv=cv, scoring=scoring
        )
        np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(found.means[:, 0], found.folds.mean(axis=1))


def _groups(cv: Any) -> Any:
    return RUNS if isinstance(cv, LeaveOneGroupOut) else None


@pytest.mark.parametrize("y", [TWO, THREE])
def test_processes_change_nothing(y: Any) -> None:
    targets = encode_targets(y, classifier=True)
    permuted = np.stack(
        [np.random.default_rng(i).permutation(targets.labellings[0]) for i in range(40)]
    )
    permuted[0] = targets.labellings[0]
    one = work_of(SVC(), y, keep_decisions=True)
    work = Refit(
        one.estimator,
        one.scorer,
        one.folds,
        Targets(permuted, targets.classes),
        keep_decisions=True,
    )
    here, there = all_of(work), all_of(work, n_jobs=2)
    for name in ("means", "folds", "decisions", "predictions"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    assert here.means.shape == (6, 40)
    assert targets.classes is not None
    for label in (0, 7, 39):
        expected = cross_val_score(
            SVC(), samples(SPHERES[2]), targets.classes[permuted[label]], cv=_pairs(work)
        )
        assert here.means[2, label] == expected.mean()


def _pairs(work: Refit) -> list[Any]:
    return list(zip(work.folds.train, work.folds.test, strict=True))


@pytest.mark.parametrize("y", [TWO, THREE, NUMBERS])
def test_decisions_and_predictions_are_those_of_cross_val_predict(y: Any) -> None:
    estimator = SVR(kernel="linear", C=0.01) if y is NUMBERS else SVC(kernel="linear")
    work = work_of(estimator, y, "logo", keep_decisions=True)
    found = all_of(work)
    _, _, test, _ = work.folds.arrays
    assert found.decisions is not None
    assert found.predictions is not None
    for s, sphere in enumerate(SPHERES):
        x = samples(sphere)
        predicted = cross_val_predict(estimator, x, y, cv=_pairs(work))[test]
        if work.targets.classes is None:
            np.testing.assert_array_equal(found.predictions[s], predicted)
            away = predicted - work.targets.offset
            np.testing.assert_allclose(found.decisions[s, :, 0], away, rtol=1e-6)
            continue
        np.testing.assert_array_equal(work.targets.classes[found.predictions[s]], predicted)
        decided = cross_val_predict(estimator, x, y, cv=_pairs(work), method="decision_function")
        decided = decided[test].reshape(N, -1)
        if y is THREE:
            decided = decided - decided.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(found.decisions[s], decided, rtol=1e-5, atol=1e-6)


def test_what_gives_no_decisions_keeps_predictions() -> None:
    for estimator in (KNeighborsClassifier(3), SVC(decision_function_shape="ovo")):
        y = TWO if isinstance(estimator, KNeighborsClassifier) else np.tile(list("abcd"), 8)[:N]
        found = all_of(work_of(estimator, y, keep_decisions=True))
        assert found.decisions is None
        assert found.predictions is not None
        assert found.predictions.shape == (6, N)
    assert all_of(work_of(SVC(), TWO)).predictions is None


class Picky(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fails for a sphere of 12 voxels."""

    def fit(self, x: Any, y: Any) -> Picky:
        if x.shape[1] == 12:
            raise RuntimeError("too many voxels")
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        return np.repeat(self.classes_[0], len(x))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failure_names_its_sphere(n_jobs: int) -> None:
    message = "the sphere with centre 103; Picky.. failed in fold 1 of 3: RuntimeError: too many"
    with pytest.raises(ParameterError, match=message):
        list(run_sklearn([(100, BLOCK)], work_of(Picky(), TWO), n_jobs=n_jobs))
    # Processes are ready for more.
    assert len(list(run_sklearn([(0, BLOCK)], work_of(SVC(), TWO), n_jobs=n_jobs))) == 1


def test_a_failure_with_permuted_labels_and_a_name() -> None:
    class Shy(Picky):
        def fit(self, x: Any, y: Any) -> Shy:
            if y[0] == "house":
                raise RuntimeError("no")
            super().fit(x, y)
            return self

    targets = encode_targets(TWO, classifier=True)
    both = np.stack([targets.labellings[0], 1 - targets.labellings[0]])
    one = work_of(Shy(), TWO)
    names = tuple(f"the region {i}" for i in range(6))
    work = Refit(Shy(), one.scorer, one.folds, Targets(both, targets.classes), names=names)
    with pytest.raises(ParameterError, match=r"the region 4; .* with permuted labels \(1\)"):
        score_with_sklearn(BLOCK.some(slice(4, 5)), work, 4)


def test_a_scorer_that_gives_no_number() -> None:
    with pytest.raises(ParameterError, match=r"the sphere with centre 0; .*TypeError"):
        all_of(work_of(SVC(), TWO, scoring=lambda e, x, y: {"a": 1}))


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("acuracy", "`scoring` must be a scorer of scikit-learn.*did you mean 'accuracy'"),
        (3, "`scoring` must suit SVC, got 3"),
        (accuracy_score, "`scoring` must suit SVC"),  # a metric, and no scorer
    ],
)
def test_scorers_that_cannot_be(scoring: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        find_scorer(SVC(), scoring)


def test_an_estimator_without_score() -> None:
    with pytest.raises(ParameterError, match="`scoring` must suit BaseEstimator, got None"):
        find_scorer(BaseEstimator(), None)


def test_warnings_of_convergence_are_not_shown() -> None:
    estimator = MLPClassifier(2, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(all_of(work_of(estimator, TWO)).means).all()


class Alone(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Splits samples by itself, as nilearn lets estimators do."""

    nilearn_searchlight_uses_cv = False

    def fit(self, x: Any, y: Any, groups: Any = None) -> Alone:
        self.score_ = cross_val_score(SVC(), x, y, groups=groups, cv=LeaveOneGroupOut()).mean()
        return self

    def score(self, x: Any, y: Any, groups: Any = None) -> float:
        return float(self.score_)


def test_who_splits_by_itself_scores_as_in_nilearn() -> None:
    work = Refit(
        Alone(),
        find_scorer(Alone(), None),
        whole(N),
        encode_targets(TWO, classifier=True),
        RUNS,
    )
    lists = np.empty(len(SPHERES), object)
    lists[:] = [sphere.tolist() for sphere in SPHERES]
    adjacency = sparse.lil_matrix((len(SPHERES), len(VALUES)))
    adjacency.rows = lists
    expected = search_light(VALUES.T.astype(float), TWO, Alone(), adjacency, RUNS, n_jobs=1)
    np.testing.assert_array_equal(all_of(work).means[:, 0], expected)


def test_a_nested_search_is_given_the_groups_of_its_fold() -> None:
    search = GridSearchCV(SVC(), {"C": [0.1, 1, 10]}, cv=LeaveOneGroupOut())
    work = work_of(search, TWO, "logo", groups=RUNS, fit_groups=True)
    found = all_of(work)
    for s, sphere in enumerate(SPHERES[:3]):
        for f, (train, test) in enumerate(_pairs(work)):
            x = samples(sphere)
            fitted = search.fit(x[train], TWO[train], groups=RUNS[train])
            assert found.folds[s, f] == fitted.score(x[test], TWO[test])


def test_an_error_of_reading_comes_through() -> None:
    def blocks() -> Any:
        yield 0, BLOCK
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(run_sklearn(blocks(), work_of(SVC(), TWO), n_jobs=2))


class Means(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The class whose samples have the nearest mean over voxels: quick to fit."""

    def fit(self, x: Any, y: Any) -> Means:
        self.classes_ = np.unique(y)
        self.means_ = np.array([x[y == c].mean() for c in self.classes_])
        return self

    def decision_function(self, x: Any) -> Any:
        near = 100 - np.abs(x.mean(axis=1)[:, None] - self.means_)
        return near[:, 1] - near[:, 0] if len(self.classes_) == 2 else near

    def predict(self, x: Any) -> Any:
        found = self.decision_function(x)
        return self.classes_[found.argmax(axis=1) if found.ndim == 2 else (found > 0).astype(int)]


def share(estimator: Any, x: Any, y: Any) -> float:
    return float(np.mean(estimator.predict(x) == y))


def permuted(y: Any, n: int, **kwargs: Any) -> Refit:
    """What is given and so many labellings in all, of `Means`."""
    work = work_of(Means(), y, scoring=share)
    targets, rng = work.targets, np.random.default_rng(0)
    rows = [targets.labellings[0]] + [rng.permutation(targets.labellings[0]) for _ in range(n - 1)]
    several = Targets(np.array(rows, np.int16), targets.classes)
    return Refit(work.estimator, work.scorer, work.folds, several, **kwargs)


@pytest.mark.parametrize("y", [TWO, THREE])
@pytest.mark.parametrize("keep", [False, True])
def test_each_labelling_has_its_own_score(y: Any, keep: bool) -> None:
    """More labellings than are fitted at a time; what is kept is of the first."""
    work = permuted(y, 40, keep_decisions=keep)
    block = BLOCK.some(slice(1, 3))
    parts = list(run_sklearn([(7, block), (20, block)], work, n_jobs=1))
    assert [start for start, _ in parts] == [7, 8, 20, 21]
    assert work.targets.classes is not None
    for (_, found), sphere in zip(parts, SPHERES[1:3] * 2, strict=True):
        x, expected, decided, predicted = samples(sphere), np.empty((40, 3)), [], []
        for label, f in np.ndindex(40, 3):
            given = work.targets.classes[work.targets.labellings[label]]
            train, test = work.folds.train[f], work.folds.test[f]
            fitted = Means().fit(x[train], given[train])
            expected[label, f] = np.mean(fitted.predict(x[test]) == given[test])
            if label == 0:
                decided.append(fitted.decision_function(x[test]).reshape(len(test), -1))
                predicted.append(fitted.predict(x[test]))
        np.testing.assert_array_equal(found.means, expected.mean(axis=1)[None])
        np.testing.assert_array_equal(found.folds, expected[:1])
        if not keep:
            assert found.decisions is None
            assert found.predictions is None
            continue
        away = np.concatenate(decided)
        away -= away.mean(axis=1, keepdims=True) if y is THREE else 0
        assert found.decisions is not None
        np.testing.assert_allclose(found.decisions, away[None], rtol=1e-5, atol=1e-5)
        codes = found.predicted(work.targets)
        np.testing.assert_array_equal(work.targets.classes[codes], [np.concatenate(predicted)])


@pytest.mark.parametrize(("n", "spheres"), [(1, [6]), (11, [2, 2, 2]), (40, [1] * 6)])
def test_a_process_is_sent_some_fits_at_a_time(n: int, spheres: list[int]) -> None:
    """About 32 of them, of one sphere at least."""
    parts = [found for _, found in run_sklearn([(0, BLOCK)], permuted(TWO, n), n_jobs=1)]
    assert [len(found.means) for found in parts] == spheres


def test_nothing_is_kept_unless_asked() -> None:
    found = score_with_sklearn(BLOCK, permuted(TWO, 2))
    assert found.means.shape == (6, 2)
    assert found.decisions is None
    assert found.predictions is None


def test_values_are_kept_less_their_offset() -> None:
    class Mean(BaseEstimator):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Mean:
            self.mean_ = y.mean()
            return self

        def predict(self, x: Any) -> Any:
            return self.mean_ + x[:, 0] / 1000

    def error(estimator: Any, x: Any, y: Any) -> float:
        return float(np.abs(estimator.predict(x) - y).mean())

    work = work_of(Mean(), NUMBERS, scoring=error, keep_decisions=True)
    found, x = score_with_sklearn(BLOCK, work), samples(SPHERES[4])
    pairs = _pairs(work)
    values = [NUMBERS[train].mean() + x[test, 0] / 1000 for train, test in pairs]
    errors = [np.abs(v - NUMBERS[t]).mean() for v, (_, t) in zip(values, pairs, strict=True)]
    np.testing.assert_allclose(found.folds[4], errors)
    assert found.predictions is not None
    assert found.decisions is not None
    np.testing.assert_allclose(found.predictions[4], np.concatenate(values))
    away = np.concatenate(values) - work.targets.offset
    np.testing.assert_allclose(found.decisions[4, :, 0], away, rtol=1e-4, atol=1e-5)


class Mute(Means):
    """Tells decisions of small spheres alone, and no fold of more than one class."""

    def __getattribute__(self, name: str) -> Any:
        if name == "decision_function" and self.n_voxels_ > 5:
            raise AttributeError(name)
        return super().__getattribute__(name)

    def fit(self, x: Any, y: Any) -> Mute:
        self.n_voxels_ = x.shape[1]
        super().fit(x, y)
        return self

    def predict(self, x: Any) -> Any:
        return np.repeat(self.classes_[0], len(x))


def test_decisions_are_of_all_spheres_or_of_none() -> None:
    """Those of 1 and 5 voxels have them, and of 8 not."""
    work = work_of(Mute(), TWO, scoring=share, keep_decisions=True)
    assert score_with_sklearn(BLOCK.some(slice(0, 2)), work).decisions is not None
    found = score_with_sklearn(BLOCK.some(slice(0, 3)), work)
    assert found.decisions is None
    assert found.predictions is not None
    assert found.predictions.shape == (3, N)


def test_decisions_are_of_all_folds_or_of_none() -> None:
    """The second fold trains on two of three classes, and has one column of them."""
    y = np.repeat(["face", "house", "cat"], N // 3)
    test = (np.array([0, 10, 20]), np.arange(20, 30))
    train = (np.setdiff1d(np.arange(N), test[0]), np.arange(20))
    work = Refit(
        Means(),
        share,
        Folds(train, test, N),
        encode_targets(y, classifier=True),
        keep_decisions=True,
    )
    found = score_with_sklearn(BLOCK, work)
    assert found.decisions is None
    assert found.predictions is not None
    x = samples(SPHERES[3])
    expected = [
        Means().fit(x[a], y[a]).predict(x[b])
        for a, b in zip(work.folds.train, work.folds.test, strict=True)
    ]
    assert work.targets.classes is not None
    np.testing.assert_array_equal(
        work.targets.classes[found.predictions[3]], np.concatenate(expected)
    )


class Grouped(Means):
    """Tells the groups that it was fitted with."""

    def fit(self, x: Any, y: Any, groups: Any = None) -> Grouped:
        self.groups_ = groups
        super().fit(x, y)
        return self


def told(estimator: Any, x: Any, y: Any) -> float:
    return -1.0 if estimator.groups_ is None else float(estimator.groups_.sum())


@pytest.mark.parametrize("groups", [None, RUNS])
@pytest.mark.parametrize("fits", [None, False, True])
def test_groups_go_where_they_are_asked_for(groups: Any, fits: Any) -> None:
    asked = {} if fits is None else {"fit_groups": fits}
    work = work_of(Grouped(), TWO, scoring=told, groups=groups, **asked)
    found = score_with_sklearn(BLOCK, work).folds
    expected = [
        groups[train].sum() if fits and groups is not None else -1 for train in work.folds.train
    ]
    np.testing.assert_array_equal(found, [expected] * len(SPHERES))


class ByItself(Grouped):
    """Splits samples by itself, and its score is of all of them."""

    nilearn_searchlight_uses_cv = False

    def score(self, x: Any, y: Any, groups: Any = None) -> float:
        return float(x.mean() + groups.sum() + self.groups_.sum() + np.mean(y == "face"))


def test_who_splits_by_itself_has_all_samples_and_groups() -> None:
    work = Refit(ByItself(), share, whole(N), encode_targets(TWO, classifier=True), RUNS)
    found = score_with_sklearn(BLOCK, work).means[:, 0]
    expected = [samples(sphere).mean() + 2 * RUNS.sum() + 0.5 for sphere in SPHERES]
    np.testing.assert_allclose(found, expected)


def test_a_failure_names_sphere_and_fold() -> None:
    """By default spheres are counted from the first of the block."""
    with pytest.raises(ParameterError, match=r"with centre 3; Picky\(\) failed in fold 1 of 3: R"):
        score_with_sklearn(BLOCK, work_of(Picky(), TWO))
    scores = iter([1.0, 0.5])
    work = work_of(Means(), TWO, scoring=lambda estimator, x, y: next(scores))
    with pytest.raises(ParameterError, match=r"with centre 9; Means\(\) failed in fold 3 of 3: S"):
        score_with_sklearn(BLOCK.some(slice(0, 1)), work, 9)


def test_what_does_not_converge_is_scored_without_a_word() -> None:
    class Slow(Means):
        def fit(self, x: Any, y: Any) -> Slow:
            warnings.warn("not there yet", ConvergenceWarning, stacklevel=1)
            super().fit(x, y)
            return self

    found = score_with_sklearn(BLOCK, work_of(Slow(), TWO, scoring=share))
    expected = score_with_sklearn(BLOCK, work_of(Means(), TWO, scoring=share))
    np.testing.assert_array_equal(found.means, expected.means)


def process(estimator: Any, x: Any, y: Any) -> float:
    return float(os.getpid())


def slowly(estimator: Any, x: Any, y: Any) -> float:
    time.sleep(0.01)
    return process(estimator, x, y)


def test_one_job_is_done_in_this_process() -> None:
    assert (all_of(work_of(Means(), TWO, scoring=process)).folds == os.getpid()).all()


def test_leaving_early_stops_the_work() -> None:
    blocks = ((i, BLOCK) for i in range(1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # However late this process hears of the first, the others have not done a tenth of it.
        found = run_sklearn(blocks, work_of(Means(), TWO, scoring=slowly), n_jobs=2)
        assert (next(found)[1].folds != os.getpid()).all()
        found.close()  # type: ignore[attr-defined]
    assert sum(1 for _ in blocks) > 900


@pytest.mark.parametrize("scoring", [["accuracy"], ("accuracy",), {"accuracy"}, {"a": "accuracy"}])
def test_one_scorer_is_taken(scoring: Any) -> None:
    with pytest.raises(ParameterError, match="`scoring` must be one scorer, got"):
        find_scorer(Means(), scoring)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is Linux's")
def test_an_estimator_of_a_script_works_and_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os
            import numpy as np
            from sklearn.base import BaseEstimator, ClassifierMixin
            from boldstream.decoding.task.cv import make_folds
            from boldstream.decoding.task.labels import encode_targets
            from boldstream.decoding.engines.base import Block
            from boldstream.decoding.solving.fallback import Refit, find_scorer, run_sklearn

            class First(ClassifierMixin, BaseEstimator):
                def fit(self, x, y):
                    self.classes_ = np.unique(y)
                    return self

                def predict(self, x):
                    return np.repeat(self.classes_[0], len(x))

            if __name__ == "__main__":
                y = np.tile([0, 1], 10)
                values = np.zeros((300_000, 20), "f4")
                block = Block(values, np.arange(300_000, dtype="i4"), np.array([0, 300_000]))
                folds, _ = make_folds(5, y, None, 20, classifier=True)
                targets = encode_targets(y, classifier=True)
                work = Refit(First(), find_scorer(First(), None), folds, targets)
                for start, scored in run_sklearn([(0, block)] * 3, work, n_jobs=2):
                    print(start, scored.means.tolist())
                print(os.getpid())
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    *scores, process = done.stdout.splitlines()
    assert scores == ["0 [[0.5]]"] * 3
    # Other processes have folders there, too.
    assert list(Path("/dev/shm").glob(f"joblib*_{process}_*")) == []
