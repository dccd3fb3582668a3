"""One process does thousands of tasks: what it holds at the end is what it held early on."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from tests.soak.tasks import Tasks
from tests.soak.watching import growth, holdings, settled_bytes

MIB = 2**20
_log = logging.getLogger(__name__)
# Tasks of one round, and rounds that are watched: 2 000, 500 and 200 in all.
ROUND = {"extractions": 100, "searchlights": 25, "openings": 10}
ROUNDS = 20
# Every variant was done once by then: kernels are compiled, modules loaded, caches
# filled, and each arena of malloc that threads use has its first pages.
WARM_UP = 2


@pytest.mark.soak
def test_nothing_grows_in_a_long_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = tmp_path / "temporary"
    places.mkdir()
    monkeypatch.setenv("TMPDIR", str(places))
    monkeypatch.setattr(tempfile, "tempdir", None)
    tasks = Tasks(tmp_path)
    for _ in range(WARM_UP):
        _one_round(tasks)
    had, held, by_kind = holdings(places), [settled_bytes()], Counter[str]()
    for _ in range(ROUNDS):
        by_kind.update(_one_round(tasks))
        held.append(settled_bytes())
    shown = f"{[round(x / MIB, 1) for x in held]} MiB; by kind in bytes: {dict(by_kind)}"
    _log.info(shown)
    assert holdings(places) == had
    # A line through all looks, and no two single ones, of which one may be odd.
    assert median(held[-5:]) - median(held[:5]) < 10 * MIB, shown
    assert growth(held) < 10 * MIB, shown


def _one_round(tasks: Tasks) -> dict[str, int]:
    """Do the tasks of all kinds; bytes that each kind added."""
    added = {}
    for kind, count in ROUND.items():
        before = settled_bytes()
        for _ in range(count):
            next(getattr(tasks, kind))()
        added[kind] = settled_bytes() - before
    return added
