"""Tables of choices, as they come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

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
