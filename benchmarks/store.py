"""The store: how fast it is made and read, in what memory, beside loading the whole image.

``python -m benchmarks.store`` makes images of 1.2, 2.4 and 4.8 GiB (decoded),
runs every way in a process of its own, and prints a table: what is asked of
the store, what was measured, and what the system that it replaces claimed.
Nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import asked
from benchmarks.command import run_suite
from benchmarks.harness import MIB, Finished, python, run_process
from benchmarks.rows import Ask, Row, figure
from benchmarks.settings import Group, Settings
from boldstream.benchmark.images import write_region
from boldstream.benchmark.requests import Request
from boldstream.benchmark.running import run_request
from boldstream.simulate.head import Head, make_head
from boldstream.simulate.images import write_bold, write_labels

SUITE = "store"
SHAPE = (61, 73, 61)
QUICK_SHAPE = (31, 37, 31)
REGIONS = tuple(asked.FASTER_PERCENT)
N_PROCESSES = 8
GIBS = tuple(asked.SAVED_PERCENT)
QUICK_GIBS = (0.02, 0.04, 0.08)

_row = partial(figure, SUITE)


@dataclass(frozen=True, slots=True)
class StoreInputs:
    """One image, the mask of its brain, and regions in it."""

    folder: Path
    bold: Path

    @property
    def brain(self) -> Path:
        return self.folder / "brain.nii.gz"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def region(self, n_voxels: int) -> Path:
        return self.folder / f"region_{n_voxels}.nii.gz"


def make_inputs(folder: Path, shape: tuple[int, int, int], gib: float) -> StoreInputs:
    """Make an image of this size and its masks, or take those of an earlier run."""
    n_volumes = round(gib * (1 << 30) / (int(np.prod(shape)) * 4))
    place = folder / "x".join(map(str, (*shape, n_volumes)))
    inputs = StoreInputs(place, place / "bold.nii.gz")
    if inputs.bold.exists():
        return inputs
    place.mkdir(parents=True, exist_ok=True)
    head = make_head(shape)
    _write_masks(inputs, head)
    write_bold(inputs.bold, head, n_volumes)
    return inputs


def _write_masks(inputs: StoreInputs, head: Head) -> None:
    write_labels(inputs.brain, head.brain, head.grid)
    for n_voxels in REGIONS:
        write_region(inputs.region(n_voxels), head.brain, head.grid, n_voxels)


def run_way(way: str, *, sample: bool = False, **arguments: Any) -> tuple[Any, Finished]:
    """Run one of `benchmarks.store_ways` and return what it printed, and its process."""
    done = run_process(_command(way, arguments), sample_memory=sample)
    return json.loads(done.output.splitlines()[-1]), done


def _command(way: str, arguments: dict[str, Any]) -> list[str | Path]:
    text = json.dumps({name: _plain(value) for name, value in arguments.items()})
    return python("-m", "benchmarks.store_ways", way, text)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def making_rows(inputs: StoreInputs, repeats: int) -> Iterator[Row]:
    """How long and in what memory the store of the brain is made."""
    reads, seconds, peaks = [], [], []
    for _ in range(repeats):
        reads.append(run_way("read", bold=inputs.bold)[0]["seconds"])
        made, _ = run_way("make", bold=inputs.bold, mask=inputs.brain, folder=inputs.store)
        seconds.append(made["seconds"])
        peaks.append(made["peak"] / MIB)
    ratios = [own / read for own, read in zip(seconds, reads, strict=True)]
    yield _row(
        _size(inputs),
        "store made: time",
        statistics.median(seconds),
        "s",
        ask=asked.STORE_SECONDS,
        peer="read",
        peer_value=statistics.median(reads),
        ratio=statistics.median(ratios),
        ratio_unit="× the read",
        peak_mib=max(peaks),
        n=repeats,
        note=f"least {min(ratios):.2f} ×",
    )
    yield _row(_size(inputs), "store made: peak", max(peaks), "MiB", ask=asked.STORE_PEAK)


def reading_rows(inputs: StoreInputs, repeats: int) -> Iterator[Row]:
    """How fast a store that is there gives regions and volumes."""
    common: dict[str, Any] = {"bold": inputs.bold, "folder": inputs.store}
    found, _ = run_way("again", **common, mask=inputs.brain, n_voxels=1000, repeats=repeats)
    yield _again(inputs, "1 000 voxels, from the store", found["regions"], asked.REGION_AGAIN)
    yield _again(inputs, "one volume, from the store", found["volumes"], asked.VOLUME_AGAIN)
    last = int(inputs.folder.name.rpartition("x")[2]) - 1
    found, _ = run_way("volume", **common, t=last)
    slow, what = found["nibabel"], "last volume of .nii.gz, second time"
    yield _again(inputs, what, found["stored"], asked.LAST_VOLUME_AGAIN, nibabel=slow)


def _again(
    inputs: StoreInputs, what: str, seconds: Sequence[float], ask: Ask, nibabel: float | None = None
) -> Row:
    median = statistics.median(seconds)
    more: dict[str, Any] = {}
    if nibabel is not None:
        more = {"peer": "nibabel", "peer_value": 1000 * nibabel, "ratio": nibabel / median}
    return _row(
        _size(inputs),
        what,
        1000 * median,
        "ms",
        ask=ask,
        judged=1000 * median,
        n=len(seconds),
        ratio_unit="× faster" if more else "",
        note=f"most {1000 * max(seconds):.1f} ms",
        **more,
    )


def memory_rows(inputs: StoreInputs, gib: float) -> Iterator[Row]:
    """Peak of extracting a region, beside loading the whole image."""
    whole, ways = _ways_of(inputs, 1000)
    for name, way in ways.items():
        less = 100 * (1 - way["peak"] / whole["peak"])
        yield _row(
            _size(inputs),
            f"region of 1 000 voxels, {name}: peak",
            way["peak"] / MIB,
            "MiB",
            ask=asked.SAVED_PERCENT.get(gib, asked.SAVED_PERCENT[GIBS[0]]),
            peer="whole image",
            peer_value=whole["peak"] / MIB,
            ratio=less,
            ratio_unit="% less",
        )


def region_rows(inputs: StoreInputs) -> Iterator[Row]:
    """Time and peak of regions of several sizes, by each way."""
    for n_voxels, ask in asked.FASTER_PERCENT.items():
        whole, ways = _ways_of(inputs, n_voxels)
        for name, way in ways.items():
            yield _row(
                _size(inputs),
                f"region of {n_voxels} voxels, {name}: time",
                way["seconds"],
                "s",
                ask=ask,
                peer="whole image",
                peer_value=whole["seconds"],
                ratio=100 * (1 - way["seconds"] / whole["seconds"]),
                ratio_unit="% faster",
                peak_mib=way["peak"] / MIB,
                peer_peak_mib=whole["peak"] / MIB,
            )


def _ways_of(inputs: StoreInputs, n_voxels: int) -> tuple[Any, dict[str, Any]]:
    """A region from the whole image, and streamed and from the store; all are the same."""
    region, ways = inputs.region(n_voxels), {}
    whole, _ = run_way("whole", bold=inputs.bold, mask=region)
    ways["streamed"], _ = run_way("streamed", bold=inputs.bold, mask=region)
    ways["from the store"], _ = run_way(
        "stored", bold=inputs.bold, mask=region, brain=inputs.brain, store=inputs.store
    )
    for way in ways.values():
        if not np.isclose(way["mean"], whole["mean"], rtol=1e-6):
            raise RuntimeError(f"the means differ: {way['mean']} and {whole['mean']}")
    return whole, ways


def sharing_rows(inputs: StoreInputs) -> Iterator[Row]:
    """What each process more takes that reads the same store."""
    peaks = {}
    for n in (1, N_PROCESSES):
        _found, done = run_way(
            "share",
            sample=True,
            bold=inputs.bold,
            mask=inputs.brain,
            folder=inputs.store,
            n_processes=n,
        )
        peaks[n] = done.peak_bytes / MIB
    yield _row(
        _size(inputs),
        f"{N_PROCESSES} processes on one store: PSS of each more",
        (peaks[N_PROCESSES] - peaks[1]) / (N_PROCESSES - 1),
        "MiB",
        ask=asked.SHARED_PEAK,
        note=f"{peaks[1]:.0f} MiB with 1, {peaks[N_PROCESSES]:.0f} with {N_PROCESSES}",
    )


def limit_rows(inputs: StoreInputs, gib: float) -> Iterator[Row]:
    """Subjects in parallel, each process held to its share of less than one image (ulimit -v)."""
    total = int(gib * 2 * (1 << 30))
    files = {"bold": inputs.bold, "mask": inputs.region(1000), "folder": inputs.folder}
    arguments = {name: str(path) for name, path in files.items()}
    wanted = {"whole": asked.WHOLE_IN_LIMIT, "streamed": asked.OURS_IN_LIMIT}
    for n in (4, 8):
        share = total // n
        for way, ask in wanted.items():
            given = {**arguments, "way": way, "n": n, "at_once": n, "limit": share}
            found = run_request(Request("boldstream.benchmark.ways.memory", "subjects", given))
            if found.outcome == "failed":
                raise RuntimeError(found.why)
            yield _row(
                _size(inputs),
                f"{n} subjects at once, {share >> 20} MiB each, {way}",
                n if found.outcome == "done" else _finished(found.why),
                "subjects",
                ask=ask,
                judged=found.outcome == "done",
                note=found.why or "all finish",
            )


def _finished(why: str) -> int:
    """How many got done, as is said where not all did."""
    said = re.match(r"(\d+) of ", why)
    return int(said[1]) if said else 0


def _size(inputs: StoreInputs) -> str:
    return inputs.folder.name


def size_rows(place: int, settings: Settings) -> Iterator[Row]:
    """One image: its store made and read, and a region of it; more of the smallest."""
    gib = (QUICK_GIBS if settings.quick else GIBS)[place]
    shape = QUICK_SHAPE if settings.quick else SHAPE
    inputs = make_inputs(settings.folder / "store", shape, gib)
    try:
        yield from making_rows(inputs, settings.repeats)
        yield from memory_rows(inputs, gib)
        if place == 0:
            yield from reading_rows(inputs, 8 * settings.repeats)
            yield from region_rows(inputs)
            yield from sharing_rows(inputs)
            # A share of a small image would be less than Python itself takes.
            yield from () if settings.quick else limit_rows(inputs, gib)
    finally:
        shutil.rmtree(inputs.store, ignore_errors=True)


GROUPS: dict[str, Group] = {
    f"{gib:g}_gib": partial(size_rows, place) for place, gib in enumerate(GIBS)
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
