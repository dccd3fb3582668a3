"""Run groups of figures, each in a process of its own, and keep what is there after each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from benchmarks.harness import REPOSITORY, python
from benchmarks.registry import GIGABYTES, QUICK_GIGABYTES, Planned, all_groups
from benchmarks.results import Results, ResultsError, Taken
from benchmarks.rows import Row
from benchmarks.settings import Settings
from benchmarks.tree import changes, revision

_SECONDS_TO_TIDY = 15
# Of what a process says last, to find why it failed.
_LAST_LINES = 40
_LONGEST_WHY = 300
# Sockets of workers lie there, whose paths may have 107 bytes.
_LONGEST_SCRATCH = 60

Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What to take, with which settings, and where results go."""

    groups: Sequence[Planned]
    settings: Settings
    output: Path
    results: Results
    also: frozenset[str] = frozenset()

    @property
    def missing(self) -> list[Planned]:
        """Groups that are not there yet, of this code."""
        code = revision(), changes()
        return [
            group
            for group in self.groups
            if group.key in self.also or not self.results.has(group.key, *code)
        ]


def check_room(groups: Sequence[Planned], settings: Settings) -> tuple[float, float]:
    """Gigabytes that are still needed, and those that are free.

    Raises
    ------
    ResultsError
        If the disk has not so much.
    """
    suites = {group.suite for group in groups}
    needed = QUICK_GIGABYTES if settings.quick else sum(GIGABYTES[suite] for suite in suites)
    settings.folder.mkdir(parents=True, exist_ok=True)
    files = (path for path in settings.folder.rglob("*") if path.is_file())
    needed = max(0.0, needed - sum(path.stat().st_size for path in files) / 1e9)
    free = shutil.disk_usage(settings.folder).free / 1e9
    if free < needed:
        raise ResultsError(
            f"the images and what is made of them need {needed:.1f} GB more, the disk of the "
            f"folder has {free:.1f}; name another one with --folder"
        )
    return needed, free


def take_all(run: Run, tell: Tell) -> bool:
    """Take every group that is missing; whether all are there now.

    Results are written after each group, also when a group fails, and when
    Ctrl-C or SIGTERM ends it all.
    """
    groups, order = run.missing, [group.key for group in all_groups()]
    left = sum(group.minutes for group in groups)
    good = True
    for number, group in enumerate(groups, 1):
        about = "" if run.settings.quick else f": about {group.minutes:g} min of {left:.0f} left"
        tell(f"[{number}/{len(groups)}] {datetime.now():%H:%M} {group.key}{about}")
        began, started = datetime.now(UTC), perf_counter()
        code = revision(), changes()
        rows: tuple[Row, ...] = ()
        state, why = "interrupted", "ended from outside"
        try:
            rows, why = take(group, run.settings, tell)
            why = why or run.results.clash(group.key, rows)
            state, rows = ("failed", ()) if why else ("done", rows)
        finally:
            taken = Taken(state=state, revision=code[0], changes=code[1], began=_said(began),
                          ended=_said(datetime.now(UTC)), why=why, rows=rows)  # fmt: skip
            run.results.put(group.key, taken, order)
            run.results.write(run.output)
        good &= state == "done"
        left -= group.minutes
        tell(f"    {state} in {(perf_counter() - started) / 60:.1f} min{': ' * bool(why)}{why}")
    return good


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def take(group: Planned, settings: Settings, tell: Tell) -> tuple[tuple[Row, ...], str]:
    """Run a group to its end: its rows, or why there are none."""
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=settings.folder))
    try:
        table = scratch / "rows.json"
        command = python("-m", group.module, "--only", group.name, "--json", table, "--with-parent",
                         "--folder", settings.folder, "--repeats", str(settings.repeats),
                         *(["--quick"] if settings.quick else []))  # fmt: skip
        code, lines = _watch([str(part) for part in command], scratch, tell)
        if code:
            return (), why_of(lines, code)
        return tuple(Row.of(row) for row in json.loads(table.read_text())), ""
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _watch(command: Sequence[str], scratch: Path, tell: Tell) -> tuple[int, list[str]]:
    """Exit code of a process, and the last lines that it told, each passed on at once."""
    variables = dict(os.environ)
    if len(str(scratch)) <= _LONGEST_SCRATCH:
        # All that is made for a while lies where room was found for it.
        variables["TMPDIR"] = str(scratch)
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C comes here alone, and is passed on.
        start_new_session=True,
    ) as process:
        try:
            for line in process.stderr or ():
                lines.append(line.rstrip())
                tell(lines[-1])
        except BaseException:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_TIDY)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return process.returncode, list(lines)


def why_of(lines: Sequence[str], code: int) -> str:
    """The last thing that a process said, without paths.

    Examples
    --------
    >>> why_of(["Traceback ...", "OSError: no room in /tmp/a/b.nii", ""], 1)
    'OSError: no room in …'
    """
    said = [line for line in lines if line.strip()]
    last = said[-1].strip() if said else f"ended with {code}"
    return re.sub(r"(?<![\w.])(?:/[^\s/:'\"]+){2,}/?", "…", last)[:_LONGEST_WHY]
