"""The first minutes: the demo and its report; setting all up on a machine that has nothing else.

``python -m benchmarks.first_minutes --only demo`` takes a minute; ``fresh``
clones this repository, and installs and tests it there, which takes half an
hour and a package index.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import asked
from benchmarks.command import run_suite
from benchmarks.harness import MIB, REPOSITORY, boldstream, run_process
from benchmarks.rows import Row, figure
from benchmarks.searchlight_runs import variable
from benchmarks.settings import Group, Settings

SUITE = "first_minutes"
_row = partial(figure, SUITE, "")


def demo_rows(_: Settings) -> Iterator[Row]:
    """`boldstream demo`, which fails unless it finds what was planted."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "demo")
        done = run_process(boldstream("demo", place, "--no-progress"), sample_memory=True)
        peak = done.peak_bytes / MIB
        report = next(place.rglob("report/index.html")).parent
        megabytes = sum(file.stat().st_size for file in report.rglob("*") if file.is_file()) / 1e6
    yield _row("demo, with its report: time", done.seconds, "s", ask=asked.DEMO_SECONDS,
               peak_mib=peak)  # fmt: skip
    yield _row("report of the demo", megabytes, "MB", ask=asked.DEMO_REPORT)


def fresh_rows(settings: Settings) -> Iterator[Row]:
    """`make setup`, `make demo` and `make test` in a clone, with an empty home."""
    parts: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder, "clone"), Path(folder, "home")
        home.mkdir()
        run_process(["git", "clone", "--quiet", REPOSITORY, clone])
        with variable("HOME", home):
            for part in ("setup", "demo") if settings.quick else ("setup", "demo", "test"):
                parts[part] = run_process(["make", "-C", clone, part]).seconds
        shutil.rmtree(clone)
    note = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in parts.items())
    yield _row("make demo and make test on a new machine", sum(parts.values()), "s",
               ask=asked.SET_UP_AND_TEST, note=note)  # fmt: skip


GROUPS: dict[str, Group] = {"demo": demo_rows, "fresh": fresh_rows}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
