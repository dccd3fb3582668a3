"""What the study was, who was used and why not, and what failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from boldstream.report.blocks import (
    Block,
    Cell,
    Code,
    Text,
    listed,
    make_table,
    number,
    seconds,
)
from boldstream.report.results import FAILED, Run, Unit
from boldstream.report.sections.quality import STEP as QUALITY
from boldstream.report.sections.quality import read_summary

_UNFINISHED = ("unfinished", "waiting", "running", "missing")


def lead(run: Run) -> str:
    """One sentence on the whole run."""
    used = {unit.subject for unit in run.units if unit.subject and unit.folder is not None}
    done = [unit for unit in run.units if unit.folder is not None]
    total = sum(unit.seconds or 0.0 for unit in done)
    shown = ""
    if run.whole is not None:
        labels = [one.label for one in run.subjects]
        shown = f"Shown: {listed(labels)}, of {len(run.whole.subjects)} subjects. "
    return (
        f"{shown}{len(used)} of {len(run.subjects)} subjects analysed, in {len(done)} steps of "
        f"work that took {seconds(total)} together."
    )


def troubles(units: Sequence[Unit], *, has_description: bool) -> list[Block]:
    """What a reader must know first."""
    counts = Counter(unit.state for unit in units)
    said = []
    if any(counts[state] for state in FAILED):
        failed = sum(counts[state] for state in FAILED)
        what = "1 step or subject" if failed == 1 else f"{failed} steps or subjects"
        said.append(
            f"{what} failed, could not begin or could not be used; the table of subjects says why."
        )
    if any(counts[state] for state in _UNFINISHED):
        left = sum(counts[state] for state in _UNFINISHED)
        said.append(
            f"The run is not finished: {left} of {len(units)} steps have no results. "
            "“boldstream run” with the same study file goes on where it ended."
        )
    if not has_description:
        said.append(
            "No run has ended in this folder: there is no description of the study's settings."
        )
    return [Text(tuple(said), "trouble")] if said else []


def summary_blocks(run: Run) -> list[Block]:
    """What, when, with which versions and settings."""
    described = run.description
    blocks = troubles(run.units, has_description=bool(described))
    kinds = Counter(unit.name for unit in run.units if unit.folder is not None)
    steps = {unit.name: unit.step for unit in run.units}
    begun = sorted(unit.started for unit in run.units if unit.started)
    versions = described.get("versions") or {}
    done = [f"{name} ({steps[name]})" if name != steps[name] else name for name in kinds]
    rows: list[list[Any]] = [
        ["done", listed(done, most=30)],
        ["subjects", listed([one.label for one in run.subjects], most=30)],
        ["first step begun", _time(begun[0]) if begun else None],
        ["last step begun", _time(begun[-1]) if begun else None],
        ["computer of the last run", described.get("host")],
        ["revision of the study's folder", described.get("revision")],
        ["versions", ", ".join(f"{name} {of}" for name, of in versions.items())],
        ["results", str(run.folder)],
    ]
    known = [row for row in rows if row[1]]
    blocks.append(make_table("The study in short.", ("what", "value"), known, sortable=False))
    if run.settings:
        text = json.dumps(run.settings, indent=2, ensure_ascii=False)
        blocks.append(Code("All settings, as the study file and its defaults have them", text))
    return blocks


def _time(text: str) -> str:
    return text.replace("T", " ").replace("+00:00", " UTC")


def subjects_blocks(run: Run, hrefs: dict[str, str]) -> list[Block]:
    """Who was used, and why not; and units that are not done."""
    rows = []
    for subject in run.subjects:
        units = run.of(subject.label)
        counts = Counter(unit.state for unit in units)
        state = ", ".join(f"{n} {state}" for state, n in counts.items())
        label = Cell(subject.label, href=hrefs.get(subject.label, ""))
        used = "yes" if any(unit.folder for unit in units) else "no"
        reason = subject.reason or _first_error(units)
        rows.append([label, used, subject.n_runs, state, reason])
    caption = "Subjects, whether they were used, and why not."
    blocks: list[Block] = [
        make_table(caption, ("subject", "used", "runs", "steps of work", "reason"), rows)
    ]
    return [*blocks, *failures(run.units)]


def _first_error(units: Sequence[Unit]) -> str:
    return next((unit.error for unit in units if unit.error and unit.folder is None), "")


def failures(units: Sequence[Unit]) -> list[Block]:
    """Units that failed, with where."""
    rows = [
        [
            unit.id.rstrip("/"),
            unit.state,
            unit.attempts,
            Cell(unit.error or "n/a", folded=unit.traceback),
        ]
        for unit in units
        if unit.state in FAILED
    ]
    if not rows:
        return []
    headings = ("step of work", "state", "attempts", "what went wrong")
    return [make_table("What failed; blocked is what needs something that failed.", headings, rows)]


def states_blocks(units: Sequence[Unit]) -> list[Block]:
    """Of one subject: what was done."""
    rows = [
        [
            unit.id.partition("/")[2] or "the subject",
            unit.step,
            unit.state,
            Cell(seconds(unit.seconds), repr(unit.seconds)) if unit.seconds is not None else None,
            unit.worker,
        ]
        for unit in units
    ]
    headings = ("name", "step", "state", "time", "worker")
    return [make_table("Steps of work of this subject.", headings, rows), *failures(units)]


def quality_table(run: Run, hrefs: dict[str, str]) -> list[Block]:
    """Quality of all runs of all subjects, in numbers."""
    rows = []
    for unit in run.units:
        found = read_summary(unit) if unit.step == QUALITY else None
        for one in (found or {}).get("runs", ()):
            numbers = [
                one.get(name) for name in ("mean_tsnr", "mean_dvars", "mean_fd", "n_high_motion")
            ]
            subject = Cell(unit.subject, href=hrefs.get(unit.subject, ""))
            rows.append([subject, one.get("label") or "–", one.get("n_volumes"), *numbers])
    if not rows:
        return []
    headings = (
        *("subject", "run", "volumes", "mean tSNR", "mean DVARS"),
        *("mean FD (mm)", "volumes moved"),
    )
    worst = max((row[5] for row in rows if row[5] is not None), default=None)
    moved = "" if worst is None else f" The highest mean FD is {number(worst)} mm."
    return [make_table(f"Image quality of every run.{moved}", headings, rows)]
