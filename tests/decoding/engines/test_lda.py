from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.covariance import OAS
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines import lda
from boldstream.decoding.engines.base import Block
from boldstream.decoding.engines.lda import LdaEngine, SharedLdaEngine, recognise
from boldstream.decoding.estimators import RidgeCovariance
from boldstream.decoding.task.problem import Folds, Targets
from tests.decoding.engines.per_sphere import (
    assert_decides_as,
    assert_scores_as,
    decide,
    leave_out,
    make_block,
    make_labels,
    make_targets,
    shuffle_split,
    spheres_of,
)
from tests.fuzz.guard import guarded

SIZES = [1, 2, 9, 30, 80]
N = 60

LDA = LinearDiscriminantAnalysis
ESTIMATORS = {
    "svd": LDA(),
    "lsqr": LDA(solver="lsqr", shrinkage=0.2),
    "eigen": LDA(solver="eigen", shrinkage=0.01),
    "all": LDA(solver="lsqr", shrinkage=1.0),
    "auto": LDA(solver="lsqr", shrinkage="auto"),
    "auto eigen": LDA(solver="eigen", shrinkage="auto"),
}


def made_up(n_classes: int, how: str, raw: bool, sizes: Any = SIZES, n: int = N) -> Any:
    y = make_labels(n, n_classes, balanced=n_classes == 8)
    folds = leave_out(np.arange(n) % 4) if how == "runs" else shuffle_split(n)
    mean, sd = (10_000.0, 100.0) if raw else (0.0, 1.0)
    return make_block(n, sizes, mean=mean, sd=sd, y=y), folds, make_targets(y, 1)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    ("how", "raw", "scaled"),
    [("runs", True, False), ("runs", False, True), ("shuffled", False, False)],
)
@pytest.mark.parametrize("given", [False, True])
def test_it_decides_as_scikit_learn(
    name: Any, n_classes: Any, how: Any, raw: Any, scaled: Any, given: Any
) -> None:
    block, folds, targets = made_up(n_classes, how, raw)
    priors = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    estimator = LDA(**{**ESTIMATORS[name].get_params(), "priors": priors if given else None})
    engine = recognise(estimator, scaled, targets)
    assert isinstance(engine, LdaEngine)
    assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("how", ["runs", "shuffled"])
@pytest.mark.parametrize("alpha", [1e-2, 30.0])
def test_a_penalty_without_labels_decides_as_scikit_learn(
    n_classes: Any, scaled: Any, how: Any, alpha: Any
) -> None:
    block, folds, targets = made_up(n_classes, how, raw=True, n=96)
    alpha *= 1 if scaled else 1e4
    for priors in (None, [1 / n_classes] * n_classes):
        covariance = RidgeCovariance(alpha=alpha)
        estimator = LDA(solver="lsqr", covariance_estimator=covariance, priors=priors)
        engine = recognise(estimator, scaled, targets)
        assert isinstance(engine, LdaEngine if priors else SharedLdaEngine)
        assert_decides_as(engine, estimator, scaled, block, folds, targets)


@pytest.mark.parametrize("unbiased", [False, True])
def test_covariances_are_those_of_the_scikit_learn_that_there_is(
    monkeypatch: pytest.MonkeyPatch, unbiased: bool
) -> None:
    """Of n samples, or of n less the classes, as its svd solver took them before 1.9."""
    monkeypatch.setattr(lda, "svd_is_unbiased", lambda: unbiased)
    block, folds, targets = made_up(3, "runs", True, [1, 9, 30])
    found = decide(recognise(LDA(), False, targets), block, folds, targets)
    (train, *_), (test, *_) = folds.train, folds.test
    y = targets.labellings[0][train]
    for x, of_sphere in zip(spheres_of(block), found[:, 0, : len(test)], strict=True):
        means = np.array([x[train][y == k].mean(axis=0) for k in range(3)])
        apart = x[train] - means[y]
        w = apart.T @ apart / (len(y) - 3 * unbiased)
        towards = np.linalg.solve(w, means.T)
        shares = np.bincount(y) / len(y)
        expected = x[test] @ towards - 0.5 * (means.T * towards).sum(axis=0) + np.log(shares)
        expected -= expected.mean(axis=1, keepdims=True)
        assert np.abs(of_sphere - expected).max() < 1e-5 * np.abs(expected).max()


def test_what_the_solver_of_this_scikit_learn_takes_is_known() -> None:
    new = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 9)
    assert lda.svd_is_unbiased() is not new


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc"])
def test_equal_classes_score_as_scikit_learn(scoring: Any) -> None:
    y = (np.arange(N) // 4 % 2).astype(np.int16)
    rng = np.random.default_rng(0)
    groups = np.arange(N) % 4
    rows = [y]
    for _ in range(3):
        rows.append(y.copy())
        for g in range(4):
            rows[-1][groups == g] = rng.permutation(y[groups == g])
    folds, targets = leave_out(groups), Targets(np.array(rows), np.arange(2))
    block = make_block(N, SIZES, mean=10_000, sd=100, y=y)
    for alpha in (1.0, 1e4):
        estimator = LDA(solver="lsqr", covariance_estimator=RidgeCovariance(alpha=alpha))
        engine = recognise(estimator, False, targets)
        assert_scores_as(engine, estimator, False, block, folds, targets, scoring)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_singular_covariances_are_what_scikit_learn_makes_of_them(n_classes: Any) -> None:
    """A voxel twice, a constant one, classes with almost one mean, and more classes than voxels."""
    block, folds, targets = made_up(n_classes, "runs", False, [1, 2, 12, 60])
    values, members = block.values, block.members
    values[members[4]] = values[members[3]]
    values[members[5]] = 7.0
    values[members[20]] = values[members[21]]
    values[members[22]] = 0.0
    engine = recognise(LDA(), False, targets)
    assert_decides_as(engine, LDA(), False, block, folds, targets)


def test_classes_on_one_line_lose_the_directions_that_scikit_learn_drops() -> None:
    y = np.arange(N).astype(np.int16) % 3
    block = make_block(N, [6, 70])
    block.values[:] += 1e4 * y * (np.arange(300) % 5)[:, None]
    folds, targets = leave_out(np.arange(N) % 4), Targets(y[None], np.arange(3))
    estimator = LDA(tol=1e-2)
    engine = recognise(estimator, False, targets)
    assert_decides_as(engine, estimator, False, block, folds, targets)


def test_without_shrinkage_there_must_be_more_samples_than_voxels() -> None:
    block, folds, targets = made_up(3, "runs", True, [1, 5, 30])
    for solver in ("lsqr", "eigen"):
        engine = recognise(LDA(solver=solver), False, targets)
        assert_decides_as(engine, LDA(solver=solver), False, block, folds, targets)


def test_many_samples() -> None:
    block, folds, targets = made_up(8, "runs", True, [18, 67], n=216)
    for estimator in (LDA(n_components=2), LDA(solver="lsqr", shrinkage="auto")):
        engine = recognise(estimator, False, targets)
        assert_decides_as(engine, estimator, False, block, folds, targets)


ALONE = {
    "svd": LDA(),
    "lsqr": LDA(solver="lsqr"),
    "eigen": LDA(solver="eigen", shrinkage=1e-14),
    "auto": LDA(solver="lsqr", shrinkage="auto"),
}


@pytest.mark.parametrize("name", ["svd", "lsqr"])
@pytest.mark.parametrize("n_classes", [3, 4])
def test_a_singular_covariance_of_fewer_classes(name: str, n_classes: int) -> None:
    """The first fold trains on all classes but the second one, beside a voxel that is there twice.

    Then scikit-learn, which is asked, has one column for two classes, and three for three.
    """
    n = 24
    y = (np.arange(n) % n_classes).astype(np.int16)
    there = np.flatnonzero(y != 1)
    folds = Folds((there[6:], np.arange(12)), (there[:6], np.arange(12, n)), n)
    targets = Targets(y[None], np.arange(n_classes))
    block = make_block(n, [4, 6], y=y)
    block.values[:] += 3e3
    block.values[block.members[5]] = block.values[block.members[4]]
    estimator = ALONE[name]
    engine = recognise(estimator, False, targets)
    found = decide(engine, block, folds, targets)[:, 0]
    assert np.isneginf(found[:, :6, 1]).all()
    for s, x in enumerate(spheres_of(block)):
        fitted = estimator.fit(x[folds.train[0]], y[folds.train[0]])
        expected = fitted.decision_function(x[folds.test[0]]).reshape(6, -1)
        if n_classes == 3:
            expected = expected * [0, 1]
        apart = np.diff(found[s, :6][:, fitted.classes_].astype(float), axis=1)
        expected = np.diff(expected, axis=1)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(apart, expected, rtol=1e-4, atol=1e-4 * scale)
        fitted = estimator.fit(x[:12], y[:12])
        expected = fitted.decision_function(x[12:])
        away = found[s, 6:] - found[s, 6:].mean(axis=1, keepdims=True)
        expected = expected - expected.mean(axis=1, keepdims=True)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(away, expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("solver", ["svd", "lsqr"])
@pytest.mark.parametrize("singular", [False, True])
def test_given_priors_are_those_of_the_classes_of_a_fold(solver: str, singular: bool) -> None:
    """Permuted labels may leave a class out, of which scikit-learn takes no prior."""
    n = 48
    y = (np.arange(n) % 4).astype(np.int16)
    there = np.flatnonzero(y != 1)
    folds = Folds((there[6:],), (there[:6],), n)
    targets, block = Targets(y[None], np.arange(4)), make_block(n, [4], y=y)
    if singular:
        block.values[block.members[3]] = block.values[block.members[2]]
    engine = recognise(LDA(solver=solver, priors=[0.4, 0.3, 0.2, 0.1]), False, targets)
    found = decide(engine, block, folds, targets)[0, 0][:, [0, 2, 3]].astype(float)
    (x,) = spheres_of(block)
    alone = LDA(solver=solver, priors=np.array([4, 2, 1]) / 7).fit(x[there[6:]], y[there[6:]])
    expected = alone.decision_function(x[there[:6]])
    for scores in (found, expected):
        scores -= scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["svd", "auto"])
def test_a_class_without_samples_takes_no_digits_from_the_others(name: str) -> None:
    """Permuted labels may leave a class out; of raw values its mean is not 0."""
    n = 48
    y = (np.arange(n) % 4).astype(np.int16)
    there = np.flatnonzero(y != 1)
    folds = Folds((there[6:],), (there[:6],), n)
    targets = Targets(y[None], np.arange(4))
    block = make_block(n, [1, 6, 60], y=y, mean=1e4, sd=3.0)
    engine = recognise(ALONE[name], False, targets)
    found = decide(engine, block, folds, targets)[:, 0][..., [0, 2, 3]].astype(float)
    found -= found.mean(axis=-1, keepdims=True)
    for s, x in enumerate(spheres_of(block)):
        # scikit-learn itself loses digits beside a large mean.
        x = x - x[folds.train[0]].mean(axis=0)
        fitted = ALONE[name].fit(x[folds.train[0]], y[folds.train[0]])
        expected = fitted.decision_function(x[folds.test[0]])
        expected -= expected.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(found[s], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_equal_samples_of_many_voxels(n_classes: int) -> None:
    """Then the SVD solver drops more directions, of voxels as they are: each has its own scale."""
    n = 16
    y = (np.arange(n) % n_classes).astype(np.int16)
    folds, targets = leave_out(np.arange(n) // 8), Targets(y[None], np.arange(n_classes))
    block = wide_block(520, n, y, 1.0)
    block.values[:, [6, 14]] = block.values[:, [0, 8]]
    engine = recognise(LDA(), False, targets)
    assert_decides_as(engine, LDA(), False, block, folds, targets)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("shrinkage", [1e-10, 1e-11])
def test_the_least_shrinkage_is_that_of_scikit_learn(shrinkage: float, scaled: bool) -> None:
    """Of more voxels than samples: what is left to scikit-learn is turned to fewer dimensions."""
    n = 12
    y = (np.arange(n) % 3).astype(np.int16)
    folds, targets = leave_out(np.arange(n) // 6), Targets(y[None], np.arange(3))
    block = make_block(n, [13, 40], mean=50.0, sd=5.0, y=y)
    estimator = LDA(solver="lsqr", shrinkage=shrinkage)
    engine = recognise(estimator, scaled, targets)
    assert_decides_as(engine, estimator, scaled, block, folds, targets, rtol=1e-3)


def two_of_each(n_voxels: int) -> tuple[Block, Folds, Targets]:
    """A fold that trains on two samples of each of four classes."""
    rng = np.random.default_rng(n_voxels)
    y = np.tile(np.arange(4), 4).astype(np.int16)
    values = rng.normal(size=(n_voxels, 16)).astype(np.float32)
    values += rng.normal(size=(n_voxels, 4)).astype(np.float32)[:, y]
    block = Block(values, np.arange(n_voxels, dtype=np.int32), np.array([0, n_voxels]))
    return block, Folds((np.arange(8),), (np.arange(8, 16),), 16), Targets(y[None], np.arange(4))


@pytest.mark.parametrize("n_voxels", [5, 12, 40])
def test_shrinkage_of_two_samples_is_none(n_voxels: int) -> None:
    """Ledoit and Wolf's of each class is 0 then, and all is left to scikit-learn."""
    block, folds, targets = two_of_each(n_voxels)
    engine = recognise(ALONE["auto"], False, targets)
    assert_decides_as(engine, ALONE["auto"], False, block, folds, targets)


@pytest.mark.parametrize("n_voxels", [40, 500])
def test_voxels_of_very_different_sizes_are_shrunk_one_by_one(n_voxels: int) -> None:
    """Of no such matrix a kernel vouches for its inverse; a rotation would mix their units."""
    y = (np.arange(16) % 2).astype(np.int16)
    folds = Folds((np.arange(10),), (np.arange(10, 16),), 16)
    block = wide_block(n_voxels, 16, y, 0.1)
    block.values[:] *= (10.0 ** np.linspace(-3.3, 3.3, n_voxels)[:, None]).astype(np.float32)
    targets = Targets(y[None], np.arange(2))
    engine = recognise(ALONE["auto"], False, targets)
    assert_decides_as(engine, ALONE["auto"], False, block, folds, targets, rtol=1e-3)


def test_what_is_not_shrunk_of_more_voxels_has_a_pseudoinverse() -> None:
    """Of a matrix of so many voxels scikit-learn would invert its rounding."""
    engine = recognise(ALONE["auto"], False, two_of_each(40)[2])
    # What is compiled first takes memory of its own.
    decide(engine, *two_of_each(501))
    block, folds, targets = two_of_each(8_000)
    with guarded(256 << 20):
        found = decide(engine, block, folds, targets)[0, 0].astype(float)
    x = block.values.T.astype(float)
    means = (x[:4] + x[4:8]) / 2
    # Of a class, half the difference of its two samples, once with either sign.
    _, size, right = np.linalg.svd((x[:4] - x[4:8]) / 2 / 2, full_matrices=False)
    tests, means = x[8:] @ right.T / size, means @ right.T / size
    expected = tests @ means.T - (means**2).sum(axis=1) / 2
    for scores in (found, expected):
        scores -= scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_what_is_recognised() -> None:
    targets = Targets(np.zeros((1, 4), np.int16), np.arange(3))
    thirds = (0.25, 0.25, 0.5)
    ridge = RidgeCovariance(0.5)
    for estimator, engine in (
        (LDA(), LdaEngine("svd", 1e-4, None, True, "svd")),
        (LDA(n_components=1, tol=0.1), LdaEngine("svd", 0.1, None, True, "svd")),
        (LDA(n_components=2, priors=thirds), LdaEngine("svd", 1e-4, thirds, True, "svd")),
        (LDA(solver="lsqr"), LdaEngine("shrinkage", 0.0, None, True, "lsqr")),
        (LDA(solver="lsqr", shrinkage=0), LdaEngine("shrinkage", 0.0, None, True, "lsqr")),
        (LDA(solver="eigen", shrinkage=0.3), LdaEngine("shrinkage", 0.3, None, True, "eigen")),
        (LDA(solver="eigen", shrinkage="auto"), LdaEngine("auto", 0.0, None, True, "eigen")),
        (LDA(solver="lsqr", covariance_estimator=ridge), SharedLdaEngine(0.5, True)),
        (
            LDA(solver="eigen", covariance_estimator=ridge, priors=thirds),
            LdaEngine("ridge", 0.5, thirds, True, "eigen"),
        ),
    ):
        assert recognise(estimator, True, targets) == engine


@pytest.mark.parametrize("alpha", [0.0, -1.0])
def test_what_scikit_learn_refuses_is_left_to_it(alpha: float) -> None:
    block, _, targets = made_up(2, "runs", False)
    estimator = LDA(solver="lsqr", covariance_estimator=RidgeCovariance(alpha))
    assert recognise(estimator, False, targets) == "a covariance that scikit-learn refuses"
    with pytest.raises(ParameterError, match="`alpha` must be"):
        estimator.fit(block.values.T, targets.labellings[0])
    estimator = LDA(covariance_estimator=RidgeCovariance(1.0))
    said = recognise(estimator, False, targets)
    assert said == "a covariance that the svd solver does not take"
    with pytest.raises(ValueError, match="svd"):
        estimator.fit(block.values.T, targets.labellings[0])


def test_a_sphere_that_scikit_learn_cannot_fit_is_told() -> None:
    """The eigen solver takes no covariance that is singular."""
    block, folds, targets = made_up(2, "runs", False, [3, 5])
    block.values[block.members[4]] = 7.0
    engine = recognise(LDA(solver="eigen"), False, targets)
    with pytest.raises(ParameterError, match="LinearDiscriminantAnalysis failed: "):
        decide(engine, block, folds, targets)


def test_what_is_not_solved_is_declined() -> None:
    targets = Targets(np.zeros((1, 4), np.int16), np.arange(2))
    for estimator, reason in (
        (LDA(solver="lsqr", covariance_estimator=OAS()), "other than RidgeCovariance"),
        (LDA(shrinkage=0.1), "svd solver"),
        (LDA(priors=[0.5, 0.6]), "priors"),
        (LDA(n_components=2), "components"),
        (
            LDA(solver="lsqr", shrinkage=0.1, covariance_estimator=RidgeCovariance()),
            "scikit-learn refuses",
        ),
    ):
        declined = recognise(estimator, False, targets)
        assert isinstance(declined, str)
        assert reason in declined
    assert recognise(QuadraticDiscriminantAnalysis(), False, targets) is None


WIDE = {
    "fixed": LDA(solver="lsqr", shrinkage=0.1),
    "eigen": LDA(solver="eigen", shrinkage=0.1),
    "hardly": LDA(solver="lsqr", shrinkage=1e-8),
    "auto": LDA(solver="lsqr", shrinkage="auto"),
    "auto eigen": LDA(solver="eigen", shrinkage="auto"),
    "ridge": LDA(
        solver="lsqr", covariance_estimator=RidgeCovariance(alpha=1.0), priors=[0.5, 0.3, 0.2]
    ),
    "svd": LDA(),
}


def wide_block(p: int, n: int, y: np.ndarray, spread: float) -> Block:
    """One sphere of raw values, whose voxels differ in their deviations."""
    rng = np.random.default_rng(p)
    values = rng.normal(size=(p, n)) + 0.3 * rng.normal(size=(p, 3))[:, y]
    values *= 300 * np.exp(rng.normal(0, spread, (p, 1)))
    values += rng.normal(5_000, 300, (p, 1))
    return Block(values.astype(np.float32), np.arange(p, dtype=np.int32), np.array([0, p]))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", WIDE)
def test_more_voxels_than_samples_decide_as_scikit_learn(name: str, scaled: bool) -> None:
    y = make_labels(40, 3, balanced=False)
    folds, targets = leave_out(np.arange(40) % 2), make_targets(y, 0)
    engine = recognise(WIDE[name], scaled, targets)
    block = wide_block(600, 40, y, 0.5)
    # With a condition of 1e11 scikit-learn itself has but few digits.
    rtol = 1e-3 if name == "hardly" else 1e-5
    assert_decides_as(engine, WIDE[name], scaled, block, folds, targets, rtol=rtol)


def test_a_covariance_of_many_voxels_that_is_not_shrunk_has_a_pseudoinverse() -> None:
    """Least squares of the least length, in the words of the method."""
    y = make_labels(40, 2, balanced=False)
    folds, targets = leave_out(np.arange(40) % 2), make_targets(y, 0)
    engine = recognise(LDA(solver="lsqr"), False, targets)
    block = wide_block(600, 40, y, 0.5)
    found = decide(engine, block, folds, targets)[0, 0, :, 0]
    x = block.values.T.astype(float)
    expected = []
    for train, test in zip(folds.train, folds.test, strict=True):
        parts = [x[train][y[train] == k] for k in range(2)]
        means = np.array([part.mean(axis=0) for part in parts])
        away = np.concatenate([part - part.mean(axis=0) for part in parts]) / np.sqrt(len(train))
        _, size, right = np.linalg.svd(away, full_matrices=False)
        kept = size > 1e-9 * size[0]
        weights = (means[1] - means[0]) @ right[kept].T / size[kept] ** 2 @ right[kept]
        start = np.log(len(parts[1]) / len(parts[0]))
        expected.append((x[test] - means.mean(axis=0)) @ weights + start)
    scale = np.abs(np.concatenate(expected)).max()
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("name", [*WIDE, "none", "auto, voxels of any size"])
def test_many_voxels_take_no_matrix_of_voxels(name: str) -> None:
    """Of 20 000 voxels that would be 3 GB, and hours of a Cholesky factor."""
    estimator = {**WIDE, "none": LDA(solver="lsqr")}.get(name, WIDE["auto"])
    y = make_labels(40, 3, balanced=False)
    folds, targets = leave_out(np.arange(40) % 2), make_targets(y, 0)
    engine = recognise(estimator, False, targets)
    # What is compiled first takes memory of its own.
    decide(engine, wide_block(600, 40, y, 0.5), folds, targets)
    block = wide_block(20_000, 40, y, 4.0 if name.endswith("size") else 0.5)
    with guarded(256 << 20):
        assert np.isfinite(decide(engine, block, folds, targets)).all()


def test_voxels_of_any_size_are_shrunk_as_if_all_had_one() -> None:
    """Ledoit and Wolf's shrinkage is of standardised voxels: their units change nothing."""
    y = make_labels(40, 3, balanced=False)
    folds, targets = leave_out(np.arange(40) % 2), make_targets(y, 0)
    engine = recognise(WIDE["auto"], False, targets)
    block = wide_block(600, 40, y, 0.5)
    units = np.exp2(np.random.default_rng(0).integers(-20, 20, (600, 1))).astype(np.float32)
    found = decide(engine, block, folds, targets)
    other = decide(engine, Block(block.values * units, block.members, block.starts), folds, targets)
    np.testing.assert_allclose(other, found, rtol=1e-4, atol=1e-4 * np.abs(found).max())


@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("priors", [None, [1 / 3] * 3], ids=["shared", "given"])
def test_a_class_that_a_fold_lacks_has_no_say_in_what_float32_keeps(
    priors: Any, size: float
) -> None:
    """Beside the logarithm of its prior, small betas would differ by nothing."""
    rng, n = np.random.default_rng(0), 30
    y = (np.arange(n) % 2).astype(np.int16)
    y[-3:] = 2
    values = (size * rng.standard_normal((4, n))).astype(np.float32)
    block = Block(values, np.arange(4, dtype=np.int32), np.array([0, 4]))
    folds = Folds((np.arange(20),), (np.arange(20, 28),), n)
    given = LDA(solver="lsqr", covariance_estimator=RidgeCovariance(1.0), priors=priors)
    targets = Targets(y[None], np.arange(3))
    engine = recognise(given, False, targets)
    assert isinstance(engine, SharedLdaEngine if priors is None else LdaEngine)
    found = decide(engine, block, folds, targets)[0, 0].astype(float)
    (x,) = spheres_of(block)
    given.set_params(priors=priors and [0.5, 0.5])
    expected = given.fit(x[:20], y[:20]).decision_function(x[20:28])
    np.testing.assert_allclose(found[:, 1] - found[:, 0], expected, rtol=1e-5)
