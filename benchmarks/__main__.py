"""Every figure that is asked of this library, each beside its peer, in one table.

``python -m benchmarks`` takes more than an hour and wants the machine for
itself; ``--quick`` takes minutes on small images and judges nothing. What was
found is in benchmarks/results.json after each group, docs/benchmarks.md and
README are made of it. Misses are told and no failure; the exit code is 1 where
a figure could not be taken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import page, readme
from benchmarks.command import add_settings, end_cleanly, settings_of
from benchmarks.misses import read_sentences, sentence_of
from benchmarks.registry import QUICK_MINUTES, all_groups, wanted_groups
from benchmarks.results import FULL, QUICK, Results, ResultsError
from benchmarks.rows import counted, print_table
from benchmarks.runner import Run, check_room, take_all


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add_settings(parser)
    parser.add_argument("--list", action="store_true", help="name the groups, and do nothing")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a suite or a group; may be given again"
    )
    parser.add_argument(
        "--also",
        action="append",
        metavar="GROUP",
        help="take an optional group, too; or with --resume one anew that is there",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep groups that are there, if revision and machine are the same",
    )
    parser.add_argument("--output", type=Path, help=f"file of the results ({FULL.name}; with "
                        f"--quick or --only {QUICK.name})")  # fmt: skip
    return parser.parse_args()


def output_of(options: argparse.Namespace) -> Path:
    """Where results go: never small or single ones over the full ones.

    Raises
    ------
    ResultsError
        If that is asked for.
    """
    partly = options.quick or bool(options.only)
    output: Path = options.output or (QUICK if partly else FULL)
    if partly and output.resolve() == FULL.resolve():
        raise ResultsError(f"{FULL.name} holds full results: name another file, or give --also")
    return output


def run_of(options: argparse.Namespace) -> Run:
    """What is asked for, and what is there of it."""
    groups = wanted_groups(options.only, options.also)
    output, results = output_of(options), Results(options.quick)
    if options.resume and output.exists():
        results = Results.read(output)
        if not results.is_of_this_machine(options.quick):
            raise ResultsError(
                f"{output.name} is of another machine, other versions or other sizes; without "
                "--resume it is replaced"
            )
    return Run(groups, settings_of(options), output, results, frozenset(options.also or ()))


def tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


def show(results: Results) -> None:
    """The table, how many passed, and what is said of misses."""
    print_table(results.rows, judged=not results.quick)
    n = len(list(results.rows))
    print(f"{n} figures, not judged" if results.quick else counted(results.rows))
    sentences = read_sentences()
    for row in () if results.quick else results.misses:
        print(f"miss: {row.key}: {row.got}, asked {row.asked}. {sentence_of(row, sentences)}")
    for name, taken in results.groups.items():
        if taken.state != "done":
            print(f"{taken.state}: {name}: {taken.why}")


def finish(run: Run) -> bool:
    """Make the pages that rest on full results; whether they could be made."""
    if run.output.resolve() != FULL.resolve():
        return True
    page.write(run.results)
    try:
        readme.write(run.results)
    except ResultsError as error:
        tell(f"README and the comparison stay as they are: {error}")
        return False
    return True


def main() -> int:
    """Take what is asked for; 1 where a figure could not be taken."""
    options = _arguments()
    if options.list:
        for group in all_groups():
            print(f"{group.key:<32} about {group.minutes:g} min")
        return 0
    end_cleanly()
    try:
        run = run_of(options)
        groups = run.missing
        needed, free = check_room(groups, run.settings)
    except (ResultsError, ValueError) as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return 2
    minutes = sum(group.minutes for group in groups)
    if options.quick:
        minutes *= QUICK_MINUTES / sum(group.minutes for group in wanted_groups(None, None))
    tell(f"{len(groups)} groups of figures, about {minutes:.0f} min on a quiet machine; "
         f"{needed:.1f} GB needed, {free:.0f} GB free")  # fmt: skip
    good = False
    try:
        good = take_all(run, tell)
    except KeyboardInterrupt:
        tell("interrupted; go on with --resume")
        return 130
    finally:
        show(run.results)
    return 0 if finish(run) and good else 1


if __name__ == "__main__":
    sys.exit(main())
