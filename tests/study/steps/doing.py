"""Units of a small study, done one after another in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.study.executors.base import Job, Outcome
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.plan import StudyPlan, make_plan, write_plan
from boldstream.study.running.worker import do_job
from boldstream.study.settings.models import StudySettings
from tests.study.made import atlas_of


def plan_of(inputs: StudyInputs, output: Path, **settings: Any) -> StudyPlan:
    """A plan with regions of the atlas, and the settings that are given; without quality."""
    given = {
        "rois": {"atlas": {"image": atlas_of(inputs.root)}},
        "betas": {"method": "lsa"},
        "quality": False,
        **settings,
    }
    return make_plan(StudySettings.model_validate(given), inputs, inputs.root, output)


def do_all(plan: StudyPlan) -> dict[str, Outcome]:
    """Outcomes of all units, by their ids."""
    files = write_plan(plan, plan.output / ".boldstream" / "plan")
    return {
        name: do_job(Job(name, str(files[unit.subject]), (name,)))
        for name, unit in plan.units.items()
    }


def table_of(plan: StudyPlan, unit: str, suffix: str) -> pd.DataFrame:
    """A table of results."""
    (path,) = (plan.output / unit).glob(f"*{suffix}")
    return pd.read_csv(path, sep="\t", dtype={"subject": str}, na_values=["n/a"])
