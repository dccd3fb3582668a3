"""scikit-learn sphere by sphere: the same as cross_val_score, in any number of processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
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
from boldstream.decoding.task.problem import Targets

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


def test_leaving_early_stops_the_work() -> None:
    blocks = ((i, BLOCK) for i in range(1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run_sklearn(blocks, work_of(SVC(), TWO), n_jobs=2)
        next(found)
        found.close()  # type: ignore[attr-defined]
    assert sum(1 for _ in blocks) > 900


def test_an_error_of_reading_comes_through() -> None:
    def blocks() -> Any:
        yield 0, BLOCK
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(run_sklearn(blocks(), work_of(SVC(), TWO), n_jobs=2))


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
