"""Designs of runs: beside confounds that hold the model's own drifts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from nilearn.glm.first_level import make_first_level_design_matrix
from nilearn.glm.first_level.design_matrix import create_cosine_drift

from boldstream.glm.first_level.designs import DesignModel, make_design
from boldstream.signal.runs import Run

N, T_R = 120, 2.0
FRAMES = np.arange(N) * T_R
EVENTS = pd.DataFrame(
    {"onset": np.arange(4, 220, 24.0), "duration": 6.0, "trial_type": ["a", "b", "c"] * 3}
)


def design_of(folder: Path, run: Run, **model: object) -> pd.DataFrame:
    path = folder / "events.tsv"
    EVENTS.to_csv(path, sep="\t", index=False)
    matrix: pd.DataFrame = make_design(
        folder / "bold.nii",
        N,
        T_R,
        path,
        run,
        DesignModel(**model),  # type: ignore[arg-type]
    ).matrix
    return matrix


def test_cosines_of_fmriprep_are_no_second_drift(tmp_path: Path, rng: np.random.Generator) -> None:
    motion = rng.normal(size=(N, 2)).cumsum(axis=0) * 1e-3
    # fMRIPrep cuts at 128 s, the model at 100 s.
    cosines = create_cosine_drift(1 / 128, FRAMES)[:, :-1]
    names = ("x", *(f"cosine{i:02d}" for i in range(cosines.shape[1])), "y")
    run = Run(np.column_stack([motion[:, 0], cosines, motion[:, 1]]), names)
    # nilearn would warn of a singular matrix, which is an error in these tests.
    found = design_of(tmp_path, run)
    expected = make_first_level_design_matrix(
        FRAMES, EVENTS, add_regs=motion, add_reg_names=["x", "y"]
    )
    pd.testing.assert_frame_equal(found, expected, check_names=False)
    without = design_of(tmp_path, run, drift_model=None)
    assert [name for name in without if name.startswith("cosine")] == [*names[1:-1]]


def test_confounds_that_drift_alone_leave_none(tmp_path: Path) -> None:
    found = design_of(tmp_path, Run(create_cosine_drift(0.01, FRAMES)[:, :2]))
    expected = make_first_level_design_matrix(FRAMES, EVENTS)
    pd.testing.assert_frame_equal(found, expected, check_names=False)


def test_a_confound_near_a_drift_stays(tmp_path: Path) -> None:
    drift = create_cosine_drift(0.01, FRAMES)[:, 0]
    near = drift + 1e-3 * np.sin(np.arange(N))
    found = design_of(tmp_path, Run(near[:, None], ("near",)))
    np.testing.assert_array_equal(found["near"], near)
