"""`group_scores`: whether scores of regions are above chance in a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean, finite_number, integer_in
from boldstream.core.errors import ParameterError, TableError
from boldstream.decoding.group.flips import Flips, make_flips
from boldstream.decoding.group.statistics import (
    FLIPPED_BYTES,
    SIGN_BYTES,
    flipped_statistics,
)
from boldstream.decoding.inference.p_values import less_chance, p_of_fdr
from boldstream.decoding.inference.t_statistics import p_of_t, t_of
from boldstream.decoding.inference.tally import Tally

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]

# Signs and statistics that are worked on at a time.
_WORK_BYTES = 32 << 20


def group_scores(
    table: DataFrame,
    *,
    chance: float | None = None,
    by: Sequence[str] = ("roi", "target"),
    permutations: int = 5000,
    random_state: Any = 0,
) -> DataFrame:
    """Test whether the scores of a group are above chance, region by region.

    All tests are one-sided. Flips take a subject's score less chance with the
    other sign; if there are no more than `permutations` patterns of signs,
    each is taken once, otherwise random ones.

    Parameters
    ----------
    table : DataFrame
        A row for each subject and region: ``subject``, ``score``, the columns
        of `by`, and ``chance`` unless it is given.
    chance : float, optional
        What a subject without an effect has in expectation; by default the
        column of the table.
    by : sequence of str
        Columns that together name a test.
    permutations : int
        Sign flips.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    DataFrame
        A row for each test, in the order of the table:

        ``n_subjects``, ``n_missing``
            With a score, and in the table without one (NaN); those without
            take no part.
        ``chance``, ``mean``, ``sd``, ``sem``, ``ci_low``, ``ci_high``
            Of the scores; the interval is the two-sided 95 % one of t.
        ``t``, ``p_t``, ``p_t_fdr``
            Of scores less chance, with n_subjects − 1 degrees of freedom.
        ``p_sign_flip``, ``p_fdr``
            (b + 1) / (n + 1), where b of n flips gave a mean as high or higher.
        ``p_fwe``
            The highest t of all tests under each flip is what t is compared
            with, so that the chance of any false one is at most p.

        "fdr" is adjusted over the rows by Benjamini and Hochberg. A test with
        fewer than two subjects has NaN.

    Raises
    ------
    TableError
        If a column is missing or holds no numbers, a subject has two scores in
        a test, or no test has two subjects.
    ParameterError
        If a parameter has a wrong value.

    Notes
    -----
    A subject has one sign under a flip, in all tests, so that p_fwe takes into
    account how tests depend on each other. Where subjects are missing from
    some tests, these are made from the signs of the subjects that they have;
    t, unlike the mean, can be compared among them.

    A true score is never below chance. A mean above chance therefore says that
    *some* subjects hold the information, and not that it is typical of the
    population, as a t-test of activation would say (Allefeld, Görgen and
    Haynes, NeuroImage 2016). Scores of few test samples are discrete and
    skewed besides, which t does not know, and flips only in part.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({
    ...     "subject": [1, 2, 3, 4, 5] * 2,
    ...     "roi": ["vmpfc"] * 5 + ["v1"] * 5,
    ...     "score": [0.7, 0.65, 0.8, 0.6, 0.75, 0.5, 0.45, 0.55, 0.5, 0.6],
    ... })
    >>> found = group_scores(table, chance=0.5, by=["roi"])
    >>> found[["roi", "mean", "t", "p_sign_flip", "p_fwe"]].round(3)
         roi  mean      t  p_sign_flip  p_fwe
    0  vmpfc  0.70  5.657        0.031  0.031
    1     v1  0.52  0.784        0.375  0.438
    """
    from pandas import DataFrame

    by = _names("by", by)
    integer_in("permutations", permutations, 1)
    tests = _read_tests(table, by, chance)
    enough = tests.counts >= 2
    if not enough.any():
        raise TableError("`table` must hold at least two subjects with a score in some test")
    found: dict[str, Any] = {
        **tests.labels,
        "n_subjects": tests.counts,
        "n_missing": tests.n_missing,
        "chance": tests.chances,
        **dict.fromkeys(_STATISTICS, math.nan),
    }
    summary = DataFrame(found)
    for name, values in _tested(tests.of(enough), permutations, random_state).items():
        summary.loc[enough, name] = values
    return summary


_STATISTICS = (
    *("mean", "sd", "sem", "ci_low", "ci_high", "t", "p_t", "p_t_fdr"),
    *("p_sign_flip", "p_fdr", "p_fwe"),
)


@dataclass(frozen=True, eq=False)
class _Tests:
    """Scores of every test.

    Attributes
    ----------
    labels : dict of str to ndarray
        Columns that name tests.
    scores, away : ndarray, shape (tests, subjects)
        Scores, and scores less chance; NaN where a subject has none.
    chances, n_missing : ndarray, shape (tests,)
    """

    labels: dict[str, NDArray[Any]]
    scores: Floats
    away: Floats
    chances: Floats
    n_missing: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Subjects with a score."""
        return np.asarray(np.count_nonzero(~np.isnan(self.away), axis=1), np.int64)

    def of(self, chosen: NDArray[np.bool_]) -> _Tests:
        labels = {name: label[chosen] for name, label in self.labels.items()}
        return _Tests(
            labels,
            self.scores[chosen],
            self.away[chosen],
            self.chances[chosen],
            self.n_missing[chosen],
        )


def _tested(tests: _Tests, permutations: int, random_state: Any) -> dict[str, Floats]:
    """The statistics of tests with two subjects or more."""
    from scipy.special import stdtrit

    n = tests.counts.astype(np.float64)
    away = np.where(np.isnan(tests.away), 0.0, tests.away)
    means, squares = away.sum(axis=1) / n, (away**2).sum(axis=1)
    t = t_of(means, squares, n)
    mean, sd = np.nanmean(tests.scores, axis=1), np.nanstd(tests.scores, axis=1, ddof=1)
    half = stdtrit(n - 1, 0.975) * sd / np.sqrt(n)
    p_t = p_of_t(t, n)
    flips = make_flips(away.shape[1], permutations, random_state)
    statistics = flipped_statistics(away, n, flips, "t", step=_step(flips, len(away)))
    p_sign_flip, p_fwe = _p_of_flips(statistics)
    if not flips.is_exact:
        for row in np.flatnonzero(n <= math.log2(permutations)):
            own = away[row, ~np.isnan(tests.away[row])]
            p_sign_flip[row] = _exact_p(own, permutations)
    return {
        "mean": mean,
        "sd": sd,
        "sem": sd / np.sqrt(n),
        "ci_low": mean - half,
        "ci_high": mean + half,
        "t": t,
        "p_t": p_t,
        "p_t_fdr": p_of_fdr(p_t),
        "p_sign_flip": p_sign_flip,
        "p_fdr": p_of_fdr(p_sign_flip),
        "p_fwe": p_fwe,
    }


def _p_of_flips(statistics: Floats) -> tuple[Floats, Floats]:
    with Tally(len(statistics), statistics.shape[1] - 1) as tally:
        tally.put(0, statistics)
        found = tally.finish(chance=0.0)
    return found.p_uncorrected, found.p_fwe


def _exact_p(own: Floats, permutations: int) -> float:
    """The p of a test with so few subjects that each pattern of their signs can be taken once."""
    flips = make_flips(len(own), permutations)
    statistics = flipped_statistics(own[None], len(own), flips, "t", step=flips.n_patterns)
    return float(_p_of_flips(statistics)[0][0])


def _step(flips: Flips, n_tests: int) -> int:
    return max(1, _WORK_BYTES // (flips.n_subjects * SIGN_BYTES + n_tests * FLIPPED_BYTES))


def _read_tests(table: DataFrame, by: list[str], chance: float | None) -> _Tests:
    """The table, checked and turned to tests by subjects."""
    from pandas import DataFrame

    if not isinstance(table, DataFrame):
        raise ParameterError(f"`table` must be a pandas data frame, got {type(table).__name__}")
    for name in ("subject", "score", *by):
        _require_column(table, name)
    keys = table[["subject", *by]]
    if keys.isna().to_numpy().any():
        raise TableError(f"`table` must name subject, {', '.join(by)} in every row")
    _require_single(keys)
    scores = _numbers(table, "score")
    chances = _chances(table, chance)
    known = ~np.isnan(scores)
    if np.isnan(chances[known]).any():
        raise TableError("`table` must have a chance in every row with a score; or give `chance`")
    test = keys.groupby(by, sort=False, observed=True).ngroup().to_numpy()
    subject = keys.groupby("subject", sort=True, observed=True).ngroup().to_numpy()
    n_tests = int(test.max(initial=-1)) + 1
    each, away = np.full((2, n_tests, int(subject.max(initial=-1)) + 1), np.nan)
    each[test, subject] = scores
    away[test, subject] = less_chance(scores, chances)
    first = np.unique(test, return_index=True)[1]
    n = np.bincount(test[known], minlength=n_tests)
    total = np.bincount(test[known], chances[known], minlength=n_tests)
    return _Tests(
        {name: keys[name].to_numpy()[first] for name in by},
        each,
        away,
        np.divide(total, n, out=np.full(n_tests, np.nan), where=n > 0),
        np.bincount(test[~known], minlength=n_tests),
    )


def _names(parameter: str, given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    if not names or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"`{parameter}` must name at least one column, got {given!r}")
    return names


def _require_column(table: DataFrame, name: str) -> None:
    if name not in table.columns:
        columns = [str(column) for column in table.columns]
        raise TableError(
            f"`table` must have a column {name!r}, got {', '.join(columns)}"
            f"{did_you_mean(name, columns)}"
        )


def _require_single(keys: DataFrame) -> None:
    again = keys.duplicated()
    if again.any():
        row = ", ".join(f"{name} {value!r}" for name, value in keys[again].iloc[0].items())
        raise TableError(f"`table` must hold a subject once in every test, got {row} again")


def _numbers(table: DataFrame, name: str) -> Floats:
    try:
        values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TableError(f"`table` must hold numbers in its column {name!r}: {error}") from error
    if np.isinf(values).any():
        raise TableError(f"`table` must hold finite numbers in its column {name!r}")
    return np.asarray(values, np.float64)


def _chances(table: DataFrame, chance: float | None) -> Floats:
    if chance is not None:
        return np.full(len(table), finite_number("chance", chance))
    if "chance" not in table.columns:
        raise ParameterError(
            "`chance` must be given where `table` has no column 'chance', got None"
        )
    return _numbers(table, "chance")
