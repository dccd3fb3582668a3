"""Fits of several subjects, and values of their trials."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.behaviour import add_values, fit_discounting, fit_subjects
from boldstream.core.errors import ParameterError, TableError
from boldstream.study.settings.analyses import BehaviourSettings
from tests.behaviour.made_up import Subject, make_subject

PLANTED = {"03": (-5.0, 0.5), "01": (-3.0, 0.3), "02": (-4.0, 0.8)}


@pytest.fixture
def subjects(rng: np.random.Generator) -> dict[str, Subject]:
    return {name: make_subject(rng, 90, log_k, beta) for name, (log_k, beta) in PLANTED.items()}


@pytest.fixture
def trials(subjects: dict[str, Subject], rng: np.random.Generator) -> pd.DataFrame:
    """All trials, subjects mixed, with an index that says nothing."""
    frames = [subject.frame(subject=name) for name, subject in subjects.items()]
    mixed = pd.concat(frames).reset_index(drop=True)
    rows = np.r_[0, 1 + rng.permutation(len(mixed) - 1)]
    return mixed.iloc[rows].set_axis(np.zeros(len(mixed), int))


def test_a_row_is_the_fit_of_the_subject(
    trials: pd.DataFrame, subjects: dict[str, Subject]
) -> None:
    fits = fit_subjects(trials)
    assert fits["subject"].iloc[0] == "03"
    assert set(fits["subject"]) == set(PLANTED)
    for _, row in fits.iterrows():
        own = trials[trials["subject"] == row["subject"]]
        fit = fit_discounting(*(own[name] for name in own.columns if name != "subject"))
        for name in ("log_k", "k", "inverse_temperature", "log_k_se", "mcfadden_r2", "bic"):
            assert row[name] == getattr(fit, name)
        assert (row["n_trials"], row["n_missing"], row["identifiable"]) == (90, 0, True)
        assert (row["at_bound"], row["reason"]) == ("", "")
        assert row["log_k"] == pytest.approx(PLANTED[row["subject"]][0], abs=0.6)


def test_subjects_whose_choices_say_nothing_are_flagged(trials: pd.DataFrame) -> None:
    trials["choice"] = trials["choice"].astype(object)
    trials.loc[(trials["subject"] == "01").to_numpy(), "choice"] = "now"
    trials.loc[(trials["subject"] == "02").to_numpy(), "choice"] = "n/a"
    fits = fit_subjects(trials).set_index("subject")
    assert fits.loc["01", "reason"] == "all 90 choices are immediate"
    assert fits.loc["01", "at_bound"] == "log_k, inverse_temperature"
    assert fits.loc["02", "reason"] == "no trial has a choice"
    assert fits.loc["02", "n_missing"] == 90
    assert np.isnan(fits.loc["02", "k"])
    assert fits["identifiable"].to_dict() == {"03": True, "01": False, "02": False}


def test_names_of_columns_are_those_of_a_study_file(trials: pd.DataFrame) -> None:
    settings = BehaviourSettings(
        choice="took", amount="later_usd", delay="days", immediate="now_usd"
    )
    columns = settings.model_dump(include={"choice", "amount", "delay", "immediate"})
    renamed = trials.rename(
        columns={
            "choice": settings.choice,
            "delayed_amount": settings.amount,
            "delay": settings.delay,
            "immediate_amount": str(settings.immediate),
            "subject": "who",
        }
    )
    fits = fit_subjects(renamed, subject="who", **columns)
    pd.testing.assert_frame_equal(fits.rename(columns={"who": "subject"}), fit_subjects(trials))
    columns.pop("choice")
    values = add_values(renamed, fits, subject="who", **columns)["subjective_value"]
    expected = add_values(trials, fits.rename(columns={"who": "subject"}))["subjective_value"]
    pd.testing.assert_series_equal(values, expected)


def test_bounds_are_passed_on(trials: pd.DataFrame) -> None:
    fits = fit_subjects(trials, log_k_bounds=(-1, 1), inverse_temperature_bounds=(0.01, 10))
    assert (fits["log_k"] >= -1).all()
    assert fits["at_bound"].str.contains("log_k").all()


def test_values_are_those_of_the_formula(trials: pd.DataFrame) -> None:
    before = trials.copy()
    fits = fit_subjects(trials)
    found = add_values(trials, fits)
    pd.testing.assert_frame_equal(trials, before)
    pd.testing.assert_frame_equal(found[trials.columns], trials)
    of = fits.set_index("subject").loc[trials["subject"]]
    k, beta = of["k"].to_numpy(), of["inverse_temperature"].to_numpy()
    value = trials["delayed_amount"].to_numpy() / (1 + k * trials["delay"].to_numpy())
    difference = value - trials["immediate_amount"].to_numpy()
    np.testing.assert_allclose(found["subjective_value"], value)
    np.testing.assert_allclose(found["value_difference"], difference)
    np.testing.assert_allclose(found["p_delayed"], 1 / (1 + np.exp(-beta * difference)))


def test_values_by_one_fit_are_those_by_a_table(trials: pd.DataFrame) -> None:
    own = trials[trials["subject"] == "01"].assign(choice="later")
    own["choice"] = trials.loc[(trials["subject"] == "01").to_numpy(), "choice"].to_numpy()
    fit = fit_discounting(*(own[name] for name in own.columns if name != "subject"))
    by_table = add_values(own, fit_subjects(own))
    pd.testing.assert_frame_equal(
        add_values(own.drop(columns="subject"), fit), by_table.drop(columns="subject")
    )


def test_values_are_nan_where_an_offer_is_missing(trials: pd.DataFrame) -> None:
    fits = fit_subjects(trials)
    trials["delay"] = trials["delay"].astype(object)
    trials.iloc[2, trials.columns.get_loc("delay")] = "n/a"
    found = add_values(trials, fits)
    assert np.isnan(found[["subjective_value", "p_delayed"]].to_numpy()[2]).all()
    assert np.isfinite(np.delete(found["p_delayed"].to_numpy(), 2)).all()


def test_no_trials() -> None:
    columns = ["subject", "choice", "delayed_amount", "delay", "immediate_amount"]
    fits = fit_subjects(pd.DataFrame(columns=columns))
    assert len(fits) == 0
    assert "log_k" in fits.columns


def test_categories_without_a_trial_are_no_subjects(trials: pd.DataFrame) -> None:
    trials["subject"] = trials["subject"].astype("category")
    fits = fit_subjects(trials[trials["subject"] == "01"])
    assert list(fits["subject"]) == ["01"]
    assert fits["n_trials"][0] == 90


def change(name: str, row: int, cell: Any) -> Any:
    def changed(trials: pd.DataFrame) -> pd.DataFrame:
        cells = trials[name].astype(object).to_numpy().copy()
        cells[row] = cell
        return trials.assign(**{name: cells})

    return changed


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.rename(columns={"choice": "chioce"}), "'choice', got .* mean 'chioce'?"),
        (lambda t: t.drop(columns="subject"), "must have a column 'subject', got choice"),
        (lambda t: t.drop(columns="delay"), "must have a column 'delay'"),
        (lambda t: pd.concat([t, t["delay"]], axis=1), "column 'delay' once, got it 2 times"),
        (change("subject", 4, None), "'subject' must name a subject in every row, .* row 4"),
        (change("choice", 7, "latr"), "`choice` must hold .* 'latr' in row 7; .* 'later'?"),
        (change("delay", 9, -3), "`delay` must be finite and at least 0, got -3 in row 9"),
        (change("delay", 9, None), "`delay` must be there wherever there is a choice, .* row 9"),
        (change("delayed_amount", 2, 0), "`delayed_amount` must be finite and positive"),
        (lambda t: t.to_dict(), "`trials` must be a pandas data frame, got dict"),
    ],
)
def test_tables_that_cannot_be_fitted(trials: pd.DataFrame, damage: Any, message: str) -> None:
    with pytest.raises(TableError, match=message):
        fit_subjects(damage(trials))


def test_fits_that_are_not_those_of_the_trials(trials: pd.DataFrame) -> None:
    fits = fit_subjects(trials)
    with pytest.raises(TableError, match=r"every subject .* must have a fit, got none of '03'"):
        add_values(trials, fits[fits["subject"] != "03"])
    with pytest.raises(TableError, match="must have each subject once, got '03' again"):
        add_values(trials, pd.concat([fits, fits]))
    with pytest.raises(TableError, match="the table of fits must have a column 'log_k'"):
        add_values(trials, fits.drop(columns="log_k"))
    with pytest.raises(TableError, match="must not have a column 'p_delayed': it is added"):
        add_values(trials.assign(p_delayed=0.5), fits)
    with pytest.raises(ParameterError, match="`fit` must be a Discounting or a table of fits"):
        add_values(trials, {"log_k": 3})
    with pytest.raises(TableError, match="`immediate` must be finite and positive, got -1"):
        add_values(trials, fits, immediate=-1)
    with pytest.raises(TableError, match="`trials` must be a pandas data frame, got list"):
        add_values([1, 2], fits)
