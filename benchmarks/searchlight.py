"""Searchlights beside nilearn's: time, peak memory, equality.

``python -m benchmarks.searchlight`` makes trials of a whole brain, runs every
way in a process of its own, ours and nilearn's in turn where they are timed
together, and prints what was asked and measured. Kernels are compiled before
the clock runs. nilearn does some spheres only, and what it would take for all
of them and all permutations is reckoned from these. Nothing else should run
meanwhile.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.searchlight_brains import (
    memory_rows,
    neighbourhoods_rows,
    tfce_rows,
    whole_brain_rows,
)
from benchmarks.searchlight_spheres import (
    first_call_rows,
    labellings_rows,
    one_core_rows,
    threads_rows,
)
from benchmarks.searchlight_study import FULL, QUICK, Study
from benchmarks.seed_scale import Row, print_table

GROUPS: dict[str, Callable[[Study], Iterator[Row]]] = {
    "one_core": one_core_rows,
    "labellings": labellings_rows,
    "whole_brain": whole_brain_rows,
    "tfce": tfce_rows,
    "threads": threads_rows,
    "neighbourhoods": neighbourhoods_rows,
    "first_call": first_call_rows,
    "memory": memory_rows,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.searchlight", description=__doc__)
    default = Path(__file__).parent / "images"
    parser.add_argument(
        "--folder", type=Path, default=default, help="keeps the trials, 2.5 GB (%(default)s)"
    )
    parser.add_argument("--only", action="append", choices=[*GROUPS], help="may be given again")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--whole", action="store_true", help="all spheres also where a tenth is done otherwise"
    )
    parser.add_argument("--quick", action="store_true", help="a small brain; nothing is judged")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    return parser.parse_args()


def main() -> None:
    """Run what is asked for and print the table."""
    options = _arguments()
    sizes = QUICK if options.quick else FULL
    study = Study(options.folder.absolute(), sizes, options.repeats, options.whole)
    wanted = [group for group in GROUPS if group in (options.only or GROUPS)]
    rows: list[Row] = []
    try:
        for group in wanted:
            rows += GROUPS[group](study)
    finally:
        # An hour of work is shown even where its end fails.
        print_table(rows, judged=not options.quick)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
