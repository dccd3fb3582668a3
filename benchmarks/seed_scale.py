"""boldstream beside nilearn, numpy and a bare read of the file, at the scale of nilearn's example.

``python -m benchmarks.seed_scale`` makes an image of 857 volumes, runs every
way in a process of its own, and prints time, peak memory and ratios against
what this project asks of itself. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.harness import MIB, Finished, Times, boldstream, python, run_process
from benchmarks.inputs import QUICK_SCALE, SEED_SCALE, Inputs, make_inputs
from benchmarks.ways import RIVALS

_START_UP_SECONDS = 0.35
_MOST_OVER_READ = {"labels": 1.15, "moments": 1.25, "everything": 1.35}
_MOST_PEAK_MIB = {"moments": 150.0}
_TITLES = {
    "nilearn_paths": "NiftiMasker, paths, 4 jobs",
    "nilearn_memory": "NiftiMasker, in memory, 4 jobs",
    "numpy_indexing": "numpy indexing, 4 jobs",
    "shared_memory": "SharedMemory, 4 jobs",
    "labels": "64 label means",
    "moments": "mean + std + tSNR",
    "everything": "labels, moments and 4 masks at once",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `passed` is None where nothing is asked."""

    image: str
    what: str
    asked: str
    got: str
    passed: bool | None = None


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
    most = f"read × 1.10 + {_START_UP_SECONDS} s"
    got = f"{own.seconds}, read + {own.seconds.median - own.reads.median:.3f} s"
    yield Row(image, "bare read-through", "", str(own.reads))
    yield Row(image, "4 masks, command line: time", most, got, own.over_read <= _START_UP_SECONDS)
    yield Row(
        image,
        "4 masks, command line: peak",
        "≤ 120 MiB",
        f"{own.peak_mib:.0f} MiB",
        own.peak_mib <= 120,
    )


def rival_rows(image: str, inputs: Inputs, own: CommandLine, means: list[float]) -> Iterator[Row]:
    """Each rival beside the command line; all must have extracted the same numbers."""
    least_times_peak = {"nilearn_paths": 60.0, "numpy_indexing": 30.0}
    least_times_seconds = {"nilearn_paths": 12.0}
    for way in RIVALS:
        measured, done = run_way(way, inputs, 1, sample=True)
        if not np.allclose(measured["means"], means, rtol=1e-5):
            raise RuntimeError(f"{way} gives other means ({measured['means']}) than {means}")
        seconds, peak = measured["seconds"], done.peak_bytes / MIB
        slower, larger = seconds / own.seconds.median, peak / own.peak_mib
        yield _at_least(image, f"{_TITLES[way]}: time", f"{seconds:.1f} s", slower,
                        least_times_seconds.get(way))  # fmt: skip
        yield _at_least(image, f"{_TITLES[way]}: peak", f"{peak:.0f} MiB", larger,
                        least_times_peak.get(way))  # fmt: skip


def _at_least(image: str, what: str, value: str, times: float, least: float | None) -> Row:
    got = f"{value}, {times:.1f} × ours"
    if least is None:
        return Row(image, what, "", got)
    return Row(image, what, f"≥ {least:g} × ours", got, times >= least)


def pass_rows(image: str, inputs: Inputs, repeats: int) -> Iterator[Row]:
    """Rows of passes in process: time beside the read-through, peak beside the prediction."""
    for way, most in _MOST_OVER_READ.items():
        measured, _ = run_way(way, inputs, repeats, sample=False)
        passes, reads = Times(tuple(measured["passes"])), Times(tuple(measured["reads"]))
        ratios = [p / r for p, r in zip(passes.seconds, reads.seconds, strict=True)]
        ratio = statistics.median(ratios)
        got = f"{ratio:.3f} × (least {min(ratios):.3f}): {passes}, read {reads}"
        yield Row(image, f"{_TITLES[way]}: time", f"≤ {most} × read", got, ratio <= most)

        peak, predicted = measured["measured"] / MIB, measured["predicted"] / MIB
        most_peak = _MOST_PEAK_MIB.get(way)
        asked = f"≤ {most_peak:g} MiB" if most_peak else ""
        small = peak <= most_peak if most_peak else None
        yield Row(image, f"{_TITLES[way]}: peak", asked, f"{peak:.0f} MiB", small)
        share = predicted / peak
        got = f"{predicted:.0f} MiB, {share:.2f} × measured"
        good = 0.9 <= share <= 1.25
        yield Row(image, f"{_TITLES[way]}: predicted peak", "0.90 to 1.25 × measured", got, good)


def start_up_rows(repeats: int) -> Iterator[Row]:
    """Rows of importing the package and of asking the program for help."""
    bare = _times(lambda: run_process(python("-c", "pass")).seconds, repeats)
    full = _times(lambda: run_process(python("-c", "import boldstream")).seconds, repeats)
    extra = 1000 * (full.median - bare.median)
    got = f"{extra:.0f} ms: {full}, bare {bare}"
    yield Row("", "import boldstream", "≤ 120 ms over bare Python", got, extra <= 120)
    usage = _times(lambda: run_process(boldstream("--help")).seconds, repeats)
    yield Row("", "boldstream --help", "≤ 300 ms", str(usage), usage.median <= 0.3)


def _times(measure: Callable[[], float], repeats: int) -> Times:
    return Times(tuple(measure() for _ in range(repeats)))


def print_table(rows: Sequence[Row], *, judged: bool) -> None:
    """Print what was asked and got; figures of a small image are not judged."""
    table = Table("image", "what", "asked", "got", "")
    verdicts = {None: "", True: "pass", False: "[red]miss[/red]"}
    for row in rows:
        verdict = verdicts[row.passed] if judged else ""
        table.add_row(row.image, row.what, row.asked, row.got, verdict)
    Console(width=None if Console().is_terminal else 160).print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seed_scale", description=__doc__)
    default = Path(__file__).parent / "images"
    parser.add_argument(
        "--folder", type=Path, default=default, help="keeps the images (%(default)s)"
    )
    parser.add_argument("--dtype", action="append", choices=["float32", "int16"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a small image; nothing is judged")
    parser.add_argument("--no-rivals", action="store_true", help="leave out nilearn and numpy")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    return parser.parse_args()


def main() -> None:
    """Make the images, run all ways, print the table."""
    options = _arguments()
    rows = list(start_up_rows(3 if options.quick else 20))
    for dtype in options.dtype or ["float32", "int16"]:
        scale = QUICK_SCALE if options.quick else SEED_SCALE
        inputs = make_inputs(options.folder.absolute(), scale, dtype)
        own, means = run_command_line(inputs, options.repeats)
        rows += command_line_rows(dtype, own)
        rows += pass_rows(dtype, inputs, options.repeats)
        if not options.no_rivals:
            rows += rival_rows(dtype, inputs, own, means)
    print_table(rows, judged=not options.quick)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
