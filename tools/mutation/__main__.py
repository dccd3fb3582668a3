"""Break the code in one place at a time and see whether a test notices.

The working tree is never touched: its code is copied, tests that run a line are tried on every
change of that line, and a change that no test notices is printed. It is either without effect,
and then listed in tools/mutation_equivalent.toml, or a test is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.mutation.attempt import NOT_APPLIED, Task
from tools.mutation.copying import copied_repository
from tools.mutation.equivalents import find_stale, read_equivalents
from tools.mutation.measuring import Reach, measure
from tools.mutation.mutants import Mutant, find_mutants
from tools.mutation.processes import run_workers
from tools.mutation.targets import EQUIVALENT, files_of, is_kernel, test_files_of

Names = tuple[str, int]


def main() -> int:
    """Run the command line; 1 if too few changes were noticed."""
    options = _options()
    with copied_repository() as root:
        chosen, n_equivalent = _choose(root, options)
        survivors = [
            *_try(root, [m for m in chosen if not is_kernel(m.file)], options, interpreted=False),
            *_try(root, [m for m in chosen if is_kernel(m.file)], options, interpreted=True),
        ]
    _summarize(chosen, survivors, n_equivalent)
    if options.survivors:
        records = [{**m.__dict__, "reached": reached_by} for m, reached_by in survivors]
        options.survivors.write_text(json.dumps(records, indent=1) + "\n")
    return 0 if len(chosen) - len(survivors) >= options.at_least * len(chosen) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="PATH", help="a file or folder of src")
    add("--line", metavar="FILE:LINE", help="changes of this line alone")
    add("--sample", type=int, help="try so many changes, drawn at random")
    add("--seed", type=int, default=0, help="which ones")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    add("--at-least", type=float, default=0.85, help="share that must be noticed")
    add("--seconds", type=float, default=20, help="time of tests for each change")
    add("--slowest", type=float, default=60, help="tests that take longer are not used")
    add("--again", type=Path, metavar="FILE", help="only what such a file holds")
    add("--survivors", type=Path, metavar="FILE", help="write what was not noticed as JSON")
    return parser.parse_args()


def _choose(root: Path, options: argparse.Namespace) -> tuple[list[Mutant], Counter[str]]:
    """The changes to be tried, and how many of each folder are known to be equivalent."""
    file, _, line = (options.line or "").rpartition(":")
    files = files_of([file] if file else options.only)
    mutants = [m for f in files for m in find_mutants(f, (root / f).read_text())]
    equivalents = read_equivalents(EQUIVALENT)
    stale = find_stale((e for e in equivalents if e.file in files), mutants)
    if stale:
        sys.exit("\n".join(f"fits nothing any more: {entry}" for entry in stale))
    known = {(e.file, e.line, e.mutation) for e in equivalents}
    if line:
        mutants = [m for m in mutants if m.line == int(line)]
    if options.again:
        held = json.loads(options.again.read_text())
        missed = {(each["file"], each["text"], each["change"]) for each in held}
        mutants = [m for m in mutants if (m.file, m.text, m.change) in missed]
    n = len(mutants) if options.sample is None else min(options.sample, len(mutants))
    drawn = random.Random(options.seed).sample(mutants, n)
    chosen = [m for m in drawn if (m.file, m.text, m.change) not in known]
    print(f"{len(mutants)} changes are possible, {n} are tried", flush=True)
    return chosen, Counter(_folder(m) for m in drawn) - Counter(_folder(m) for m in chosen)


def _try(
    root: Path, chosen: list[Mutant], options: argparse.Namespace, *, interpreted: bool
) -> list[tuple[Mutant, bool]]:
    """Those that no test noticed, and whether a test runs them at all."""
    tests = {test for m in chosen for test in test_files_of(m.file)}
    reached = measure(
        root, sorted(tests), {m.file for m in chosen}, interpreted=interpreted,
        slowest=options.slowest, jobs=options.jobs,
    )  # fmt: skip
    # A file without functions is run by whoever imports it.
    every = list({reach.test: reach for some in reached.values() for reach in some}.values())
    tasks = [_task(m, reached.get(m.file, every), options.seconds) for m in chosen]
    by_name = {(m.file, m.index): m for m in chosen}
    survivors = []
    for task in [t for t in tasks if not t.tests]:
        survivors.append((by_name[task.file, task.number], False))
        print(f"no test runs {by_name[task.file, task.number]}", flush=True)
    left = {(t.file, t.number): t for t in tasks if t.tests}
    for by_import in (False, True):
        for name, survived, told in _attempt(
            root, list(left.values()), jobs=options.jobs, interpreted=interpreted
        ):
            if told == NOT_APPLIED and not by_import:
                continue
            del left[name]
            if survived:
                survivors.append((by_name[name], True))
                print(f"not noticed: {by_name[name]}", flush=True)
        left = {name: task._replace(by_import=True) for name, task in left.items()}
    if left:
        sys.exit(f"{len(left)} changes were not tried: {sorted(left)}")
    return survivors


def _task(mutant: Mutant, reached: list[Reach], most: float) -> Task:
    """A mutant with the tests that run it, the quickest first, up to so many seconds of them."""
    lines = set(range(mutant.span[0], mutant.span[1] + 1))
    fitting = [r for r in reached if not mutant.function or r.lines & lines]
    tests: list[str] = []
    seconds = 0.0
    for reach in sorted(fitting, key=lambda r: r.seconds):
        if tests and seconds + reach.seconds > most:
            break
        tests.append(reach.test)
        seconds += reach.seconds
    return Task(mutant.file, mutant.index, not mutant.function, tests, 10 + 5 * seconds)


def _attempt(
    root: Path, tasks: list[Task], *, jobs: int, interpreted: bool
) -> Iterator[tuple[Names, bool, str]]:
    works = [
        (["attempt"], "".join(json.dumps(task) + "\n" for task in tasks[start::jobs]))
        for start in range(jobs)
        if tasks[start:]
    ]
    for done, line in enumerate(run_workers(root, works, interpreted=interpreted), 1):
        file, number, survived, told, _ = json.loads(line)
        yield (file, number), survived, told
        if done % 50 == 0:
            print(f"{done} of {len(tasks)}", flush=True)


def _folder(mutant: Mutant) -> str:
    return str(Path(mutant.file).parent)


def _summarize(
    chosen: list[Mutant], survivors: list[tuple[Mutant, bool]], n_equivalent: Counter[str]
) -> None:
    tried = Counter(_folder(m) for m in chosen) + n_equivalent
    survived = Counter(_folder(m) for m, _ in survivors)
    tried["all"], survived["all"] = sum(tried.values()), sum(survived.values())
    n_equivalent["all"] = sum(n_equivalent.values())
    print(f"{'':44}  tried  noticed  equivalent  not noticed  share")
    for folder in sorted(tried, key=lambda folder: (folder == "all", folder)):
        n, missed, same = tried[folder], survived[folder], n_equivalent[folder]
        noticed = n - missed - same
        share = noticed / max(1, n)
        print(f"{folder:44}  {n:5}  {noticed:7}  {same:10}  {missed:11}  {share:5.0%}")


if __name__ == "__main__":
    sys.exit(main())
