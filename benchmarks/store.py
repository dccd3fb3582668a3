"""The store: how fast it is made and read, in what memory, beside loading the whole image.

``python -m benchmarks.store`` makes images of 1.2, 2.4 and 4.8 GiB (decoded),
runs every way in a process of its own, and prints a table: what is asked of
the store, what was measured, and what the system that it replaces claimed.
Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import MIB, Finished, python, run_process
from benchmarks.seed_scale import Row, print_table
from boldstream.benchmark.images import write_region
from boldstream.benchmark.requests import Request
from boldstream.benchmark.running import run_request
from boldstream.simulate.head import Head, make_head
from boldstream.simulate.images import write_bold, write_labels

SHAPE = (61, 73, 61)
QUICK_SHAPE = (31, 37, 31)
REGIONS = (1000, 5000, 10_000)
N_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Claim:
    """An image, and what loading less of it was said to save."""

    gib: float
    saved_percent: int


CLAIMS = (Claim(1.2, 92), Claim(2.4, 92), Claim(4.8, 94))
QUICK_CLAIMS = (Claim(0.02, 92), Claim(0.04, 92))
CLAIMED_FASTER = {1000: 22, 5000: 29, 10_000: 34}


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
    ratios, seconds, peaks = [], [], []
    for _ in range(repeats):
        bare = run_way("read", bold=inputs.bold)[0]["seconds"]
        made, _ = run_way("make", bold=inputs.bold, mask=inputs.brain, folder=inputs.store)
        ratios.append(made["seconds"] / bare)
        seconds.append(made["seconds"])
        peaks.append(made["peak"] / MIB)
    ratio, image = statistics.median(ratios), _size(inputs)
    got = f"{ratio:.2f} × (least {min(ratios):.2f}, n = {repeats}): {min(seconds):.2f} s"
    yield Row(image, "store made: time", "≤ 1.35 × bare decode", got, ratio <= 1.35)
    got = f"{max(peaks):.0f} MiB"
    yield Row(image, "store made: peak", "≤ 150 MiB above imports", got, max(peaks) <= 150)


def reading_rows(inputs: StoreInputs, repeats: int) -> Iterator[Row]:
    """How fast a store that is there gives regions and volumes."""
    image = _size(inputs)
    common: dict[str, Any] = {"bold": inputs.bold, "folder": inputs.store}
    measured, _ = run_way("again", **common, mask=inputs.brain, n_voxels=1000, repeats=repeats)
    for what, key, most in (("1 000 voxels", "regions", 50), ("one volume", "volumes", 10)):
        yield _milliseconds(image, f"{what}, from the store", measured[key], most)
    last = int(inputs.folder.name.rpartition("x")[2]) - 1
    measured, _ = run_way("volume", **common, t=last)
    yield _milliseconds(image, "last volume of .nii.gz, second time", measured["stored"], 60)
    slow = measured["nibabel"]
    times = slow / statistics.median(measured["stored"])
    yield Row(image, "last volume, by nibabel", "", f"{slow:.2f} s, {times:.0f} × ours")


def _milliseconds(image: str, what: str, seconds: Sequence[float], most: float) -> Row:
    median = 1000 * statistics.median(seconds)
    got = f"{median:.1f} ms (most {1000 * max(seconds):.1f}, n = {len(seconds)})"
    return Row(image, what, f"≤ {most} ms", got, median <= most)


def memory_rows(inputs: StoreInputs, claim: Claim) -> Iterator[Row]:
    """Peak of extracting a region, beside loading the whole image."""
    image, region = _size(inputs), inputs.region(1000)
    whole, _ = run_way("whole", bold=inputs.bold, mask=region)
    streamed, _ = run_way("streamed", bold=inputs.bold, mask=region)
    stored, _ = run_way(
        "stored", bold=inputs.bold, mask=region, brain=inputs.brain, store=inputs.store
    )
    yield Row(image, "region, whole image loaded: peak", "", f"{whole['peak'] / MIB:.0f} MiB")
    for name, way in (("streamed", streamed), ("from the store", stored)):
        _require_same(way, whole)
        less = 100 * (1 - way["peak"] / whole["peak"])
        got = f"{less:.1f} % less: {way['peak'] / MIB:.0f} MiB"
        asked = f"≥ {claim.saved_percent} % less (claimed: {claim.saved_percent} %)"
        yield Row(image, f"region, {name}: peak", asked, got, less >= claim.saved_percent)


def region_rows(inputs: StoreInputs) -> Iterator[Row]:
    """Time and peak of regions of several sizes, by each way."""
    image = _size(inputs)
    for n_voxels in REGIONS:
        region = inputs.region(n_voxels)
        whole, _ = run_way("whole", bold=inputs.bold, mask=region)
        streamed, _ = run_way("streamed", bold=inputs.bold, mask=region)
        stored, _ = run_way(
            "stored", bold=inputs.bold, mask=region, brain=inputs.brain, store=inputs.store
        )
        claimed = f"claimed: {CLAIMED_FASTER[n_voxels]} % faster"
        for name, way in (("streamed", streamed), ("from the store", stored)):
            _require_same(way, whole)
            faster = 100 * (1 - way["seconds"] / whole["seconds"])
            less = 100 * (1 - way["peak"] / whole["peak"])
            got = (
                f"{faster:.0f} % faster ({way['seconds']:.3f} of {whole['seconds']:.2f} s), "
                f"{less:.1f} % less memory"
            )
            what = f"{n_voxels} voxels, {name}"
            yield Row(image, what, claimed, got, faster >= CLAIMED_FASTER[n_voxels])


def _require_same(way: dict[str, Any], whole: dict[str, Any]) -> None:
    if not np.isclose(way["mean"], whole["mean"], rtol=1e-6):
        raise RuntimeError(f"the means differ: {way['mean']} and {whole['mean']}")


def sharing_rows(inputs: StoreInputs) -> Iterator[Row]:
    """What each process more takes that reads the same store."""
    peaks = {}
    for n in (1, N_PROCESSES):
        _, done = run_way(
            "share",
            sample=True,
            bold=inputs.bold,
            mask=inputs.brain,
            folder=inputs.store,
            n_processes=n,
        )
        peaks[n] = done.peak_bytes / MIB
    grown = (peaks[N_PROCESSES] - peaks[1]) / (N_PROCESSES - 1)
    got = f"{grown:.0f} MiB ({peaks[1]:.0f} with 1, {peaks[N_PROCESSES]:.0f} with {N_PROCESSES})"
    what = f"{N_PROCESSES} processes on one store: PSS"
    yield Row(_size(inputs), what, "≤ 60 MiB for each more", got, grown <= 60)


def limit_rows(inputs: StoreInputs, claim: Claim) -> Iterator[Row]:
    """Subjects in parallel, each process held to its share of less than one image (ulimit -v)."""
    total = int(claim.gib * 2 * (1 << 30))
    files = {"bold": inputs.bold, "mask": inputs.region(1000), "folder": inputs.folder}
    arguments = {name: str(path) for name, path in files.items()}
    for n in (4, 8):
        share = total // n
        for way, name in (("whole", "whole images"), ("streamed", "streamed")):
            asked = {**arguments, "way": way, "n": n, "at_once": n, "limit": share}
            found = run_request(Request("boldstream.benchmark.ways.memory", "subjects", asked))
            wanted = "out of memory" if way == "whole" else "done"
            what = f"{n} subjects at once in {share / MIB:.0f} MiB each: {name}"
            got = found.why or found.outcome
            yield Row(_size(inputs), what, wanted, got, found.outcome == wanted)


def _size(inputs: StoreInputs) -> str:
    return inputs.folder.name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    default = Path(__file__).parent / "images" / "store"
    parser.add_argument(
        "--folder", type=Path, default=default, help="keeps the images (%(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="small images; nothing is judged")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    return parser.parse_args()


def main() -> None:
    """Make the images, run all ways, print the table."""
    options = _arguments()
    shape, claims = (QUICK_SHAPE, QUICK_CLAIMS) if options.quick else (SHAPE, CLAIMS)
    rows: list[Row] = []
    for i, claim in enumerate(claims):
        inputs = make_inputs(options.folder.absolute(), shape, claim.gib)
        rows += making_rows(inputs, options.repeats)
        rows += memory_rows(inputs, claim)
        if i == 0:
            rows += reading_rows(inputs, 4 * options.repeats)
            rows += region_rows(inputs)
            rows += sharing_rows(inputs)
            # A share of a small image would be less than Python itself takes.
            rows += [] if options.quick else limit_rows(inputs, claim)
        shutil.rmtree(inputs.store)
    print_table(rows, judged=not options.quick)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
