from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, LinearSVR

from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.svm import LinearSvcEngine, LinearSvrEngine, recognise
from boldstream.decoding.solving.scored import require_solved, score_spheres
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import R2
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

N = 48
SIZES = [1, 5, 18, 40, 70]
FOLDS = {"runs": leave_out(np.arange(N) // 13), "shuffled": shuffle_split(N)}
# In its primal form, liblinear converges within seconds.
EXACTLY: dict[str, Any] = {"tol": 1e-11, "max_iter": 100_000, "dual": False}


def parts(n_spheres: int) -> list[list[int]]:
    """Spheres smaller and larger than folds are solved in two ways."""
    return [SIZES[:n_spheres], SIZES[n_spheres:]]


@pytest.mark.parametrize("sizes", parts(3))
@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("n_classes", [2, 3, 8])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class_weight": "balanced", "C": 0.1},
        {"fit_intercept": False, "class_weight": {0: 0.5, 1: 2.0}},
        {"intercept_scaling": 3.0, "C": 2.0},
    ],
    ids=["default", "balanced", "no intercept", "scaling"],
)
def test_svc_decides_as_liblinear(
    sizes: list[int], folds: str, n_classes: int, scaled: bool, settings: dict[str, Any]
) -> None:
    settings = dict(settings)
    if isinstance(settings.get("class_weight"), dict):
        settings["class_weight"] |= dict.fromkeys(range(2, n_classes), 1.5)
    estimator = LinearSVC(**settings, **EXACTLY)
    y = make_labels(N, n_classes, balanced=False)
    targets = make_targets(y, n_permutations=1)
    engine = recognise(estimator, scaled, targets)
    block = make_block(N, sizes, y=y, constant=True)
    assert_decides_as(engine, estimator, scaled, block, FOLDS[folds], targets)


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "roc_auc"])
def test_svc_scores_as_liblinear(scoring: str) -> None:
    y = make_labels(N, 2, balanced=True)
    targets, folds = make_targets(y), FOLDS["runs"]
    estimator = LinearSVC(**EXACTLY)
    block = make_block(N, SIZES, y=y)
    engine = recognise(estimator, False, targets)
    assert_scores_as(engine, estimator, False, block, folds, targets, scoring)


@pytest.mark.parametrize("sizes", parts(3))
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_svr_predicts_as_liblinear(
    sizes: list[int], scaled: bool, epsilon: float, fit_intercept: bool
) -> None:
    rng = np.random.default_rng(4)
    block = make_block(N, sizes)
    y = 12 + block.values[:10].sum(axis=0) + rng.standard_normal((3, N))
    estimator = LinearSVR(
        loss="squared_epsilon_insensitive",
        C=0.5,
        epsilon=epsilon,
        fit_intercept=fit_intercept,
        **EXACTLY,
    )
    for folds in FOLDS.values():
        targets = Targets(y, None)
        engine = recognise(estimator, scaled, targets)
        assert_decides_as(engine, estimator, scaled, block, folds, targets)
        away = Targets(y, None, offset=12.0)
        assert isinstance(engine, Engine)
        predicted = decide(engine, block, folds, targets) - 12
        np.testing.assert_allclose(
            decide(engine, block, folds, away), predicted, rtol=1e-5, atol=1e-5
        )
        near = Targets(y - 12, None)
        found = score_spheres(block, engine, Problem(folds, near, R2)).folds
        cv = list(zip(folds.train, folds.test, strict=True))
        model = make_pipeline(StandardScaler(), estimator) if scaled else estimator
        expected = [cross_val_score(model, x, y[0] - 12, cv=cv) for x in spheres_of(block)]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def svc_by_nnls(x: np.ndarray, y: np.ndarray, train: np.ndarray, c: float) -> np.ndarray:
    """Decisions of all samples, from the dual as non-negative least squares."""
    whole = np.hstack([x, np.ones((len(x), 1))]).astype(np.longdouble)
    rows, sign = whole[train], np.where(y[train] == 1, 1.0, -1.0)
    stacked = np.vstack([(rows * sign[:, None]).T, np.eye(len(train)) * (0.5 / c) ** 0.5])
    aim = np.concatenate([np.zeros(rows.shape[1]), np.full(len(train), (2 * c) ** 0.5)])
    alpha, _ = nnls(stacked.astype(float), aim, maxiter=10_000)
    # With the active samples known, once more in extended precision.
    active = np.flatnonzero(alpha)
    k = rows[active] @ rows[active].T + np.eye(len(active), dtype=np.longdouble) * (0.5 / c)
    beta = solve_extended(k, sign[active].astype(np.longdouble))
    return np.asarray(whole @ (rows[active].T @ beta), float)


def solve_extended(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.copy(), b.copy()
    for i in range(len(a)):
        by = a[i + 1 :, i] / a[i, i]
        a[i + 1 :] -= by[:, None] * a[i]
        b[i + 1 :] -= by * b[i]
    for i in range(len(a) - 1, -1, -1):
        b[i] = (b[i] - a[i, i + 1 :] @ b[i + 1 :]) / a[i, i]
    return b


@pytest.mark.parametrize("sizes", parts(3))
@pytest.mark.parametrize("c", [1e-6, 1.0])
def test_raw_bold(sizes: list[int], c: float) -> None:
    """liblinear does not converge on it; the dual by another solver does."""
    y = make_labels(N, 2, balanced=True)
    block = make_block(N, sizes, mean=10_000, sd=100, y=y, constant=len(sizes) == 3)
    folds, targets = FOLDS["runs"], make_targets(y, 2)
    found = decide(LinearSvcEngine(c, None, 1.0, False), block, folds, targets)[..., 0]
    for s, x in enumerate(spheres_of(block)):
        for label, labels in enumerate(targets.labellings):
            expected = np.concatenate(
                [
                    svc_by_nnls(x, labels, train, c)[test]
                    for train, test in zip(folds.train, folds.test, strict=True)
                ]
            )
            np.testing.assert_allclose(
                found[s, label], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
            )


@pytest.mark.parametrize("sizes", parts(3))
@pytest.mark.parametrize("c", [1.0, 1e3, 1e5, 1e7])
def test_duplicate_samples_at_any_cost(sizes: list[int], c: float) -> None:
    """Half of them of another class: β is then so large that its sums lose digits."""
    rng = np.random.default_rng(5)
    values = make_block(N, sizes).values.copy()
    values[:, N // 2 :] = values[:, : N // 2]
    members = np.concatenate([rng.permutation(300)[:size] for size in sizes]).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    block = Block(values, members, starts)
    y = make_labels(N, 2, balanced=True, seed=6)
    targets, folds = make_targets(y, 1), leave_out(np.arange(N) % 4)
    found = decide(LinearSvcEngine(c, None, 1.0, False), block, folds, targets)[..., 0]
    for s, x in enumerate(spheres_of(block)):
        for label, labels in enumerate(targets.labellings):
            at = 0
            for train, test in zip(folds.train, folds.test, strict=True):
                expected = svc_by_nnls(x, labels, train, c)[test]
                scale = np.abs(expected).max()
                np.testing.assert_allclose(
                    found[s, label, at : at + len(test)], expected, rtol=1e-5, atol=1e-5 * scale
                )
                at += len(test)


def test_one_stiff_sphere_among_others() -> None:
    """Equal samples of different classes, and a high cost: of the second sphere products do."""
    values = make_block(N, [1]).values[:120].copy()
    values[:, N // 2 :] = values[:, : N // 2]
    values[40:80] *= np.float32(1e-4)
    block = Block(values, np.arange(120, dtype=np.int32), np.array([0, 40, 80, 120]))
    targets = make_targets(make_labels(N, 2, balanced=True, seed=6), 0)
    train = np.setdiff1d(np.arange(N), [0, 25, 30])
    folds = Folds((train,), (np.array([0, 25, 30]),), N)
    found = decide(LinearSvcEngine(4e6, None, 1.0, False), block, folds, targets)[:, 0, :, 0]
    for s, x in enumerate(spheres_of(block)):
        expected = svc_by_nnls(x, targets.labellings[0], train, 4e6)[[0, 25, 30]]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found[s], expected, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("c", [1.0, 1e4, 1e6])
def test_values_of_more_voxels_than_samples_at_a_high_cost(c: float) -> None:
    """Weights in directions that no training sample has are 0, and not what costs leave of it.

    Without a band about values they are those of ridge regression.
    """
    rng = np.random.default_rng(8)
    block = make_block(N, [200], mean=1_000, sd=10)
    folds, y = FOLDS["runs"], rng.normal(100, 5, (2, N))
    found = decide(LinearSvrEngine(c, 0.0, 0.0, False), block, folds, Targets(y, None))[0, ..., 0]
    x = spheres_of(block)[0].astype(np.longdouble)
    for label, values in enumerate(y.astype(np.longdouble)):
        pieces = []
        for train, test in zip(folds.train, folds.test, strict=True):
            k = x[train] @ x[train].T + np.eye(len(train)) * np.longdouble(0.5 / c)
            pieces.append(x[test] @ (x[train].T @ solve_extended(k, values[train])))
        expected = np.concatenate(pieces).astype(float)
        spread = np.ptp(expected)
        np.testing.assert_allclose(found[label], expected, rtol=0, atol=1e-5 * spread)


@pytest.mark.parametrize("c", [1.0, 7e4])
def test_classes_by_voxels_of_very_different_size(c: float) -> None:
    y = make_labels(N, 2, balanced=True)
    values = make_block(N, [120], y=y).values.copy()
    values *= (10.0 ** np.random.default_rng(9).uniform(-3, 4, (len(values), 1))).astype(np.float32)
    block = Block(values, np.arange(120, dtype=np.int32), np.array([0, 120], np.int64))
    folds, targets = FOLDS["runs"], make_targets(y, 1)
    found = decide(LinearSvcEngine(c, None, 1.0, False), block, folds, targets)[0, ..., 0]
    (x,) = spheres_of(block)
    for label, labels in enumerate(targets.labellings):
        pairs = zip(folds.train, folds.test, strict=True)
        expected = np.concatenate([svc_by_nnls(x, labels, train, c)[test] for train, test in pairs])
        np.testing.assert_allclose(
            found[label], expected, rtol=0, atol=1e-5 * np.abs(expected).max()
        )


@pytest.mark.parametrize("usual_size", [10.0, 60.0])
def test_how_a_search_is_cut_changes_no_digit(usual_size: float) -> None:
    """Small and large spheres are solved in one form, that of the usual size."""
    y = make_labels(N, 2, balanced=True)
    block = make_block(N, [3, 60, 8, 70], mean=1e4, sd=1e2, y=y)
    folds, targets = FOLDS["runs"], make_targets(y, 1)
    block = Block(block.values, block.members, block.starts, usual_size)
    engine = LinearSvcEngine(1.0, None, 1.0, False)
    found = decide(engine, block, folds, targets)
    for start, stop in ((0, 1), (0, 3), (1, 2), (2, 4)):
        some = decide(engine, block.some(slice(start, stop)), folds, targets)
        np.testing.assert_array_equal(some, found[start:stop])


def test_many_voxels_with_large_values_take_no_matrix_of_voxels() -> None:
    """Raw betas of a whole brain: too stiff for products of samples, too many for a Hessian."""
    y = make_labels(N, 2, balanced=True)
    engine = LinearSvcEngine(1.0, None, 1.0, False)
    folds, targets = FOLDS["runs"], make_targets(y, 1)
    # What is compiled first takes memory of its own.
    decide(engine, make_block(N, [200], sd=1e3, y=y), folds, targets)
    values = np.random.default_rng(7).normal(0, 1e3, (8_000, N)).astype(np.float32)
    block = Block(values, np.arange(8_000, dtype=np.int32), np.array([0, 8_000], np.int64))
    with guarded(256 << 20):
        found = decide(engine, block, folds, targets)[0, ..., 0]
    for label, labels in enumerate(targets.labellings):
        expected = np.concatenate(
            [
                svc_by_nnls(values.T.astype(float), labels, train, 1.0)[test]
                for train, test in zip(folds.train, folds.test, strict=True)
            ]
        )
        np.testing.assert_allclose(
            found[label], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
        )


def test_a_sample_trained_on_twice_counts_twice() -> None:
    y = make_labels(N, 2, balanced=True)
    train = np.concatenate([np.arange(30), np.arange(10)])
    folds = Folds((train, np.arange(10, N)), (np.arange(30, N), np.arange(10)), N)
    estimator, targets = LinearSVC(**EXACTLY), make_targets(y, 1)
    for sizes in parts(3):
        engine = recognise(estimator, False, targets)
        block = make_block(N, sizes, y=y)
        assert_decides_as(engine, estimator, False, block, folds, targets)


def test_a_class_that_a_fold_has_not() -> None:
    """Of three classes one lies in a single run; then two are left, and weighed as two."""
    y = np.repeat([0, 1, 0, 1, 0, 1, 2, 2], 6).astype(np.int16)
    folds = Folds((np.arange(36), np.arange(12, N)), (np.arange(36, N), np.arange(12)), N)
    targets = Targets(y[None], np.arange(3))
    block = make_block(N, SIZES[1:], y=y)
    for weight in (None, {0: 0.3, 1: 2.0, 2: 5.0}, "balanced"):
        estimator = LinearSVC(class_weight=weight, **EXACTLY)
        engine = recognise(estimator, False, targets)
        assert_scores_as(engine, estimator, False, block, folds, targets)
        assert isinstance(engine, Engine)
        found = decide(engine, block, folds, targets)[:, 0, :12]
        for s, x in enumerate(spheres_of(block)):
            estimator.fit(x[:36], y[:36])
            expected = estimator.decision_function(x[36:])
            np.testing.assert_allclose(found[s, :, 1], expected, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(found[s, :, 0], -expected, rtol=1e-4, atol=1e-5)


def test_two_classes_swapped_give_the_same_scores() -> None:
    y = make_labels(N, 2, balanced=True)
    block, folds = make_block(N, SIZES, y=y), FOLDS["runs"]
    engine = LinearSvcEngine(1.0, None, 1.0, False)
    found = decide(engine, block, folds, make_targets(y))
    swapped = make_targets(y)
    swapped = Targets(1 - swapped.labellings, swapped.classes)
    np.testing.assert_allclose(found, -decide(engine, block, folds, swapped), atol=1e-6)


def test_a_labelling_does_not_depend_on_those_beside_it() -> None:
    y = make_labels(N, 2, balanced=True)
    block, folds, targets = make_block(N, SIZES, y=y), FOLDS["runs"], make_targets(y, 8)
    engine = LinearSvcEngine(1.0, None, 1.0, False)
    found = decide(engine, block, folds, targets)
    alone = decide(engine, block, folds, targets.some(slice(5, 6)))
    np.testing.assert_array_equal(found[:, 5:6], alone)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LinearSVC(loss="hinge"), "loss='hinge'"),
        (LinearSVC(penalty="l1"), "penalty='l1'"),
        (LinearSVC(multi_class="crammer_singer"), "multi_class='crammer_singer'"),
        (LinearSVC(class_weight={7: 2.0}), "a class weight of a class that there is not"),
        (LinearSVC(class_weight={0: 0.0}), "a class weight that is not positive"),
        (LinearSVC(class_weight={0: 0.0, 1: 1.0}), "a class weight that is not positive"),
        (LinearSVR(), "loss='epsilon_insensitive'"),
        (LinearSVR(loss="squared_epsilon_insensitive", epsilon=-1), "an epsilon below 0"),
        (LinearSVC(C=0), "a cost or an intercept's scaling"),
        (LinearSVC(C=-1.0), "a cost or an intercept's scaling"),
        (LinearSVC(intercept_scaling=-0.5), "a cost or an intercept's scaling"),
        (LinearSVR(C=0), "a cost or an intercept's scaling"),
    ],
)
def test_what_is_not_solved_is_told(estimator: Any, reason: str) -> None:
    targets = make_targets(make_labels(N, 2, balanced=True))
    said = recognise(estimator, False, targets)
    assert isinstance(said, str)
    assert said.startswith(reason)


def test_what_is_recognised() -> None:
    class Own(LinearSVC):  # type: ignore[misc]
        pass

    targets = make_targets(make_labels(N, 2, balanced=True))
    assert recognise(SVC(kernel="linear"), False, targets) is None
    assert recognise(Own(), False, targets) is None
    assert recognise(LinearSVC(C=3, fit_intercept=False), True, targets) == (
        LinearSvcEngine(3.0, None, 0.0, True)
    )
    assert recognise(LinearSVC(C=0.5, intercept_scaling=0.5), True, targets) == (
        LinearSvcEngine(0.5, None, 0.5, True)
    )
    without = LinearSVC(fit_intercept=False, intercept_scaling=-1.0, class_weight="balanced")
    assert recognise(without, False, targets) == LinearSvcEngine(1.0, "balanced", 0.0, False)
    svr = LinearSVR(loss="squared_epsilon_insensitive", epsilon=0.1, intercept_scaling=2)
    values = Targets(np.zeros((1, N)), None)
    assert recognise(svr, False, values) == LinearSvrEngine(1.0, 0.1, 2.0, False)
    svr = LinearSVR(loss="squared_epsilon_insensitive", fit_intercept=False)
    assert recognise(svr, True, values) == LinearSvrEngine(1.0, 0.0, 0.0, True)


def test_what_does_not_converge_is_an_error() -> None:
    """Never the last point that was reached, without a word."""
    decisions = np.zeros((1, 1, 2, 1), np.float32)
    require_solved(decisions)
    decisions[0, 0, 1] = np.nan
    with pytest.raises(ParameterError, match=r"200 steps.*standardise voxels"):
        require_solved(decisions)
