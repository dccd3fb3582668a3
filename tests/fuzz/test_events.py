"""Tables of events: the same betas however they are written, or an error that names the file."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from boldstream.cli.entry import run
from tests.fuzz.depth import cases
from tests.fuzz.guard import guarded, refusing
from tests.strategies.tables import MadeTable, dressed, odd_tables, sound_events

N, T_R = 40, 2.0
DATA = np.random.default_rng(0).normal(100, 5, (2, 2, 1, N)).astype("f4")


def image() -> Any:
    made = nib.Nifti1Image(DATA, np.eye(4))
    made.header.set_zooms((1, 1, 1, T_R))
    made.header.set_xyzt_units("mm", "sec")
    return made


def betas_of(events: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        # What is said to users; of numpy and pandas nothing may get out.
        warnings.simplefilter("ignore", UserWarning)
        return bs.trial_betas(image(), events, t_r=T_R, **options)


@cases(quick=8, deep=0.5)
@given(data=st.data(), table=sound_events())
def test_events_are_the_same_however_they_are_written(
    data: st.DataObject, table: MadeTable
) -> None:
    ending, content = data.draw(dressed(table))
    frame = pd.DataFrame(table.rows, columns=table.names)
    frame[["onset", "duration"]] = frame[["onset", "duration"]].astype(float)
    wanted = betas_of(frame)
    with tempfile.TemporaryDirectory() as folder, guarded():
        path = Path(folder, f"events{ending}")
        path.write_bytes(content)
        got = betas_of(path)
    np.testing.assert_array_equal(got.image.get_fdata(), wanted.image.get_fdata())
    assert got.trials["trial_type"].tolist() == wanted.trials["trial_type"].tolist()


@cases(quick=15, deep=1.5)
@given(content=odd_tables(sound_events()), exclude=st.booleans())
def test_odd_events_give_finite_betas_or_are_refused(content: bytes, exclude: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.tsv")
        path.write_bytes(content)
        with refusing(path):
            found = betas_of(path, unestimable="exclude" if exclude else "raise")
            assert np.isfinite(found.image.get_fdata()).all()
            assert exclude or not len(found.excluded)


@cases(quick=2, deep=0.2)
@given(content=odd_tables(sound_events()))
def test_a_command_tells_what_is_wrong_with_events(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, guarded():
        events, bold, out = (Path(folder, name) for name in ("events.tsv", "bold.nii", "out"))
        events.write_bytes(content)
        nib.save(image(), bold)
        with warnings.catch_warnings():
            # nilearn's, of events that take no time: a user is told of them.
            warnings.simplefilter("ignore", UserWarning)
            code = run(
                ["glm", str(bold), "--events", str(events), "--contrast", "face", "-o", str(out)]
            )
        assert code in (0, 1)
        assert out.exists() == (code == 0)
