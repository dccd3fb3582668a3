"""What users run: `boldstream benchmark`, as rows of this table.

``python -m benchmarks.packaged`` compares loading, the mean, one volume and a
searchlight of one slice with nibabel and nilearn at the size of their
examples. Its masks and its memory are those of `seed_scale` and `store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.command import run_suite
from benchmarks.harness import MIB
from benchmarks.rows import Row, figure
from benchmarks.searchlight_runs import variable
from benchmarks.settings import Group, Settings
from boldstream.benchmark import cases, results
from boldstream.benchmark.compare import compare_ways
from boldstream.benchmark.inputs import Asked
from boldstream.benchmark.sizes import parse_size

SUITE = "packaged"


def seed_rows(seed: str, settings: Settings) -> Iterator[Row]:
    """Each way beside ours of the same task; all have made the same numbers."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    with variable("BOLDSTREAM_CACHE", settings.folder):
        size = parse_size("small" if settings.quick else "seed")
        found = compare_ways(Asked(size=size), [seed], repeats=settings.repeats)
    if found.problems:
        raise RuntimeError("; ".join(found.problems))
    for row in found.rows:
        reference = found.reference(row)
        if reference is None or reference is row:
            continue
        yield from _beside(seed, row, reference)


def _beside(seed: str, row: cases.Row, reference: cases.Row) -> Iterator[Row]:
    """Ours beside another way; or another of ours beside the first."""
    ours, theirs = reference.repeats, row.repeats
    seconds, peak = results.seconds(ours), results.peak_bytes(ours) / MIB
    other, others = results.seconds(theirs), results.peak_bytes(theirs) / MIB
    task = f"{row.case.task}: " if row.case.task else ""
    row_of = partial(figure, SUITE, seed)
    yield row_of(
        f"{task}{reference.case.title}, beside {row.case.title}",
        seconds,
        "s",
        peer=row.case.title,
        peer_value=other,
        ratio=other / seconds,
        ratio_unit="× faster",
        peak_mib=peak,
        peer_peak_mib=others,
        n=len(ours),
        note=row.case.table,
    )


GROUPS: dict[str, Group] = {seed: partial(seed_rows, seed) for seed in ("loading", "searchlight")}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
