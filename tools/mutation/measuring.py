"""Which tests run which lines: measured once, and again where a file has changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tools.mutation.processes import run_workers
from tools.mutation.targets import CACHE


class Reach(NamedTuple):
    """A test, how long it takes, and the lines of one file that it runs."""

    test: str
    seconds: float
    lines: frozenset[int]


def measure(
    root: Path,
    tests: Iterable[str],
    targets: set[str],
    *,
    interpreted: bool,
    slowest: float,
    jobs: int,
) -> dict[str, list[Reach]]:
    """Find the tests of each target; those that do not pass unchanged are of no use.

    Parameters
    ----------
    root : Path
        A copy of the repository.
    tests : iterable of str
        Files with tests.
    targets : set of str
        Files whose lines count.
    interpreted : bool
        Whether kernels are Python.
    slowest : float
        Seconds after which a test is given up.
    jobs : int
        How many processes.
    """
    CACHE.mkdir(exist_ok=True)
    places = {file: _place(file, interpreted=interpreted) for file in tests}
    known = {file: _read(place, root, file, targets) for file, place in places.items()}
    missing = sorted(file for file, record in known.items() if record is None)
    if missing:
        print(f"measuring {len(missing)} files of tests", flush=True)
    commands = [
        ["measure", str(slowest), *missing[start::jobs]] for start in range(jobs) if missing[start:]
    ]
    works = [(command, "") for command in commands]
    for line in run_workers(root, works, interpreted=interpreted):
        record = json.loads(line)
        known[record["file"]] = record
        _write(places[record["file"]], root, record)
    reached: dict[str, list[Reach]] = defaultdict(list)
    for record in known.values():
        for test in record["tests"] if record else ():
            if test["passed"]:
                for file in targets & test["lines"].keys():
                    lines = frozenset(test["lines"][file])
                    reached[file].append(Reach(test["test"], test["seconds"], lines))
    return reached


def _place(file: str, *, interpreted: bool) -> Path:
    name = hashlib.sha256(file.encode()).hexdigest()[:16]
    return CACHE / f"{name}{'' if interpreted else '-compiled'}.json"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _read(place: Path, root: Path, file: str, targets: set[str]) -> dict[str, Any] | None:
    """What is known of a file of tests, if it and the targets that it runs are as they were."""
    if not place.exists():
        return None
    record: dict[str, Any] = json.loads(place.read_text())
    same = _digest(root / file) == record["digest"] and all(
        _digest(root / source) == digest
        for source, digest in record["sources"].items()
        if source in targets
    )
    return record if same else None


def _write(place: Path, root: Path, record: dict[str, Any]) -> None:
    sources = sorted({source for test in record["tests"] for source in test["lines"]})
    record["digest"] = _digest(root / record["file"])
    record["sources"] = {source: _digest(root / source) for source in sources}
    new = place.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(record))
    new.replace(place)
