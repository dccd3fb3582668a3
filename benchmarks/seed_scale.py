"""boldstream beside nilearn, numpy and a bare read of the file, at the scale of nilearn's example.

``python -m benchmarks.seed_scale`` makes an image of 857 volumes, runs every
way in a process of its own, and prints time, peak memory and ratios against
what this project asks of itself. Nothing else should run meanwhile.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import asked
from benchmarks.command import run_suite
from benchmarks.harness import MIB, Finished, Times, boldstream, python, run_process
from benchmarks.inputs import QUICK_SCALE, SEED_SCALE, Inputs, make_inputs
from benchmarks.rows import Ask, Row, figure
from benchmarks.settings import Group, Settings
from benchmarks.ways import RIVALS

SUITE = "seed_scale"
_COMMAND = "4 masks, command line"
_TITLES = {
    "nilearn_paths": "NiftiMasker, paths, 4 jobs",
    "nilearn_memory": "NiftiMasker, in memory, 4 jobs",
    "numpy_indexing": "numpy indexing, 4 jobs",
    "shared_memory": "SharedMemory, 4 jobs",
    "labels": "64 label means",
    "moments": "mean + std + tSNR",
    "everything": "labels, moments and 4 masks at once",
}
_RIVAL_SECONDS: Mapping[str, Ask] = {"nilearn_paths": asked.PATHS_SECONDS}
_RIVAL_PEAKS: Mapping[str, Ask] = {
    "nilearn_paths": asked.PATHS_PEAK,
    "numpy_indexing": asked.INDEXING_PEAK,
}
_STARTS = 20

_row = partial(figure, SUITE)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``boldstream extract`` with four masks: time beside the read-through, and peak."""

    seconds: Times
    reads: Times
    peak_mib: float

    @property
    def over_read(self) -> float:
        """Seconds beyond 1.10 times the read-through, as the median over the pairs."""
        pairs = zip(self.seconds.seconds, self.reads.seconds, strict=True)
        return statistics.median(own - 1.10 * read for own, read in pairs)


def run_way(way: str, inputs: Inputs, repeats: int, *, sample: bool) -> tuple[Any, Finished]:
    """Run one of `benchmarks.ways` and return what it printed, and its process."""
    arguments = (way, inputs.folder, inputs.bold, str(repeats))
    done = run_process(python("-m", "benchmarks.ways", *arguments), sample_memory=sample)
    return json.loads(done.output.splitlines()[-1]), done


def run_command_line(inputs: Inputs, repeats: int) -> tuple[CommandLine, list[float]]:
    """Time the command and a read-through in turn, then watch the memory of one more run."""
    own, reads = [], []
    for _ in range(repeats):
        reads.append(run_way("read", inputs, 1, sample=False)[0]["seconds"])
        own.append(_extract(inputs, sample=False)[0].seconds)
    watched, means = _extract(inputs, sample=True)
    peak = watched.peak_bytes / MIB
    return CommandLine(Times(tuple(own)), Times(tuple(reads)), peak), means


def _extract(inputs: Inputs, *, sample: bool) -> tuple[Finished, list[float]]:
    """Run the command, and return the means over time of what it wrote."""
    output = inputs.folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    masks = [argument for mask in inputs.masks for argument in ("--mask", mask)]
    command = boldstream("extract", inputs.bold, *masks, "--output", output)
    done = run_process(command, sample_memory=sample)
    series = [np.load(output / f"mask_{i}.npy") for i in range(1, len(inputs.masks) + 1)]
    shutil.rmtree(output)
    return done, [float(values.mean(dtype=np.float64)) for values in series]


def command_line_rows(image: str, own: CommandLine) -> Iterator[Row]:
    """Rows of the command line on its own."""
    n, reads, seconds = len(own.reads.seconds), own.reads.median, own.seconds.median
    yield _row(image, "bare read-through", reads, "s", n=n)
    yield _row(
        image,
        f"{_COMMAND}: time",
        seconds,
        "s",
        ask=asked.COMMAND_SECONDS,
        judged=own.over_read,
        peer="read",
        peer_value=reads,
        peak_mib=own.peak_mib,
        n=n,
        note=f"read + {seconds - reads:.2f} s, start-up included",
    )
    yield _row(image, f"{_COMMAND}: peak", own.peak_mib, "MiB", ask=asked.COMMAND_PEAK)


def rival_rows(image: str, inputs: Inputs, own: CommandLine, means: list[float]) -> Iterator[Row]:
    """Each rival beside the command line; all must have extracted the same numbers."""
    for way in RIVALS:
        measured, done = run_way(way, inputs, 1, sample=True)
        if not np.allclose(measured["means"], means, rtol=1e-5):
            raise RuntimeError(f"{way} gives other means ({measured['means']}) than {means}")
        peers, peak = _TITLES[way], done.peak_bytes / MIB
        yield _row(
            image,
            f"{_COMMAND}, beside {peers}: time",
            own.seconds.median,
            "s",
            ask=_RIVAL_SECONDS.get(way),
            peer=peers,
            peer_value=measured["seconds"],
            ratio=measured["seconds"] / own.seconds.median,
            ratio_unit="× faster",
            note="the peer once",
        )
        yield _row(
            image,
            f"{_COMMAND}, beside {peers}: peak",
            own.peak_mib,
            "MiB",
            ask=_RIVAL_PEAKS.get(way),
            peer=peers,
            peer_value=peak,
            ratio=peak / own.peak_mib,
            ratio_unit="× less",
        )


def pass_rows(image: str, inputs: Inputs, repeats: int) -> Iterator[Row]:
    """Rows of passes in process: time beside the read-through, peak beside the prediction."""
    for way, ask in asked.PASSES.items():
        measured, _ = run_way(way, inputs, repeats, sample=False)
        passes, reads = Times(tuple(measured["passes"])), Times(tuple(measured["reads"]))
        ratios = [p / r for p, r in zip(passes.seconds, reads.seconds, strict=True)]
        peak, predicted = measured["measured"] / MIB, measured["predicted"] / MIB
        yield _row(
            image,
            f"{_TITLES[way]}: time",
            passes.median,
            "s",
            ask=ask,
            peer="read",
            peer_value=reads.median,
            ratio=statistics.median(ratios),
            ratio_unit="× the read",
            peak_mib=peak,
            n=repeats,
            note=f"least {min(ratios):.2f} ×",
        )
        ask_peak = asked.MOMENTS_PEAK if way == "moments" else None
        yield _row(image, f"{_TITLES[way]}: peak", peak, "MiB", ask=ask_peak)
        yield _row(
            image,
            f"{_TITLES[way]}: predicted peak",
            predicted,
            "MiB",
            ask=asked.PREDICTED,
            peer="measured",
            peer_value=peak,
            ratio=predicted / peak,
            ratio_unit="× measured",
        )


def start_up_rows(settings: Settings) -> Iterator[Row]:
    """Rows of importing the package and of asking the program for help."""
    repeats = 3 if settings.quick else _STARTS
    bare = _times(lambda: run_process(python("-c", "pass")).seconds, repeats)
    full = _times(lambda: run_process(python("-c", "import boldstream")).seconds, repeats)
    yield _row(
        "",
        "import boldstream",
        1000 * full.median,
        "ms",
        ask=asked.IMPORT,
        judged=1000 * (full.median - bare.median),
        peer="bare Python",
        peer_value=1000 * bare.median,
        n=repeats,
        note=f"{1000 * (full.median - bare.median):.0f} ms more",
    )
    usage = _times(lambda: run_process(boldstream("--help")).seconds, repeats)
    yield _row("", "boldstream --help", 1000 * usage.median, "ms", ask=asked.HELP, n=repeats)


def _times(measure: Callable[[], float], repeats: int) -> Times:
    return Times(tuple(measure() for _ in range(repeats)))


def image_of(dtype: str, settings: Settings) -> Inputs:
    """The image, made on first use."""
    return make_inputs(settings.folder, QUICK_SCALE if settings.quick else SEED_SCALE, dtype)


def own_rows(dtype: str, settings: Settings) -> Iterator[Row]:
    """The command line, and passes in process."""
    inputs = image_of(dtype, settings)
    # Single runs of a second swing by a tenth.
    repeats = settings.repeats if settings.quick else 2 * settings.repeats + 1
    own, _ = run_command_line(inputs, repeats)
    yield from command_line_rows(dtype, own)
    yield from pass_rows(dtype, inputs, repeats)


def beside_rows(dtype: str, settings: Settings) -> Iterator[Row]:
    """The command line beside the others."""
    inputs = image_of(dtype, settings)
    own, means = run_command_line(inputs, settings.repeats)
    yield from rival_rows(dtype, inputs, own, means)


GROUPS: dict[str, Group] = {
    "start_up": start_up_rows,
    "float32": partial(own_rows, "float32"),
    "int16": partial(own_rows, "int16"),
    "rivals_float32": partial(beside_rows, "float32"),
    "rivals_int16": partial(beside_rows, "int16"),
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
