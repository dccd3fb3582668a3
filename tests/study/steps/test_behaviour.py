"""Tables of choices, as they come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.study.made import make_inputs
from tests.study.steps.doing import do_all, plan_of, table_of


def test_tables_with_commas(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path / "data")
    expected = plan_of(inputs, tmp_path / "tsv", behaviour={})
    do_all(expected)
    subjects = {}
    for name, files in inputs.subjects.items():
        runs = []
        for run in files.runs:
            assert run.events is not None
            path = run.events.with_suffix(".csv")
            pd.read_csv(run.events, sep="\t").to_csv(path, index=False)
            runs.append(replace(run, events=path))
        subjects[name] = replace(files, runs=tuple(runs))
    plan = plan_of(replace(inputs, subjects=subjects), tmp_path / "csv", behaviour={})
    outcomes = do_all(plan)
    assert [one.error for one in outcomes.values()] == ["", ""]
    for unit in plan.units:
        pd.testing.assert_frame_equal(
            table_of(plan, unit, "discounting.tsv"), table_of(expected, unit, "discounting.tsv")
        )


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"accuracy": "right", "min_accuracy": 0.6}, "accuracy 0.5, below 0.6"),
        ({"min_trials": 33}, "32"),
        ({"response_time": "rt", "response_time_range": [0.2, 5]}, "0.25"),
    ],
)
def test_a_subject_outside_of_limits_is_not_fitted(
    tmp_path: Path, limits: dict[str, Any], reason: str
) -> None:
    """Every other answer is right, and every fourth one comes too fast."""
    inputs = make_inputs(tmp_path / "data")
    for run in inputs.subjects["01"].runs:
        assert run.events is not None
        events = pd.read_csv(run.events, sep="\t")
        events["right"] = np.resize([0, 1], len(events))
        events["rt"] = np.resize([0.1, 1, 2, 3], len(events))
        events.to_csv(run.events, sep="\t", index=False)
    some = replace(inputs, subjects={"01": inputs.subjects["01"]})
    outcome = do_all(plan_of(some, tmp_path / "out", behaviour=limits))["sub-01/behaviour"]
    assert "behaviour of subject '01' cannot be used" in outcome.error
    assert reason in outcome.error
