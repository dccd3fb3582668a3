"""Events of real studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boldstream.core.errors import TableError
from boldstream.glm.trials import make_trial_design
from boldstream.glm.trials.options import Sampling
from tests.glm.trials.refit import off, quietly, refit_lsa, refit_lss

N, T_R = 156, 2.0


@pytest.fixture
def localizer(shared_data: Path) -> Path:
    return shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_events.tsv"


@pytest.fixture
def blocks(localizer: Path) -> pd.DataFrame:
    """Stimuli of one kind in a row, as one event."""
    stimuli = pd.read_csv(localizer, sep="\t")
    gap = stimuli["onset"].diff() > 3
    kind = stimuli["trial_type"] != stimuli["trial_type"].shift()
    grouped = stimuli.groupby((gap | kind).cumsum())
    found = grouped.agg(onset=("onset", "first"), trial_type=("trial_type", "first"))
    found["duration"] = grouped["onset"].last() + 1 - found["onset"]
    return found.reset_index(drop=True)


def test_blocks(blocks: pd.DataFrame) -> None:
    frames = Sampling(N, T_R, 0.5, -24, 50).frames
    assert 8 <= len(blocks) <= 24
    for others in ("condition", "all"):
        found = make_trial_design(blocks, N, T_R, others=others, slice_time_ref=0.5)
        assert off(found.weights, refit_lss(blocks, frames, others)) < 1e-10
    lsa = make_trial_design(blocks, N, T_R, method="lsa", slice_time_ref=0.5)
    assert off(lsa.weights, refit_lsa(blocks, frames)) < 1e-10


def test_stimuli_a_second_apart(localizer: Path) -> None:
    """192 of them in 156 volumes: one model cannot hold them, models of their own can."""
    with pytest.raises(TableError, match="got 192 without: row 0, line 2 "):
        make_trial_design(localizer, N, T_R, method="lsa")
    assert len(make_trial_design(localizer, N, T_R, method="lsa", penalty=1.0).table) == 192
    found = make_trial_design(localizer, N, T_R)
    some = slice(0, 192, 8)
    stimuli = pd.read_csv(localizer, sep="\t")
    expected = refit_lss(stimuli, Sampling(N, T_R, 0.0, -24, 50).frames, "condition")
    assert off(found.weights, expected) < 1e-8
    assert list(found.table["stim_file"])[some] == list(stimuli["stim_file"])[some]


def test_cells_that_are_not_there(shared_data: Path) -> None:
    path = shared_data / "bids/srndna/sub-105/func/sub-105_task-trust_run-01_events.tsv"
    read = pd.read_csv(path, sep="\t")
    n_volumes = int(read["onset"].max() / 2) + 10
    found = make_trial_design(path, n_volumes, 2.0)
    assert found.table["trust_value"].isna().any()
    pd.testing.assert_frame_equal(found.table.drop(columns="row"), read, check_dtype=False)
    frames = Sampling(n_volumes, 2.0, 0.0, -24, 50).frames
    assert off(found.weights, refit_lss(read, frames, "condition")) < 1e-10

    names = ["choice_friend", "choice_computer"]
    some = make_trial_design(path, n_volumes, 2.0, conditions=names, hrf_model="spm + derivative")
    assert set(some.table["trial_type"]) == set(names)
    row = int(some.table["row"].iloc[3])
    named = read.copy()
    named.loc[row, "trial_type"] = "this one"
    design = quietly(frames, named, hrf_model="spm + derivative")
    weights = np.linalg.pinv(design.to_numpy())[list(design).index("this one")]
    np.testing.assert_allclose(some.weights[3], weights, rtol=0, atol=1e-10 * np.abs(weights).max())
