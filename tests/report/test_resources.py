"""Memory of several workers, laid over one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boldstream.report.results import Unit
from boldstream.report.sections import resources
from boldstream.report.sections.resources import lay_out, resource_blocks

MB = 1 << 20


def unit(folder: Path, name: str, began: float, seconds: float, **note: Any) -> Unit:
    place = folder / name
    place.mkdir()
    (place / "unit.json").write_text(json.dumps({"files": {}, **note}))
    worker = str(note.pop("worker", "a"))
    return Unit(
        f"sub-01/{name}", name, "done", place, seconds=seconds, began=began, worker=worker,
        peak_bytes=7 * MB,
    )  # fmt: skip


def test_pauses_between_runs_are_cut_out(tmp_path: Path) -> None:
    units = [
        unit(tmp_path, "b", 5000, 3),
        unit(tmp_path, "a", 100, 10),
        unit(tmp_path, "c", 105, 2),
    ]
    spans, n_pauses = lay_out(units)
    assert [(span.unit.name, span.begin, span.end) for span in spans] == [
        ("a", 0, 10),
        ("c", 5, 7),
        ("b", 10, 13),
    ]
    assert n_pauses == 1


def test_a_beginning_in_whole_seconds_will_do_and_none_is_left_out() -> None:
    old = Unit("sub-01/a", started="2026-11-21T14:58:17+00:00", seconds=1.5)
    unknown = Unit("sub-01/b", started="yesterday", seconds=1.5)
    spans, _ = lay_out([unknown, old])
    assert [(span.unit.id, span.begin, span.end) for span in spans] == [("sub-01/a", 0, 1.5)]
    assert lay_out([]) == ([], 0)


def test_workers_are_added_and_the_system_is_not(tmp_path: Path) -> None:
    points = [[0.0, 100 * MB, 900 * MB], [4.0, 300 * MB, 950 * MB]]
    limits = {"memory_limit_bytes": 400 * MB, "memory_system": {"limit_bytes": 4000 * MB}}
    first = unit(tmp_path, "a", 0, 8, memory_timeline=points, worker="one", **limits)
    second = unit(
        tmp_path, "b", 2, 8, memory_timeline=[[0.0, 50 * MB, 800 * MB]], worker="two", **limits
    )
    spans, _ = lay_out([first, second])
    process, used, limit = resources._sums(spans, 10.0)
    at = (np.arange(len(process)) + 0.5) / len(process) * 10
    expected = np.where(at < 2, 100, np.where(at < 4, 150, np.where(at < 8, 350, 50)))
    # A bin that a sample or an end falls into has the higher value.
    assert np.count_nonzero(process / MB != expected) <= 4
    assert process.max() == 350 * MB
    assert np.nanmax(used) == 950 * MB
    assert limit == 800 * MB


def test_between_its_units_a_worker_holds_what_it_held(tmp_path: Path) -> None:
    first = unit(tmp_path, "a", 0, 1, memory_timeline=[[0.0, 100 * MB]])
    second = unit(tmp_path, "b", 9, 1, memory_timeline=[[0.0, 200 * MB]])
    process, used, limit = resources._sums(lay_out([first, second])[0], 10.0)
    assert set(process / MB) == {100, 200}
    assert np.isnan(used).all()
    assert limit is None


def test_steps_are_told_with_their_times_and_what_is_not_noted_is_left_out(tmp_path: Path) -> None:
    (picture, table) = resource_blocks(
        [unit(tmp_path, "a", 0, 61, memory_timeline=[[0.0, 100 * MB]]), Unit("sub-01/b")]
    )
    assert "at most 100 MiB together" in picture.alt  # type: ignore[union-attr]
    ((name, step, n, time, longest, peak),) = table.rows  # type: ignore[union-attr]
    assert [one.text for one in (name, step, n, time, longest, peak)] == [
        *("a", "a", "1", "1 min 1 s", "1 min 1 s", "7 MiB")
    ]
    assert resource_blocks([Unit("sub-01/b")]) == []


@pytest.mark.parametrize("timeline", [None, [], [[0.0, 5 * MB]], [[0.0, 5 * MB, 7 * MB]]])
def test_timelines_of_every_age_are_drawn(tmp_path: Path, timeline: Any) -> None:
    one = unit(tmp_path, "a", 0, 0.0, memory_timeline=timeline)
    assert len(resource_blocks([one])) == 2
