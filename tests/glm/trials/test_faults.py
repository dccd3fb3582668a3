"""What is refused, and what is left out and reported."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.core.errors import ParameterError, TableError
from boldstream.glm.trials import TrialDesign, make_trial_design
from boldstream.glm.trials.options import Sampling
from tests.glm.trials.refit import off, refit_lss

N, T_R = 80, 2.0


@pytest.fixture
def events() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "onset": [4.0, 21.0, 39.5, 60.0, 83.0, 107.0],
            "duration": 1.5,
            "trial_type": ["a", "b", "a", "b", "a", "b"],
            "response_time": [0.5, 0.7, np.nan, 0.4, 1.1, 0.3],
        }
    )


def design(events: Any, **options: Any) -> TrialDesign:
    return make_trial_design(events, N, T_R, **options)


def changed(events: pd.DataFrame, row: int, **cells: Any) -> pd.DataFrame:
    events = events.astype(dict.fromkeys(cells, object))
    for column, cell in cells.items():
        events.loc[row, column] = cell
    return events


FAULTS = [
    ({"onset": "n/a"}, "its onset must be a finite number, got 'n/a'"),
    ({"onset": np.inf}, "its onset must be a finite number, got inf"),
    ({"duration": np.nan}, "its duration must be a finite number, got nan"),
    ({"duration": -1.0}, "its duration must be at least 0 s, got -1"),
    ({"trial_type": None}, "its trial_type is missing"),
    ({"onset": 400.0}, "it begins after the last volume, at 158 s"),
    ({"onset": 158.5}, "it begins after the last volume, at 158 s"),
    ({"onset": -24.5}, "it begins before -24 s (`min_onset`)"),
]


@pytest.mark.parametrize(("cells", "reason"), FAULTS, ids=[reason for _, reason in FAULTS])
@pytest.mark.parametrize("method", ["lss", "lsa"])
def test_rows_without_a_beta(
    events: pd.DataFrame, cells: dict[str, Any], reason: str, method: str
) -> None:
    wrong = changed(events, 2, **cells)
    before = wrong.copy()
    with pytest.raises(TableError) as caught:
        design(wrong, method=method)
    assert "events must give each trial a beta of its own, got 1 without: row 2 (" in str(
        caught.value
    )
    assert reason in str(caught.value)

    found = design(wrong, method=method, unestimable="exclude")
    assert list(found.table["row"]) == [0, 1, 3, 4, 5]
    assert list(found.table["response_time"]) == [0.5, 0.7, 0.4, 1.1, 0.3]
    assert list(found.excluded["row"]) == [2]
    assert list(found.excluded["reason"]) == [reason]
    pd.testing.assert_frame_equal(wrong, before)
    # It has no regressor, or nothing in the model knows where it was.
    if cells.get("onset") != -24.5:
        expected = design(events.drop(index=2), method=method)
        assert off(found.weights, expected.weights) < 1e-12


def test_a_trial_before_min_onset_stays_in_the_model(events: pd.DataFrame) -> None:
    early = changed(events, 2, onset=-30.0, duration=8.0).astype(
        {"onset": float, "duration": float}
    )
    found = design(early, unestimable="exclude")
    expected = refit_lss(early, Sampling(N, T_R, 0.0, -24, 50).frames, "condition")
    assert off(found.weights, expected[[0, 1, 3, 4, 5]]) < 1e-10
    # Had it left, others would differ.
    left = design(events.drop(index=2))
    assert off(found.weights, left.weights) > 1e-6


def test_modulation(events: pd.DataFrame) -> None:
    events["modulation"] = [1.0, 2.0, 0.5, 0.0, -1.0, 1.0]
    with pytest.raises(TableError, match=r"row 3 \('b' at 60 s\): its modulation is 0"):
        design(events)
    events.loc[3, "modulation"] = -1e300
    with pytest.raises(TableError, match=r"modulation must be at most 1e\+100 in size, got -1e"):
        design(events)
    events.loc[3, "modulation"] = np.nan
    with pytest.raises(TableError, match="its modulation must be a finite number, got nan"):
        design(events)
    found = design(events, unestimable="exclude")
    assert list(found.table["modulation"]) == [1.0, 2.0, 0.5, -1.0, 1.0]


def test_a_trial_in_volumes_that_are_left_out(events: pd.DataFrame) -> None:
    apart = pd.concat([events, pd.DataFrame({"onset": [130.0], "duration": 1.0})])
    apart["trial_type"] = "a"
    kept = np.arange(60)
    with pytest.raises(TableError, match=r"row 6 .* is 0 in the volumes that are kept"):
        design(apart, sample_mask=kept)


@pytest.mark.parametrize("method", ["lss", "lsa"])
def test_trials_that_coincide(events: pd.DataFrame, method: str) -> None:
    """In one model of all neither has a beta; alone beside others each has, the same."""
    twins = pd.concat([events, events.iloc[[2]]], ignore_index=True)
    if method == "lss":
        found = design(twins)
        np.testing.assert_allclose(found.weights[2], found.weights[6], rtol=1e-10)
        return
    with pytest.raises(TableError) as caught:
        design(twins, method=method)
    assert "got 2 without: row 2 ('a' at 39.5 s): its regressor is that of row 6 too" in str(
        caught.value
    )
    assert "row 6 ('a' at 39.5 s): its regressor is that of row 2 too" in str(caught.value)
    found = design(twins, method=method, unestimable="exclude")
    assert list(found.table["row"]) == [0, 1, 3, 4, 5]
    assert list(found.excluded["row"]) == [2, 6]
    # Together they are one regressor, as the one was.
    expected = design(events, method=method)
    assert off(found.weights, expected.weights[[0, 1, 3, 4, 5]]) < 1e-10


def test_lss_of_two_trials_that_coincide_alone(events: pd.DataFrame) -> None:
    twins = changed(changed(events, 0, trial_type="c"), 1, trial_type="c", onset=4.0)
    with pytest.raises(TableError, match=r"row 0 .* its regressor is that of row 1 too"):
        design(twins)
    assert list(design(twins, unestimable="exclude").table["row"]) == [2, 3, 4, 5]


@pytest.mark.parametrize("options", [{}, {"method": "lsa"}, {"method": "lsa", "penalty": 1.0}])
def test_a_trial_that_a_confound_explains(events: pd.DataFrame, options: dict[str, Any]) -> None:
    plain = design(events, method="lsa")
    (row,) = np.linalg.pinv(plain.weights)[:, 4:5].T
    with pytest.raises(TableError, match=r"got 1 without: row 4 .* made up of those of other"):
        design(events, confounds=row, **options)


def test_a_trial_that_another_condition_explains(events: pd.DataFrame) -> None:
    twins = changed(events, 5, onset=83.0, trial_type="c")
    for options in ({}, {"method": "lsa"}):
        with pytest.raises(TableError, match=r"got 1 without: row 4 .* made up of those of other"):
            design(twins, conditions=["a"], **options)


def test_more_trials_than_volumes(events: pd.DataFrame) -> None:
    many = pd.DataFrame({"onset": np.arange(100) * 1.5, "duration": 0.5, "trial_type": "a"})
    with pytest.raises(TableError, match=r"got 100 without: row 0 .*; row 4 .*; and 95 more\. "):
        design(many, method="lsa")
    with pytest.raises(TableError, match="events must have at least one trial with a beta"):
        design(many.assign(onset=500.0), unestimable="exclude")
    assert len(design(many, method="lsa", penalty=0.1).table) == 100


def test_files_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "sub-01_events.tsv"
    path.write_text(
        "onset\tduration\ttrial_type\tresponse_time\tpress\n"
        "4\t1\t1\t0.5\tleft\n\n30.5\tn/a\t2\t0.25\tn/a\n66\t1\t1\tn/a\tright\n"
    )
    with pytest.raises(TableError) as caught:
        design(path)
    assert str(path) in str(caught.value)
    assert "row 1, line 4 ('2' at 30.5 s): its duration must be a finite number, got 'n/a'" in str(
        caught.value
    )
    found = design(str(path), unestimable="exclude")
    assert list(found.table["trial_type"]) == ["1", "1"]
    assert found.table["response_time"].to_numpy()[0] == 0.5
    assert np.isnan(found.table["response_time"].to_numpy()[1])
    assert list(found.table["press"]) == ["left", "right"]
    assert list(found.table["row"]) == [0, 2]
    assert list(found.excluded["reason"]) == ["its duration must be a finite number, got 'n/a'"]


@pytest.mark.parametrize("word", ["None", "null", "NA"])
def test_conditions_may_have_the_names_that_pandas_takes_for_none(
    tmp_path: Path, word: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"onset,duration,trial_type\n4,1,{word}\n30,1,face\n")
    assert list(design(path).table["trial_type"]) == [word, "face"]


def test_columns(events: pd.DataFrame) -> None:
    for column in ("onset", "duration"):
        with pytest.raises(TableError, match=f"events must have a column '{column}', got "):
            design(events.drop(columns=column))
    with pytest.raises(TableError, match=r"run 2 must have .* did you mean 'Onset'"):
        design(events.rename(columns={"onset": "Onset"}), name="run 2")
    for column in ("row", "reason"):
        with pytest.raises(TableError, match=f"must not have a column '{column}'"):
            design(events.assign(**{column: 1}))
    with pytest.raises(TableError, match="must name each column once, got 'onset' again"):
        design(pd.concat([events, events[["onset"]]], axis=1))
    with pytest.raises(TableError, match="must have at least one event, got none"):
        design(events.iloc[:0])
    with pytest.raises(ParameterError, match=r"`events` must be a path or a pandas .* got list"):
        design([1, 2])
    with pytest.raises(TableError, match=r"none\.tsv cannot be read as a table"):
        design("none.tsv")


def test_without_trial_type(events: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="'trial_type' column not found") as caught:
        found = design(events.drop(columns="trial_type"))
    assert caught[0].filename == __file__
    assert set(found.table["trial_type"]) == {"dummy"}
    expected = design(events.assign(trial_type="dummy"))
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_conditions(events: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match=r"`conditions` must be among .*, a, b, got 'c'"):
        design(events, conditions=["a", "c"])
    with pytest.raises(ParameterError, match="must name at least one condition, got none"):
        design(events, conditions=[])
    long = events.replace({"trial_type": {"a": "house", "b": "face"}})
    with pytest.raises(ParameterError, match="did you mean 'house'"):
        design(long, conditions="huose")
    one = design(long, conditions="house")
    assert list(one.table["row"]) == [0, 2, 4]


def test_early_events_of_other_conditions_are_told(events: pd.DataFrame) -> None:
    early = changed(events, 1, onset=-25.0).astype({"onset": float})
    with pytest.warns(UserWarning, match="1 events of events begin before -24 s"):
        design(early, conditions=["a"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design(events, conditions=["a"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "lsq"}, "`method` must be one of 'lss', 'lsa', got 'lsq'"),
        ({"others": "one"}, "`others` must be one of 'condition', 'all'"),
        ({"others": "all", "method": "lsa"}, "`others` must be 'condition' for method 'lsa'"),
        ({"penalty": -1, "method": "lsa"}, "`penalty` must be a number of at least 0, got -1"),
        ({"penalty": np.nan, "method": "lsa"}, "`penalty` must be a number of at least 0"),
        ({"penalty": 1.0}, "`penalty` must be 0 for method 'lss', got 1.0"),
        ({"unestimable": "skip"}, "`unestimable` must be one of 'raise', 'exclude'"),
        ({"drift_model": "spline"}, "`drift_model` must be one of 'cosine', 'polynomial'"),
        (
            {"penalty": 10**400, "method": "lsa"},
            "`penalty` must be a number of at least 0, got 1000",
        ),
        ({"high_pass": -0.1}, "`high_pass` must be a number of at least 0, got -0.1"),
        ({"drift_order": 1.5}, "`drift_order` must be an integer of at least 0"),
        ({"slice_time_ref": 2}, "`slice_time_ref` must be a number from 0 to 1, got 2"),
        ({"min_onset": 3}, "`min_onset` must be a number of at most 0, got 3"),
        ({"oversampling": 0}, "`oversampling` must be an integer of at least 1, got 0"),
        ({"hrf_model": "fir"}, "`hrf_model` must have a response function"),
        ({"confounds": np.ones((7, 2))}, "must have one row for each of 80 volumes, got 7"),
        ({"confounds": np.full((N, 1), np.nan)}, "`confounds` must be finite, got nan"),
        ({"confounds": np.ones((N, 2)), "confound_names": ["x"]}, "name each of 2 confounds"),
        ({"sample_mask": [0, 0]}, "`sample_mask` must name each volume at most once"),
    ],
    ids=str,
)
def test_parameters(events: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        design(events, **options)


def test_sizes_of_the_run(events: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="`n_volumes` must be an integer of at least 2, got 1"):
        make_trial_design(events, 1, T_R)
    with pytest.raises(ParameterError, match="`t_r` must be a positive number of s, got 0"):
        make_trial_design(events, N, 0)


def test_nothing_left_of_the_volumes(events: pd.DataFrame, rng: np.random.Generator) -> None:
    confounds = rng.normal(size=(N, N))
    names = [f"a_comp_cor_{i:02}" for i in range(N)]
    with pytest.raises(ParameterError) as caught:
        design(events, confounds=confounds, confound_names=names)
    assert str(caught.value) == (
        "drift and confounds must be fewer than the volumes that are kept, 80, got 4 columns of "
        "drift and 80 confounds (a_comp_cor_* (80))"
    )
