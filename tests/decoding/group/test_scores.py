"""Tests of regions beside scipy, statsmodels, and a loop over signs."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from boldstream.core.errors import ParameterError, TableError
from boldstream.decoding.group import group_scores


def table_of(scores: np.ndarray, *, chance: float | None = 0.5) -> pd.DataFrame:
    """A row for each value (subjects, rois) that is not left out (inf)."""
    rows = [
        {"subject": f"{s:02d}", "roi": f"r{r}", "target": "choice", "score": scores[s, r]}
        for s, r in np.argwhere(np.isfinite(scores) | np.isnan(scores))
    ]
    table = pd.DataFrame(rows)
    return table if chance is None else table.assign(chance=chance)


def made_up(rng: np.random.Generator, n: int, effects: tuple[float, ...]) -> np.ndarray:
    common = rng.normal(0, 0.05, (n, 1))
    return np.asarray(0.5 + np.array(effects) + common + rng.normal(0, 0.05, (n, len(effects))))


def by_hand(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p of one test and of the highest t, over all patterns of signs; NaN is no subject."""
    away = scores - 0.5
    values = []
    for signs in itertools.product([1, -1], repeat=len(away)):
        flipped = away * np.array(signs)[:, None]
        values.append(stats.ttest_1samp(flipped, 0, nan_policy="omit").statistic)
    null = np.array(values)
    one = (null >= null[0] - 1e-9).mean(axis=0)
    return one, (null.max(axis=1)[:, None] >= null[0] - 1e-9).mean(axis=0)


def test_t_is_that_of_scipy(rng: np.random.Generator) -> None:
    scores = made_up(rng, 9, (0.1, 0.0, 0.05, -0.1))
    found = group_scores(table_of(scores))
    wanted = stats.ttest_1samp(scores, 0.5, alternative="greater")
    np.testing.assert_allclose(found["t"], wanted.statistic)
    np.testing.assert_allclose(found["p_t"], wanted.pvalue)
    both = stats.ttest_1samp(scores, 0.5).confidence_interval(0.95)
    np.testing.assert_allclose(found["ci_low"], both.low)
    np.testing.assert_allclose(found["ci_high"], both.high)
    np.testing.assert_allclose(found["mean"], scores.mean(axis=0))
    np.testing.assert_allclose(found["sd"], scores.std(axis=0, ddof=1))
    np.testing.assert_allclose(found["sem"], stats.sem(scores))
    for plain, adjusted in (("p_t", "p_t_fdr"), ("p_sign_flip", "p_fdr")):
        assert found[adjusted].to_numpy() == pytest.approx(
            multipletests(found[plain], method="fdr_bh")[1]
        )
    assert (found["n_subjects"] == 9).all()
    assert list(found["roi"]) == ["r0", "r1", "r2", "r3"]


def test_all_signs_as_scipy_permutes_them(rng: np.random.Generator) -> None:
    scores = made_up(rng, 7, (0.08, 0.02))
    found = group_scores(table_of(scores), permutations=128)
    for row in range(2):
        wanted = stats.permutation_test(
            (scores[:, row] - 0.5,),
            np.mean,
            permutation_type="samples",
            alternative="greater",
            n_resamples=np.inf,
        )
        assert found["p_sign_flip"][row] == pytest.approx(wanted.pvalue)


def test_the_highest_t_of_all_regions(rng: np.random.Generator) -> None:
    scores = made_up(rng, 8, (0.1, 0.03, 0.0))
    one, highest = by_hand(scores)
    # Eight subjects have 256 patterns.
    for permutations in (256, 5000):
        found = group_scores(table_of(scores), permutations=permutations)
        np.testing.assert_allclose(found["p_sign_flip"], one)
        np.testing.assert_allclose(found["p_fwe"], highest)


def test_random_signs_tend_to_all_of_them(rng: np.random.Generator) -> None:
    table = table_of(made_up(rng, 12, (0.03, 0.02, 0.0)))
    every = group_scores(table, permutations=4096)
    some = group_scores(table, permutations=4095, random_state=5)
    for name in ("p_sign_flip", "p_fwe"):
        assert np.abs(every[name] - some[name]).max() < 0.03
        assert (some[name] != every[name]).any()
    again = group_scores(table, permutations=4095, random_state=5)
    pd.testing.assert_frame_equal(some, again)


def test_subjects_missing_from_a_region_take_no_part_in_it(rng: np.random.Generator) -> None:
    scores = made_up(rng, 8, (0.1, 0.05, 0.0))
    scores[1, 1] = np.nan
    absent = scores.copy()
    absent[2, 1] = scores[2, 1] = np.inf
    found = group_scores(table_of(absent))
    assert list(found["n_subjects"]) == [8, 6, 8]
    assert list(found["n_missing"]) == [0, 1, 0]
    there = np.where(np.isfinite(scores), scores, np.nan)
    one, highest = by_hand(there)
    np.testing.assert_allclose(found["p_sign_flip"], one)
    np.testing.assert_allclose(found["p_fwe"], highest)
    alone = group_scores(table_of(there[[0, 3, 4, 5, 6, 7], 1][:, None]))
    for name in ("mean", "t", "p_t", "p_sign_flip", "ci_low"):
        assert found[name][1] == pytest.approx(alone[name][0])


def test_a_small_region_is_exact_where_the_whole_is_not(rng: np.random.Generator) -> None:
    scores = made_up(rng, 14, (0.05, 0.08))
    scores[5:, 1] = np.inf
    found = group_scores(table_of(scores), permutations=200)
    own = group_scores(table_of(scores[:5, 1:]), permutations=200)
    assert found["p_sign_flip"][1] == own["p_sign_flip"][0]
    assert (found["p_sign_flip"][1] * 32) % 1 == 0


def test_a_region_with_too_many_subjects_for_all_patterns_has_those_of_the_seed(
    rng: np.random.Generator,
) -> None:
    scores = made_up(rng, 14, (0.05, 0.02))
    scores[9:, 1] = np.inf
    p = {
        (n, seed): group_scores(table_of(scores), permutations=n, random_state=seed)["p_sign_flip"]
        for n in (511, 512)
        for seed in range(3)
    }
    assert len({p[511, seed][1] for seed in range(3)}) > 1
    assert len({p[512, seed][1] for seed in range(3)}) == 1


def exact_t(tenths: list[int]) -> Fraction:
    """What grows with t, without rounding: its square with its sign, over the number less one."""
    total, n = sum(tenths), len(tenths)
    scatter = sum(one * one for one in tenths) - Fraction(total * total, n)
    if not scatter:
        return Fraction(total) * 10**30
    return Fraction(total * abs(total), n) / scatter * (n - 1)


@pytest.mark.parametrize("seed", range(12))
def test_equal_scores_count_as_equal(seed: int) -> None:
    """Scores in tenths, which no binary number holds: many patterns of signs give one mean."""
    rng = np.random.default_rng(seed)
    n_regions, n_subjects = 3, int(rng.integers(4, 8))
    tenths = rng.integers(-5, 6, (n_regions, n_subjects))
    there = rng.random(tenths.shape) < 0.85
    there[:, :2] = True
    table = pd.DataFrame(
        [
            (subject, roi, 0.5 + tenths[roi, subject] / 10)
            for roi, subject in np.argwhere(there).tolist()
        ],
        columns=["subject", "roi", "score"],
    )
    found = group_scores(table, chance=0.5, by=["roi"])
    all_signs = list(itertools.product((1, -1), repeat=n_subjects))
    null = [
        [exact_t((tenths[roi] * signs)[there[roi]].tolist()) for roi in range(n_regions)]
        for signs in np.array(all_signs)
    ]
    for roi in range(n_regions):
        own = null[0][roi]
        p = np.mean([one[roi] >= own for one in null])
        p_fwe = np.mean([max(one) >= own for one in null])
        np.testing.assert_allclose(found.loc[roi, ["p_sign_flip", "p_fwe"]].tolist(), [p, p_fwe])


def test_one_subject_is_no_group(rng: np.random.Generator) -> None:
    scores = made_up(rng, 5, (0.1, 0.1))
    scores[1:, 1] = np.inf
    found = group_scores(table_of(scores))
    assert found["n_subjects"][1] == 1
    assert np.isnan(found["p_fwe"][1])
    assert np.isnan(found["mean"][1])
    assert found["p_fwe"][0] == group_scores(table_of(scores[:, :1]))["p_fwe"][0]
    with pytest.raises(TableError, match="at least two subjects"):
        group_scores(table_of(scores[:1]))


def test_two_subjects_are_a_group(rng: np.random.Generator) -> None:
    scores = made_up(rng, 5, (0.1, 0.1))
    scores[2:, 1] = np.inf
    found = group_scores(table_of(scores))
    wanted = stats.ttest_1samp(scores[:2, 1], 0.5, alternative="greater")
    assert list(found["n_subjects"]) == [5, 2]
    assert found["t"][1] == pytest.approx(wanted.statistic)
    assert found["p_t"][1] == pytest.approx(wanted.pvalue)
    assert found["ci_low"][1] == pytest.approx(wanted.confidence_interval(0.975).low)
    alone = group_scores(table_of(scores[:2, 1:]))
    assert alone["p_sign_flip"][0] == found["p_sign_flip"][1]


def test_what_is_done_if_nothing_is_asked_for(rng: np.random.Generator) -> None:
    """Of 5000 random flips, those of the random state 0, for each region and target."""
    table = table_of(made_up(rng, 13, (0.02, 0.0)))
    found = group_scores(table)
    asked: dict[str, Any] = {"by": ["roi", "target"], "permutations": 5000}
    pd.testing.assert_frame_equal(found, group_scores(table, random_state=0, **asked))
    assert (found["p_sign_flip"] != group_scores(table, random_state=1, **asked)["p_fwe"]).any()
    np.testing.assert_allclose(found["p_sign_flip"] * 5001 % 1, 0, atol=1e-6)


def test_rows_may_stand_in_any_order(rng: np.random.Generator) -> None:
    """Signs are random and go with the subjects in their order by name, not in that of rows."""
    table = table_of(made_up(rng, 16, (0.02, 0.0)))
    wanted = group_scores(table, permutations=99)
    turned = group_scores(table[::-1], permutations=99)
    assert list(turned["roi"]) == ["r1", "r0"]
    pd.testing.assert_frame_equal(turned[::-1].reset_index(drop=True), wanted)


def test_categories_without_a_row_are_nothing(rng: np.random.Generator) -> None:
    table = table_of(made_up(rng, 9, (0.05, 0.0, 0.1)))
    kept = (table["roi"] != "r1") & (table["subject"] != "03")
    wanted = group_scores(table[kept][::-1], permutations=256)
    named = table.astype(dict.fromkeys(["subject", "roi", "target"], "category"))[kept]
    found = group_scores(named[::-1], permutations=256)
    assert list(found["roi"]) == ["r2", "r0"]
    assert list(found["n_subjects"]) == [8, 8]
    # 256 patterns of eight subjects: each once.
    np.testing.assert_array_equal(found["p_sign_flip"] * 256 % 1, 0)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_a_region_without_scores_is_a_row_without_numbers(rng: np.random.Generator) -> None:
    scores = made_up(rng, 5, (0.1, 0.1, 0.1))
    scores[:, 1] = np.nan
    scores[1:, 2] = np.nan
    found = group_scores(table_of(scores))
    assert list(found["n_subjects"]) == [5, 0, 1]
    assert list(found["n_missing"]) == [0, 5, 4]
    np.testing.assert_array_equal(found["chance"], [0.5, np.nan, 0.5])
    assert found.loc[1:, "mean":"p_fwe"].isna().all(axis=None)
    assert found.loc[0, "mean":"p_fwe"].notna().all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", np.inf, "finite numbers in its column 'score'"),
        ("chance", np.inf, "finite numbers in its column 'chance'"),
        ("chance", np.nan, "must have a chance in every row"),
        ("subject", None, "must name subject, roi, target in every row"),
    ],
)
def test_one_bad_row_is_enough(
    rng: np.random.Generator, column: str, value: Any, message: str
) -> None:
    table = table_of(made_up(rng, 4, (0.1,)))
    table.loc[2, column] = value
    with pytest.raises(TableError, match=message):
        group_scores(table)


def test_one_flip_is_the_least(rng: np.random.Generator) -> None:
    found = group_scores(table_of(made_up(rng, 4, (0.1,))), permutations=1)
    assert found["p_sign_flip"][0] in (0.5, 1.0)


def test_a_table_without_rows_or_scores_is_no_group(rng: np.random.Generator) -> None:
    table = table_of(made_up(rng, 4, (0.1,)))
    for empty in (table[:0], table.assign(score=np.nan), table[:1]):
        with pytest.raises(TableError, match="at least two subjects with a score"):
            group_scores(empty)


def test_chance_of_each_subject(rng: np.random.Generator) -> None:
    scores = made_up(rng, 6, (0.1,))
    chances = rng.uniform(0.45, 0.55, 6)
    table = table_of(scores, chance=None)
    found = group_scores(table.assign(chance=chances))
    wanted = stats.ttest_1samp(scores[:, 0] - chances, 0, alternative="greater")
    assert found["t"][0] == pytest.approx(wanted.statistic)
    assert found["chance"][0] == pytest.approx(chances.mean())
    assert found["mean"][0] == pytest.approx(scores.mean())
    assert found["sd"][0] == pytest.approx(scores.std(ddof=1))
    assert found["sem"][0] == pytest.approx(stats.sem(scores[:, 0]))
    of_scores = stats.ttest_1samp(scores[:, 0], 0).confidence_interval(0.95)
    assert found.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx(list(of_scores))
    with pytest.raises(ParameterError, match="`chance` must be given"):
        group_scores(table)
    assert group_scores(table, chance=0.5)["chance"][0] == 0.5


def test_subjects_that_agree() -> None:
    found = group_scores(table_of(np.array([[0.75, 0.5], [0.75, 0.5], [0.75, 0.5]])))
    assert np.isfinite(found["t"]).all()
    assert list(found["p_sign_flip"]) == [1 / 8, 1.0]
    assert list(found["t"] > 1e5) == [True, False]


def test_subjects_whose_folds_are_at_chance_are_no_finding() -> None:
    """The mean of three folds of 0.2 is a little more."""
    score = np.mean([0.2, 0.2, 0.2])
    assert score > 0.2
    found = group_scores(table_of(np.full((5, 1), score), chance=0.2))
    assert found["t"][0] == 0
    assert found["p_sign_flip"][0] == found["p_fwe"][0] == 1


def test_more_subjects_than_patterns_of_signs_have_a_number(rng: np.random.Generator) -> None:
    """No float holds 2 ** 1100."""
    found = group_scores(table_of(made_up(rng, 1100, (0.1, 0.0))), permutations=99)
    assert found["p_sign_flip"][0] == 0.01


def test_false_alarms_are_as_rare_as_p_says(rng: np.random.Generator) -> None:
    """Of 300 groups without an effect about 5 % have any p_fwe of 0.05 or less."""
    alarms = 0
    for _ in range(300):
        found = group_scores(table_of(made_up(rng, 8, (0.0,) * 5)))
        alarms += int(found["p_fwe"].min() <= 0.05)
    assert 3 <= alarms <= 30


def test_columns_of_other_names(rng: np.random.Generator) -> None:
    table = table_of(made_up(rng, 6, (0.1, 0.0))).rename(columns={"roi": "region"})
    found = group_scores(table, by="region")
    assert list(found.columns[:2]) == ["region", "n_subjects"]
    with pytest.raises(TableError, match="must have a column 'roi'"):
        group_scores(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": 1.0, "score": None}, "must have a column 'score'.*did you mean 'scores'"),
        ({"score": "high"}, "must hold numbers in its column 'score'"),
        ({"score": np.inf}, "must hold finite numbers in its column 'score'"),
        ({"subject": "01"}, "must hold a subject once in every test, got subject '01', roi 'r0'"),
        ({"roi": None}, "must name subject, roi, target in every row"),
        ({"chance": np.nan}, "must have a chance in every row"),
    ],
)
def test_tables_that_cannot_be_used(
    rng: np.random.Generator, change: dict[str, Any], message: str
) -> None:
    table = table_of(made_up(rng, 4, (0.1,))).assign(**change)
    if "scores" in change:
        table = table.drop(columns="score")
    with pytest.raises(TableError, match=message):
        group_scores(table)


def test_parameters_that_cannot_be_used(rng: np.random.Generator) -> None:
    table = table_of(made_up(rng, 4, (0.1,)))
    with pytest.raises(ParameterError, match="`permutations`"):
        group_scores(table, permutations=0)
    with pytest.raises(ParameterError, match="`by` must name"):
        group_scores(table, by=[])
    with pytest.raises(
        ParameterError, match=r"`by` must name at least one column, got \['roi', 1\]"
    ):
        group_scores(table, by=["roi", 1])  # type: ignore[list-item]
    with pytest.raises(ParameterError, match="`chance` must be a finite number"):
        group_scores(table, chance=np.nan)
    with pytest.raises(ParameterError, match="must be a pandas data frame"):
        group_scores([1, 2])
