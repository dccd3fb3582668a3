"""Permuted labels: what may exchange them, and how likely each labelling is."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import ParameterError
from boldstream.decoding.permutations.exchange import plan_exchange
from boldstream.decoding.permutations.labellings import permute_labels
from boldstream.decoding.task.problem import Folds

RUNS = np.repeat([1, 2, 3, 4], 8)


def folds_of(test_fold: Any) -> Folds:
    numbers = np.asarray(test_fold)
    pairs = [(np.flatnonzero(numbers != k), np.flatnonzero(numbers == k)) for k in set(test_fold)]
    return Folds(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), len(numbers))


def codes(text: str) -> np.ndarray:
    return np.array([int(c) for c in text], np.int16)


@pytest.fixture
def y(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.permutation(codes("00110011")) for _ in range(4)])


def test_labels_stay_in_their_run(y: np.ndarray) -> None:
    drawn = permute_labels(y, 200, groups=RUNS, folds=folds_of(RUNS))
    assert drawn.dtype == np.int16
    assert drawn.shape == (201, 32)
    np.testing.assert_array_equal(drawn[0], y)
    for run in range(4):
        part = drawn[:, run + 1 == RUNS]
        assert (part.sum(axis=1) == 4).all()
        assert len(np.unique(part, axis=0)) > 50


def test_without_groups_they_go_anywhere(y: np.ndarray) -> None:
    drawn = permute_labels(y, 200, folds=folds_of(RUNS))
    assert (drawn.sum(axis=1) == 16).all()
    assert len(set(drawn[:, RUNS == 1].sum(axis=1).tolist())) > 3


def test_every_labelling_is_as_likely_as_any_other() -> None:
    y = codes("010212")
    runs = [1, 1, 1, 2, 2, 2]
    drawn = permute_labels(y, 9000, groups=runs, folds=folds_of(range(6)))
    counts = Counter(map(bytes, drawn[1:]))
    left = {bytes(np.array(x, np.int16)) for x in itertools.permutations(y[:3].tolist())}
    right = {bytes(np.array(x, np.int16)) for x in itertools.permutations(y[3:].tolist())}
    assert set(counts) == {a + b for a in left for b in right}
    # A chi² of 8 degrees of freedom exceeds 26 once in 1 000.
    assert sum((n - 1000) ** 2 / 1000 for n in counts.values()) < 26


def test_classes_are_trained_on_in_every_fold() -> None:
    """One sample of the third class in training and test would leave a fold without it."""
    y = codes("0120102012")
    fold = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    folds = folds_of(fold)
    drawn = permute_labels(y, 3000, folds=folds)
    for train in folds.train:
        assert all((drawn[:, train] == c).any(axis=1).all() for c in range(3))
    free = permute_labels(y, 3000, folds=folds_of(range(10)))
    alone = np.array(
        [all((row[t] == c).any() for t in folds.train for c in range(3)) for row in free]
    )
    assert 0.2 < alone.mean() < 0.999
    # As likely as among labellings drawn freely that happen to suit.
    shares = [(part[:, 0] == 2).mean() for part in (drawn, free[alone])]
    assert abs(shares[0] - shares[1]) < 0.04


def test_roc_auc_can_have_every_class_tested() -> None:
    y = codes("0101101001011010")
    folds = folds_of(np.repeat(range(4), 4).tolist())
    tested = permute_labels(y, 500, folds=folds, every_class_tested=True)
    assert all((np.ptp(tested[:, test], axis=1) == 1).all() for test in folds.test)
    free = permute_labels(y, 500, folds=folds)
    assert not all((np.ptp(free[:, test], axis=1) == 1).all() for test in folds.test)


def test_folds_that_lack_a_class_as_given_may_lack_it() -> None:
    """One of two folds trains on the only sample of the third class, as given and as drawn."""
    y, halves = codes("010110011002"), np.arange(12).reshape(2, 6)
    drawn = permute_labels(y, 50, folds=Folds((halves[0], halves[1]), (halves[1], halves[0]), 12))
    assert (drawn[:, halves[1]] == 2).any(axis=1).all()
    assert len(set(map(bytes, drawn))) > 40


def test_a_cv_that_hardly_any_labelling_suits_is_refused() -> None:
    """Each fold trains on two samples only, by chance one of either class."""
    n = 28
    y = np.tile(codes("0110"), n // 4)
    pairs = np.arange(n).reshape(-1, 2)
    folds = Folds(tuple(pairs), tuple(np.setdiff1d(np.arange(n), pair) for pair in pairs), n)
    with pytest.raises(ParameterError, match="fewer than 1 in 1000"):
        permute_labels(y, 100, folds=folds)


def test_a_cv_that_one_labelling_in_some_hundreds_suits_is_not() -> None:
    """2 ** 11 of the 705 432 labellings have one of either class in each of eleven pairs."""
    pairs = np.arange(22).reshape(-1, 2)
    y = np.tile(codes("0110"), 6)[:22]
    folds = Folds(tuple(pairs), tuple(np.setdiff1d(np.arange(22), pair) for pair in pairs), 22)
    drawn = permute_labels(y, 60, folds=folds)
    assert (drawn[:, pairs].sum(axis=2) == 1).all()


def test_stratified_folds_stay_so(y: np.ndarray, rng: np.random.Generator) -> None:
    from sklearn.model_selection import StratifiedKFold

    pairs = list(StratifiedKFold(4, shuffle=True, random_state=0).split(y, y))
    folds = Folds(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), len(y))
    drawn = permute_labels(y, 100, folds=folds, stratified=True)
    for test in folds.test:
        assert (drawn[:, test].sum(axis=1) == y[test].sum()).all()
    both = permute_labels(y, 100, groups=RUNS, folds=folds, stratified=True)
    for test, run in itertools.product(folds.test, range(1, 5)):
        cell = test[RUNS[test] == run]
        assert (both[:, cell].sum(axis=1) == y[cell].sum()).all()
    assert len(np.unique(both, axis=0)) > 20


def test_whole_blocks_exchange_labels(rng: np.random.Generator) -> None:
    """Blocks of unequal length, two runs."""
    y = codes("0001111001" + "1100011100")
    runs = [1] * 10 + [2] * 10
    folds = folds_of(runs)
    blocks = list("aaabbbbccd" + "aabbbcccdd")
    given = permute_labels(y, 300, groups=runs, permutation_blocks=blocks, folds=folds)
    auto = permute_labels(y, 300, groups=runs, permutation_blocks="auto", folds=folds)
    np.testing.assert_array_equal(given, auto)
    starts = [0, 3, 7, 9, 10, 12, 15, 18]
    for labels in given:
        for start, stop in zip(starts, [*starts[1:], 20], strict=True):
            assert len(set(labels[start:stop].tolist())) == 1
        assert sorted(labels[starts[:4]].tolist()) == [0, 0, 1, 1]
    assert len(np.unique(given, axis=0)) == 36
    plan = plan_exchange(y, groups=runs, permutation_blocks="auto", folds=folds, stratified=False)
    assert plan.n_distinct == 36


def test_samples_exchange_labels_within_blocks_that_hold_several(y: np.ndarray) -> None:
    halves = np.arange(32) // 4
    drawn = permute_labels(y, 100, groups=RUNS, permutation_blocks=halves, folds=folds_of(RUNS))
    for half in range(8):
        rows = halves == half
        assert (drawn[:, rows].sum(axis=1) == y[rows].sum()).all()
    assert len(np.unique(drawn, axis=0)) > 50


def test_values_are_permuted_as_they_are(rng: np.random.Generator) -> None:
    values = rng.standard_normal(32)
    drawn = permute_labels(values, 50, groups=RUNS, folds=folds_of(RUNS))
    assert drawn.dtype == np.float64
    for run in range(1, 5):
        expected = np.sort(values[run == RUNS])
        np.testing.assert_array_equal(np.sort(drawn[:, run == RUNS], axis=1), [expected] * 51)


@pytest.mark.parametrize(
    "y",
    [
        np.tile(np.repeat(codes("0101"), 8), 4),
        np.repeat(codes("01201"), 2),
        np.sin(np.arange(60) / 8),
        np.repeat(codes("0101101"), 9)[:-8],
    ],
    ids=["volumes", "pairs", "slow values", "one label alone"],
)
def test_a_block_design_is_refused(y: np.ndarray) -> None:
    folds = folds_of(np.arange(len(y)) % 3)
    with pytest.raises(ParameterError, match=r"`permutation_blocks` must be given.*'auto'"):
        permute_labels(y, 10, folds=folds)
    assert len(permute_labels(y, 10, folds=folds, permutation_blocks=range(len(y)))) == 11


@pytest.mark.parametrize(("n", "refused"), [(8, False), (10, True)])
def test_a_block_design_is_told_by_how_rare_it_is(n: int, refused: bool) -> None:
    """Three stretches: 16 of 12 870 labellings have no more for n = 8, 20 of 184 756 for 10."""
    y = np.array([0] + [1] * n + [0] * (n - 1), np.int16)
    folds = folds_of(np.arange(2 * n) % 4)
    if refused:
        with pytest.raises(ParameterError, match="`permutation_blocks` must be given"):
            permute_labels(y, 5, folds=folds)
    else:
        assert len(permute_labels(y, 5, folds=folds)) == 6


def test_orders_drawn_at_random_are_not_refused() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        y = np.concatenate([rng.permutation(np.repeat(codes("01"), 4)) for _ in range(4)])
        permute_labels(y, 1, groups=RUNS, folds=folds_of(RUNS))


@pytest.mark.parametrize("seed", [0, 5, np.random.default_rng(3), np.random.RandomState(3)])
def test_seeds(y: np.ndarray, seed: Any) -> None:
    folds = folds_of(RUNS)
    some = permute_labels(y, 20, folds=folds, random_state=seed)
    if isinstance(seed, int):
        more = permute_labels(y, 700, folds=folds, random_state=seed)
        np.testing.assert_array_equal(more[:21], some)
        other = permute_labels(y, 20, folds=folds, random_state=seed + 1)
        assert (other[1:] != some[1:]).any()
    else:
        assert (permute_labels(y, 20, folds=folds, random_state=seed)[1:] != some[1:]).any()


def test_the_seed_is_0_by_default(y: np.ndarray) -> None:
    folds = folds_of(RUNS)
    by_default = permute_labels(y, 20, folds=folds)
    np.testing.assert_array_equal(by_default, permute_labels(y, 20, folds=folds, random_state=0))


@pytest.mark.parametrize("n", [255, 256, 257, 512, 513])
def test_as_many_are_drawn_as_are_asked_for(y: np.ndarray, n: int) -> None:
    drawn = permute_labels(y, n, folds=folds_of(RUNS))
    assert drawn.shape == (n + 1, 32)
    assert (drawn.sum(axis=1) == 16).all()
    assert len(np.unique(drawn, axis=0)) > 0.9 * n


def test_pairs_exchange_their_labels() -> None:
    drawn = permute_labels(codes("0110"), 100, groups=[1, 1, 2, 2], folds=folds_of([0, 0, 1, 1]))
    assert len(np.unique(drawn, axis=0)) == 4


def test_one_sample_of_another_class_in_a_run_is_no_block_design() -> None:
    """The last sample is a stretch of its own."""
    drawn = permute_labels(codes("00110"), 200, folds=folds_of([0, 1, 2, 3, 4]))
    assert len(np.unique(drawn, axis=0)) == 10


def test_blocks_of_which_some_hold_several_classes_stay_where_they_are() -> None:
    y = codes("00110101")
    blocks = [1, 1, 2, 2, 3, 3, 4, 4]
    drawn = permute_labels(y, 100, permutation_blocks=blocks, folds=folds_of([0, 1] * 4))
    np.testing.assert_array_equal(drawn[:, :4], np.tile(y[:4], (101, 1)))
    assert (drawn[:, 4:6].sum(axis=1) == 1).all()
    assert len(np.unique(drawn, axis=0)) == 4


def test_samples_that_a_fold_leaves_out_exchange_with_each_other_alone() -> None:
    """Where folds are stratified: not with those that it trains on, nor with those it tests."""
    trained, tested = np.array([0, 1, 2, 3]), np.array([4, 5, 6, 7])
    folds = Folds((trained,), (tested,), 12)
    y = codes("011001100101")
    drawn = permute_labels(y, 300, folds=folds, stratified=True)
    for part in (slice(0, 4), slice(4, 8), slice(8, 12)):
        assert (drawn[:, part].sum(axis=1) == 2).all()
        assert len(np.unique(drawn[:, part], axis=0)) == 6


@given(st.permutations([0, 1, 2]), st.permutations(["a", "b", "c", "d"]))
def test_names_change_nothing(classes: list[int], names: list[str]) -> None:
    y = np.tile(codes("01202110"), 4)
    runs = np.array(names)[RUNS - 1]
    drawn = permute_labels(y, 30, groups=RUNS, folds=folds_of(RUNS))
    renamed = np.array(classes, np.int16)[y]
    again = permute_labels(renamed, 30, groups=runs, folds=folds_of(RUNS))
    np.testing.assert_array_equal(again, np.array(classes)[drawn])


def test_few_labellings_are_told(caplog: pytest.LogCaptureFixture) -> None:
    y, runs = codes("0110"), [1, 1, 2, 2]
    plan = plan_exchange(y, groups=runs, folds=folds_of(runs), stratified=False)
    assert plan.n_distinct == 4
    with caplog.at_level(logging.WARNING):
        permute_labels(y, 100, groups=runs, folds=folds_of(runs))
    assert "only 4 labellings" in caplog.text
    assert "0.25" in caplog.text


@pytest.mark.parametrize(("n", "told"), [(3, False), (4, True)])
def test_as_many_labellings_as_permutations_are_few(
    caplog: pytest.LogCaptureFixture, n: int, told: bool
) -> None:
    """With the one that was given, three permutations may be all four labellings."""
    runs = [1, 1, 2, 2]
    with caplog.at_level(logging.WARNING):
        permute_labels(codes("0110"), n, groups=runs, folds=folds_of(runs))
    assert ("labellings" in caplog.text) == told


@pytest.mark.parametrize("cells", [([0, 0, 1, 2],), ([0, 1, 1, 1, 2, 2], [0, 1]), ([3], [0, 1, 2])])
def test_labellings_are_counted_as_a_list_of_them_counts(cells: tuple[list[int], ...]) -> None:
    y = np.concatenate([np.array(cell, np.int16) for cell in cells])
    runs = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    every = [len(set(itertools.permutations(cell))) for cell in cells]
    folds = folds_of(np.arange(len(y)) % 2)
    plan = plan_exchange(
        y, groups=runs, permutation_blocks=range(len(y)), folds=folds, stratified=False
    )
    assert plan.n_distinct == np.prod(every)


def test_what_cannot_be_permuted_is_refused(y: np.ndarray) -> None:
    folds = folds_of(RUNS)
    with pytest.raises(ParameterError, match="within a group they are equal"):
        permute_labels(np.repeat(codes("0101"), 8), 5, groups=RUNS, folds=folds)
    with pytest.raises(ParameterError, match="`groups` must have one entry for each of the 32"):
        permute_labels(y, 5, groups=[1, 2], folds=folds)
    with pytest.raises(ParameterError, match="`permutation_blocks` must have one entry for each"):
        permute_labels(y, 5, permutation_blocks=[1, 2], folds=folds)
    missing = np.where(RUNS == 2, np.nan, np.arange(32) // 4)
    with pytest.raises(ParameterError, match="`permutation_blocks` must have no missing values"):
        permute_labels(y, 5, permutation_blocks=missing, folds=folds)
    with pytest.raises(ParameterError, match="`y` must have 32 labels, got 31"):
        permute_labels(y[1:], 5, folds=folds)
    with pytest.raises(ParameterError, match="`random_state` must be"):
        permute_labels(y, 5, folds=folds, random_state="today")
    with pytest.raises(ParameterError, match="`n_permutations`"):
        permute_labels(y, -1, folds=folds)


def test_nothing_is_asked_where_nothing_is_permuted() -> None:
    y = np.repeat(codes("01"), 8)
    drawn = permute_labels(y, 0, folds=folds_of(np.arange(16) % 2))
    np.testing.assert_array_equal(drawn, [y])
