"""Betas of real studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from tests.glm.betas.made_up import off, refit
from tests.oracle import load


@pytest.fixture
def haxby(shared_data: Path) -> list[Path]:
    found = sorted((shared_data / "haxby_pymvpa/haxby2001/sub001/BOLD").glob("task001_run*"))
    assert len(found) == 12
    return found


def test_twelve_runs(haxby: list[Path], tmp_path: Path) -> None:
    images = [folder / "bold_25mm.nii.gz" for folder in haxby]
    tables = [folder / "bold_events.tsv" for folder in haxby]
    found = bs.trial_betas(
        images, tables, dtype="float64", signal_scaling=0, output=tmp_path / "betas"
    )
    stored = bs.open_betas(tmp_path / "betas")
    read = [pd.read_csv(table, sep="\t") for table in tables]
    assert len(found.trials) == len(stored.values) == sum(map(len, read))
    assert list(found.trials["trial_type"]) == [kind for table in read for kind in table.trial_type]
    for number in (1, 12):
        rows = np.flatnonzero(found.trials["run"] == number)
        # The header says 2.5 s.
        wanted = refit(load(images[number - 1]), read[number - 1], percent=True, t_r=2.5)
        assert off(stored.values[rows].T.reshape(wanted.shape), wanted) < 1e-8


def test_betas_tell_conditions_apart(haxby: list[Path]) -> None:
    """Houses and faces in one slice, by the side of the middle between those of other runs."""
    images = [folder / "bold_1slice.nii.gz" for folder in haxby]
    tables = [folder / "bold_events.tsv" for folder in haxby]
    found = bs.trial_betas(
        images, tables, mask=haxby[0].parents[3] / "mask.nii.gz", conditions=["house", "face"]
    )
    assert len(found.trials) == 24
    values = np.asarray(found.image.dataobj)[found.mask]
    values = (values / values.std(axis=1, keepdims=True)).T
    kinds, runs = found.trials["trial_type"].to_numpy(), found.trials["run"].to_numpy()
    right = 0
    for run in np.unique(runs):
        house, face = (values[(runs != run) & (kinds == k)].mean(axis=0) for k in ("house", "face"))
        is_house = (values[runs == run] - (house + face) / 2) @ (house - face) > 0
        right += int(np.count_nonzero(is_house == (kinds[runs == run] == "house")))
    assert right >= 20


def test_a_repetition_time_that_is_wrong_in_both_files(shared_data: Path) -> None:
    """Header and sidecar agree on 1.794 s; it was 2.0 s, which only `t_r` can say."""
    bold = shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_bold.nii.gz"
    table = bold.with_name("sub-02_task-oneback_run-1_events.tsv")
    mask = np.zeros(load(bold).shape[:3], bool)
    mask[::3, ::3, ::3] = True
    right = bs.trial_betas(bold, table, mask=mask, t_r=2.0)
    assert len(right.trials) == 192
    # At 1.794 s the run ends before its last stimuli. That is how it shows here.
    with pytest.raises(bs.TableError, match="it begins after the last volume"):
        bs.trial_betas(bold, table, mask=mask)
    some = bs.trial_betas(bold, table, mask=mask, unestimable="exclude")
    assert len(some.excluded) > 10
    assert len(some.trials) + len(some.excluded) == 192
    row = int(some.trials["row"].iloc[40])
    one, other = (found.image.dataobj[..., 40][mask] for found in (right, some))
    assert row == 40
    assert np.corrcoef(one, other)[0, 1] < 0.99
