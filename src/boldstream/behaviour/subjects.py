"""Discounting of every subject of a table of trials, and values of its trials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from boldstream.behaviour.cells import check_table, choices, column_of, is_missing
from boldstream.behaviour.discounting import Discounting
from boldstream.behaviour.fitting import fit_offers
from boldstream.behaviour.likelihood import p_of_delayed, subjective_value
from boldstream.behaviour.maximum import Pair
from boldstream.behaviour.offers import Names, Offers, check_complete, read_offers
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError

# Columns that `add_values` adds.
VALUES = ("subjective_value", "value_difference", "p_delayed")

# Columns of `fit_subjects` after the subject; each is a field of `Discounting`.
_ESTIMATES = (
    *("log_k", "k", "inverse_temperature", "log_k_se", "inverse_temperature_se"),
    *("log_likelihood", "null_log_likelihood", "mcfadden_r2", "aic", "bic"),
    *("n_trials", "n_missing", "at_bound", "identifiable", "reason"),
)


def fit_subjects(
    trials: pd.DataFrame,
    *,
    subject: str = "subject",
    choice: str = "choice",
    amount: str = "delayed_amount",
    delay: str = "delay",
    immediate: str | float = "immediate_amount",
    log_k_bounds: Pair | None = None,
    inverse_temperature_bounds: Pair | None = None,
) -> pd.DataFrame:
    """Fit `fit_discounting` to each subject.

    Parameters
    ----------
    trials : pandas.DataFrame
        A row for each trial.
    subject, choice, amount, delay : str
        Names of columns.
    immediate : str or float
        Name of a column, or the one amount of all trials.
    log_k_bounds, inverse_temperature_bounds : tuple of float, optional
        As of `fit_discounting`; by default each subject's own.

    Returns
    -------
    pandas.DataFrame
        A row for each subject, in the order in which they come: the subject
        and what `Discounting` holds, without bounds. ``at_bound`` is one text.

    Raises
    ------
    TableError
        If a column is not there, a subject's name is missing, or cells cannot
        be used; it names the column and the row.
    ParameterError
        If bounds are not two increasing numbers.

    Examples
    --------
    >>> trials = pd.DataFrame({
    ...     "subject": ["01"] * 7 + ["02"] * 7,
    ...     "choice": ["later", "later", "now", "later", "now", "later", "now"] + ["later"] * 7,
    ...     "delayed_amount": [40, 35, 25, 60, 30, 45, 35] * 2,
    ...     "delay": [10, 20, 60, 90, 120, 60, 30] * 2,
    ... })
    >>> fits = fit_subjects(trials, immediate=20)
    >>> fits[["subject", "k", "identifiable"]].round(3)
      subject      k  identifiable
    0      01  0.017          True
    1      02  0.000         False
    >>> fits["reason"][1], fits["at_bound"][1]
    ('all 7 choices are delayed', 'log_k, inverse_temperature')
    """
    check_table("trials", trials)
    names = _subjects_of(trials, subject)
    offers = _offers_of(trials, amount, delay, immediate)
    with _errors_of_tables():
        chosen = choices(choice, column_of(trials, choice))
        check_complete(offers, ~np.isnan(chosen), _names(amount, delay, immediate))
    rows = []
    # Categories may name subjects that have no trial.
    for name, group in names.groupby(names, sort=False, observed=True):
        own = group.index.to_numpy()
        fit = fit_offers(chosen[own], offers.of(own), log_k_bounds, inverse_temperature_bounds)
        rows.append([name, *(getattr(fit, column) for column in _ESTIMATES)])
    out = pd.DataFrame(rows, columns=[subject, *_ESTIMATES])
    out["at_bound"] = [", ".join(parameters) for parameters in out["at_bound"]]
    return out


def add_values(
    trials: pd.DataFrame,
    fit: Discounting | pd.DataFrame,
    *,
    subject: str = "subject",
    amount: str = "delayed_amount",
    delay: str = "delay",
    immediate: str | float = "immediate_amount",
) -> pd.DataFrame:
    """Add what each trial's offers were worth to the subject.

    They are targets to decode, or modulators of a model. Values are there for
    every trial with offers, also without a choice. Look at ``identifiable`` of
    the fit first: values of a k that choices do not tell mean little.

    Parameters
    ----------
    trials : pandas.DataFrame
        A row for each trial; it is not changed.
    fit : Discounting or pandas.DataFrame
        Of the one subject whose trials these are, or what `fit_subjects` gave.
    subject, amount, delay : str
        Names of columns. `subject` is needed in both tables, with a table of fits only.
    immediate : str or float
        Name of a column, or the one amount of all trials.

    Returns
    -------
    pandas.DataFrame
        The trials with ``subjective_value`` (V of the delayed amount),
        ``value_difference`` (V less the immediate amount, both in its unit)
        and ``p_delayed`` (probability of choosing the delayed amount). NaN
        where an offer is missing.

    Raises
    ------
    TableError
        If a column is not there, one of those to add is, a subject has no
        fit, or cells cannot be used.
    ParameterError
        If `fit` is something else.

    Examples
    --------
    >>> trials = pd.DataFrame({
    ...     "subject": "01",
    ...     "choice": ["later", "later", "now", "later", "now", "later", "now"],
    ...     "delayed_amount": [40, 35, 25, 60, 30, 45, 35],
    ...     "delay": [10, 20, 60, 90, 120, 60, 30],
    ... })
    >>> fits = fit_subjects(trials, immediate=20)
    >>> add_values(trials, fits, immediate=20)[["choice", *VALUES]].round(2)
      choice  subjective_value  value_difference  p_delayed
    0  later             34.20             14.20       1.00
    1  later             26.13              6.13       0.92
    2    now             12.39             -7.61       0.05
    3  later             23.74              3.74       0.81
    4    now              9.88            -10.12       0.02
    5  later             22.30              2.30       0.71
    6    now             23.19              3.19       0.78
    """
    check_table("trials", trials)
    for name in VALUES:
        if name in trials.columns:
            raise TableError(f"the table of trials must not have a column {name!r}: it is added")
    offers = _offers_of(trials, amount, delay, immediate)
    log_k, beta = _parameters_of(trials, fit, subject)
    value = subjective_value(log_k, offers.delayed_amount, offers.delay)
    difference = value - offers.immediate_amount
    added = (value, difference, p_of_delayed(beta, difference))
    return trials.assign(**dict(zip(VALUES, added, strict=True)))


def _subjects_of(table: pd.DataFrame, subject: str) -> pd.Series:
    """Who each row belongs to."""
    names = column_of(table, subject).reset_index(drop=True)
    absent = is_missing(subject, names)
    if absent.any():
        raise TableError(
            f"column {subject!r} must name a subject in every row, got none in row "
            f"{int(np.argmax(absent))}"
        )
    return names


def _offers_of(table: pd.DataFrame, amount: str, delay: str, immediate: str | float) -> Offers:
    now = column_of(table, immediate) if isinstance(immediate, str) else immediate
    cells = (column_of(table, amount), column_of(table, delay), now)
    with _errors_of_tables():
        return read_offers(*cells, n_trials=len(table), names=_names(amount, delay, immediate))


def _names(amount: str, delay: str, immediate: str | float) -> Names:
    """What errors call the offers: their columns."""
    return amount, delay, immediate if isinstance(immediate, str) else "immediate"


@contextmanager
def _errors_of_tables() -> Iterator[None]:
    """Say of cells that cannot be used that they are in the table."""
    try:
        yield
    except ParameterError as error:
        raise TableError(f"the table of trials cannot be used: {error}") from error


def _parameters_of(
    trials: pd.DataFrame, fit: Discounting | pd.DataFrame, subject: str
) -> tuple[Any, Any]:
    """Log k and inverse temperature, of all trials or of each."""
    if isinstance(fit, Discounting):
        return fit.log_k, fit.inverse_temperature
    if not isinstance(fit, pd.DataFrame):
        raise ParameterError(
            f"`fit` must be a Discounting or a table of fits, got {type(fit).__name__}"
        )
    fitted, log_k, beta = (
        column_of(fit, name, "the table of fits").to_numpy()
        for name in (subject, "log_k", "inverse_temperature")
    )
    fitted = pd.Index(fitted)
    if not fitted.is_unique:
        again = fitted[fitted.duplicated()][0]
        raise TableError(f"the table of fits must have each subject once, got {again!r} again")
    names = _subjects_of(trials, subject)
    rows = fitted.get_indexer(names)
    if (rows < 0).any():
        name = names[int(np.argmax(rows < 0))]
        raise TableError(
            f"every subject of the trials must have a fit, got none of {name!r}"
            f"{did_you_mean(name, map(str, fitted))}"
        )
    return log_k[rows], beta[rows]
