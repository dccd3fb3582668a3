"""A small study on disk, for tests: made once in a folder, without a study file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from boldstream.simulate.choices import Agent, make_choices
from boldstream.simulate.study import ATLAS, BRAIN_MASK, StudyDesign, make_study
from boldstream.study.inputs.found import RunFiles, StudyInputs, SubjectFiles

SUBJECTS = ("01", "02")
RUNS = (1, 2)
N_TRIALS = 16
DESIGN = StudyDesign(n_subjects=2, shape=(14, 16, 14), n_volumes=80, n_regions=4)


def make_inputs(folder: Path) -> StudyInputs:
    """Write images, and events with choices between amounts."""
    make_study(folder, DESIGN)
    for number, table in enumerate(sorted(folder.rglob("*_events.tsv"))):
        _events(number).to_csv(table, sep="\t", index=False)
    subjects = {subject: files_of(folder, subject) for subject in SUBJECTS}
    return StudyInputs(folder, subjects)


def _events(number: int) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    # An agent that both runs of a subject share.
    choices = make_choices(Agent(-4.0 + number // len(RUNS), 0.5), N_TRIALS, rng)
    return pd.DataFrame(
        {
            "onset": 4.0 + 9.0 * np.arange(N_TRIALS),
            "duration": 2.0,
            "trial_type": "offer",
            "choice": choices.names,
            "delayed_amount": choices.delayed_amount,
            "delay": choices.delay,
            "immediate_amount": choices.immediate_amount,
            "picture": rng.permutation(np.resize(["face", "house", "tool"], N_TRIALS)),
        }
    )


def files_of(folder: Path, subject: str) -> SubjectFiles:
    """Files of one subject of it."""
    name = f"sub-{subject}/func/sub-{subject}_task-demo_run-{{run}}_{{suffix}}"
    runs = tuple(
        RunFiles(
            f"run-{run}",
            folder / name.format(run=run, suffix="bold.nii.gz"),
            folder / name.format(run=run, suffix="events.tsv"),
        )
        for run in RUNS
    )
    return SubjectFiles(subject, runs, folder / BRAIN_MASK)


def atlas_of(folder: Path) -> str:
    """Path of its atlas."""
    return str(folder / ATLAS)
