"""Searchlights beside nilearn's: time, peak memory, equality.

``python -m benchmarks.searchlight`` makes trials of a whole brain, runs every
way in a process of its own, ours and nilearn's in turn where they are timed
together, and prints what was asked and measured. Kernels are compiled before
the clock runs. nilearn does some spheres only, and what it would take for all
of them and all permutations is reckoned from these. Nothing else should run
meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from benchmarks.command import run_suite
from benchmarks.rows import Row
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
from benchmarks.searchlight_study import SUITE, Study
from benchmarks.settings import Group, Settings

StudyRows: TypeAlias = Callable[[Study], Iterator[Row]]

OF_STUDIES: dict[str, StudyRows] = {
    "one_core": one_core_rows,
    "labellings": labellings_rows,
    "whole_brain": whole_brain_rows,
    "tfce": tfce_rows,
    "threads": threads_rows,
    "neighbourhoods": neighbourhoods_rows,
    "first_call": first_call_rows,
    "memory": memory_rows,
}


def study_rows(rows_of: StudyRows, settings: Settings) -> Iterator[Row]:
    """The figures of a group."""
    return rows_of(Study.of(settings))


GROUPS: dict[str, Group] = {
    name: partial(study_rows, rows_of) for name, rows_of in OF_STUDIES.items()
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
