"""Who is in, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.behaviour import validate_behaviour
from boldstream.core.errors import ParameterError, TableError


def table(n_trials: int = 20, n_missing: int = 0, **columns: Any) -> pd.DataFrame:
    choice = ["left"] * (n_trials - n_missing) + ["n/a"] * n_missing
    return pd.DataFrame({"choice": choice, **columns})


def row_of(frame: pd.DataFrame, **options: Any) -> Any:
    return validate_behaviour({"01": frame}, **options).iloc[0]


def test_a_good_subject_is_included() -> None:
    rt = np.linspace(0.5, 1.5, 20)
    found = row_of(
        table(rt=rt, correct=[1, 0] * 10, onset=0.0),
        required=["onset"],
        response_time="rt",
        accuracy="correct",
        min_accuracy=0.5,
        response_time_range=(0.2, 3),
    )
    assert found["included"]
    assert found["reason"] == ""
    assert (found["subject"], found["n_trials"], found["n_missing"]) == ("01", 20, 0)
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["median_response_time"] == pytest.approx(np.median(rt))
    assert found["share_too_fast"] == found["share_too_slow"] == 0


@pytest.mark.parametrize(("n_missing", "included"), [(0, True), (2, True), (3, False), (20, False)])
def test_missing_choices(n_missing: int, included: bool) -> None:
    found = row_of(table(20, n_missing))
    assert found["n_missing"] == n_missing
    assert found["share_missing"] == pytest.approx(n_missing / 20)
    assert found["included"] == included
    assert ("share of missing choices" in found["reason"]) == (not included)


def test_too_few_trials() -> None:
    assert row_of(table(20, 2), min_trials=18)["included"]
    found = row_of(table(20, 2), min_trials=19)
    assert found["reason"] == "18 trials with a choice, fewer than 19"
    found = row_of(table(0))
    assert found["reason"] == "0 trials with a choice, fewer than 1"
    assert np.isnan(found["share_missing"])


def test_accuracy_is_that_of_trials_with_a_choice() -> None:
    frame = table(4, 1, correct=["1", "0", "n/a", "0"])
    found = row_of(frame, accuracy="correct", min_accuracy=0.6, max_missing=1)
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["reason"] == "accuracy 0.5, below 0.6"
    assert row_of(frame, accuracy="correct", max_missing=1)["included"]


def test_response_times_out_of_range() -> None:
    times = [0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, 3.0, 3.1, 99]
    frame = table(10, 1, rt=times)
    found = row_of(frame, response_time="rt", response_time_range=(0.2, 3))
    assert found["share_too_fast"] == pytest.approx(1 / 9)
    assert found["share_too_slow"] == pytest.approx(1 / 9)
    assert found["median_response_time"] == pytest.approx(0.7)
    assert found["reason"] == "share of response times out of range 0.222, above 0.1"
    assert row_of(frame, response_time="rt", response_time_range=(0.2, 3), max_outside=0.3)[
        "included"
    ]
    alone = row_of(frame, response_time="rt")
    assert alone["included"]
    assert np.isnan(alone["share_too_fast"])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["n/a"] * 4, "`rt` must hold numbers where there is a choice, got none"),
        ([1, 2, "slow", 3], "`rt` must hold finite numbers, got 'slow' in row 2"),
        ([1, 2, 1.5, 3], ""),
    ],
)
def test_cells_that_are_no_numbers_are_a_reason(cells: Any, message: str) -> None:
    found = row_of(
        table(4, rt=cells), response_time="rt", response_time_range=(0.2, 3), max_outside=0
    )
    assert found["reason"] == message
    assert found["included"] == (not message)


def test_accuracy_is_a_share() -> None:
    found = row_of(table(4, correct=[1, 0, 37, 1]), accuracy="correct", min_accuracy=0.5)
    assert found["reason"] == "`correct` must lie from 0 to 1, got 37"
    assert np.isnan(found["accuracy"])


def test_missing_columns_are_a_reason_and_the_rest_is_still_looked_at() -> None:
    frame = table(20, rt=1.0).rename(columns={"choice": "chioce"})
    found = row_of(frame, required=["onset", "rt"], response_time="rt")
    assert found["reason"] == (
        "must have a column 'choice', got chioce, rt; did you mean 'chioce'?; "
        "must have a column 'onset', got chioce, rt"
    )
    assert found["n_trials"] == 20
    assert found["n_missing"] is pd.NA
    assert found["median_response_time"] == 1.0


def test_several_reasons_are_joined() -> None:
    found = row_of(table(20, 10, correct=0), accuracy="correct", min_accuracy=0.5, min_trials=15)
    assert found["reason"].count("; ") == 2


def test_tables_of_all_subjects_and_none() -> None:
    found = validate_behaviour({"02": table(), "01": table(10, 9)})
    assert list(found["subject"]) == ["02", "01"]
    assert list(found["included"]) == [True, False]
    nobody = validate_behaviour({})
    assert len(nobody) == 0
    assert list(nobody.columns) == list(found.columns)
    assert nobody.dtypes.drop("subject").to_dict() == found.dtypes.drop("subject").to_dict()


def test_real_events(shared_data: Path) -> None:
    path = shared_data / "bids/srndna/sub-105/func/sub-105_task-trust_run-01_events.tsv"
    events = pd.read_csv(path, sep="\t", keep_default_na=False)
    asked = events[~events["trial_type"].str.startswith("outcome")]
    found = row_of(asked, response_time="response_time", response_time_range=(0.2, 3))
    chosen = asked["choice"] != "n/a"
    times = asked.loc[chosen, "response_time"].astype(float)
    assert found["n_trials"] == len(asked)
    assert found["n_missing"] == (~chosen).sum() == 1
    assert found["median_response_time"] == pytest.approx(times.median())
    assert found["included"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_missing": 10}, "`max_missing` must be a number from 0 to 1, got 10"),
        ({"max_missing": True}, "`max_missing` must be a number from 0 to 1, got True"),
        ({"max_outside": "few"}, "`max_outside` must be a number from 0 to 1, got 'few'"),
        ({"min_trials": 0}, "`min_trials` must be an integer of at least 1, got 0"),
        ({"min_accuracy": 0.5}, "`min_accuracy` must come with a column `accuracy`"),
        ({"accuracy": "x", "min_accuracy": 60}, "`min_accuracy` must be a number from 0"),
        ({"response_time_range": (0, 1)}, "must come with a column `response_time`"),
        ({"response_time": "rt", "response_time_range": (3, 1)}, "two increasing numbers of s"),
        ({"response_time": "rt", "response_time_range": (1, 1)}, "two increasing numbers of s"),
        ({"required": "delay"}, "`required` must be a list of names, got 'delay'"),
    ],
)
def test_limits_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        validate_behaviour({"01": table()}, **options)


def test_what_is_no_table() -> None:
    with pytest.raises(TableError, match=r"`tables\['02'\]` must be a pandas data frame, got list"):
        validate_behaviour({"01": table(), "02": [1, 2]})
    with pytest.raises(ParameterError, match=r"`tables` must be a mapping .* got DataFrame"):
        validate_behaviour(table())
