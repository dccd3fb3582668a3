"""First levels and betas of trials beside nilearn's: time, peak memory, equality.

``python -m benchmarks.glm`` makes four runs of 209 volumes, an image of 857
and one of 1200, runs every way in a process of its own, ours and nilearn's in
turn, and prints what was asked and measured. Peaks are those above a process
that does nothing but import. What is made is compared in the brain: in the rim
of the mask the image is 0, and so are effect and noise, but for rounding.
Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from benchmarks.glm_pairs import (
    imports_peak,
    one_cpu,
    run_alone,
    run_pair,
    run_way,
    same_labels,
)
from benchmarks.harness import MIB
from benchmarks.inputs import (
    CONDITIONS,
    LONG_SCALE,
    QUICK_LONG_SCALE,
    QUICK_RUN_SCALE,
    QUICK_SCALE,
    RUN_SCALE,
    SEED_SCALE,
    T_R,
    GlmInputs,
    Scale,
    make_events,
    make_glm_inputs,
    make_task_inputs,
)
from benchmarks.pairs import Asked, Run, Way, difference, largest_peak, pair_rows
from benchmarks.seed_scale import Row, print_table
from benchmarks.ways import read_through

_FEW_REGRESSORS = 20
_N_REFITS = 3


@dataclass(frozen=True, slots=True)
class Image:
    """One of the images, and what is measured with it.

    Where there are several runs they have a task; else it is the image of the
    other benchmarks. `less` is how many times nilearn's peak is asked for.
    """

    name: str
    scale: Scale
    dtype: str
    groups: tuple[str, ...]
    n_runs: int = 1
    less: float | None = None
    n_trials: tuple[int, ...] = ()

    def make(self, folder: Path) -> GlmInputs:
        """The files, made on first use."""
        if self.n_runs > 1:
            return make_task_inputs(folder, self.scale, self.dtype, self.n_runs)
        return make_glm_inputs(folder, self.scale, self.dtype)


_OF_ONE_RUN = ("first_level", "few_regressors", "one_core", "betas")
IMAGES = (
    Image("4 runs int16", RUN_SCALE, "int16", ("first_level",), n_runs=4),
    Image("4 runs float32", RUN_SCALE, "float32", ("first_level",), n_runs=4),
    Image("857 float32", SEED_SCALE, "float32", _OF_ONE_RUN, less=15, n_trials=(60, 120)),
    Image("1200 float32", LONG_SCALE, "float32", ("long",)),
)
QUICK_IMAGES = (
    Image("quick runs", QUICK_RUN_SCALE, "int16", ("first_level",), n_runs=2),
    Image("quick", QUICK_SCALE, "float32", _OF_ONE_RUN, less=15, n_trials=(6, 12)),
    Image("quick long", QUICK_LONG_SCALE, "float32", ("long",)),
)


def import_rows() -> Iterator[Row]:
    """What every peak below is counted from."""
    for library in ("nilearn", "boldstream"):
        got = f"{imports_peak(library) / MIB:.0f} MiB"
        yield Row("", f"import {library}.glm: peak", "", got)


def first_level_way(image: Image, inputs: GlmInputs, **options: Any) -> Way:
    """Our model of all runs; nilearn's is the same by another package."""
    events = [str(path) for path in make_events(inputs, image.scale)]
    return Way("first_level", {**inputs.arguments, "events": events, **options})


def betas_way(image: Image, inputs: GlmInputs, n_trials: int) -> Way:
    """Our betas of so many trials."""
    events = [str(path) for path in make_events(inputs, image.scale, n_trials)]
    return Way("betas", {**inputs.arguments, "events": events})


def few_regressors_way(image: Image, inputs: GlmInputs) -> Way:
    """Our model with a `high_pass` that leaves room for so many cosines."""
    n_cosines = _FEW_REGRESSORS - len(CONDITIONS) - 1
    # nilearn rounds ``2 * seconds * high_pass`` down to the number of cosines.
    high_pass = (n_cosines + 0.5) / (2 * T_R * image.scale.n_volumes)
    return first_level_way(image, inputs, high_pass=high_pass)


def first_level_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Models with all that nilearn takes by itself."""
    yield from _beside_nilearn(image, "AR(1)", first_level_way(image, inputs), repeats)


def few_regressors_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Models with few cosines."""
    what = f"AR(1), {_FEW_REGRESSORS} regressors"
    yield from _beside_nilearn(image, what, few_regressors_way(image, inputs), repeats)


def _beside_nilearn(image: Image, what: str, ours: Way, repeats: int) -> Iterator[Row]:
    theirs = replace(ours, package="nilearn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair, made = run_pair(ours, theirs, repeats, folder)
        yield from pair_rows(image.name, what, pair, Asked(3, image.less, most_apart=None))
        yield over_read_row(image.name, what, pair.ours, None)
        reference = run_exact(theirs, folder)
        yield apart_row(image.name, what, difference(made, reference), 1e-6)
        same = same_labels(made, reference)
    got = f"{100 * same:.4f} %"
    yield Row(image.name, f"{what}: same ρ bins", "≥ 99.99 %", got, same >= 0.9999)


def run_exact(theirs: Way, folder: Path) -> Path:
    """Run nilearn's way on the image in float64, untimed, and return where its maps are."""
    reference = folder / "exact.npy"
    run_way(replace(theirs, arguments={**theirs.arguments, "exact": True}), reference)
    return reference


def apart_row(image: str, what: str, apart: float, most: float) -> Row:
    """Difference from what nilearn makes of the image in float64."""
    what = f"{what}: from nilearn in float64"
    return Row(image, what, f"≤ {most:g}", f"{apart:.1e}", apart <= most)


def over_read_row(image: str, what: str, runs: Sequence[Run], most: float | None) -> Row:
    """Time beside the bare decode of the same images, right after."""
    over = statistics.median(run.seconds / run.read for run in runs)
    seconds = statistics.median(run.seconds for run in runs)
    got = f"{over:.2f} × read ({seconds:.2f} s; n = {len(runs)})"
    what = f"{what}: beside the read"
    if most is None:
        return Row(image, what, "", got)
    return Row(image, what, f"≤ {most:g} × read", got, over <= most)


def one_core_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """A model of few regressors, and betas, where the decode has no core to itself."""
    n_trials = image.n_trials[0]
    with one_cpu():
        runs = run_alone(few_regressors_way(image, inputs), repeats)
        what = f"AR(1), {_FEW_REGRESSORS} regressors, one core"
        yield over_read_row(image.name, what, runs, 1.8)
        runs = run_alone(betas_way(image, inputs, n_trials), repeats)
        yield over_read_row(image.name, f"LSS, {n_trials} trials, one core", runs, None)


def betas_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Least squares separate, beside a loop over trials with nilearn."""
    for n_trials in image.n_trials:
        what, ours = f"LSS, {n_trials} trials", betas_way(image, inputs, n_trials)
        runs = run_alone(ours, repeats)
        most = 1.5 if n_trials == image.n_trials[0] else None
        yield over_read_row(image.name, what, runs, most)
        yield from betas_peak_rows(image, what, ours, n_trials, largest_peak(runs))
        yield from refit_rows(image, what, ours, n_trials)


def betas_peak_rows(image: Image, what: str, ours: Way, n_trials: int, kept: int) -> Iterator[Row]:
    """Peak beside the size of the betas: those of the mask, and of the grid of their image."""
    with tempfile.TemporaryDirectory() as folder:
        output = {"folder": str(Path(folder, "betas"))}
        (run,) = run_alone(replace(ours, arguments={**ours.arguments, **output}), 1)
    of_mask = n_trials * voxels_of(ours.arguments["mask"])
    of_grid = n_trials * math.prod(image.scale.shape)
    for where, peak, voxels, n_betas in (
        ("image", kept, "mask", of_mask),
        ("image", kept, "grid", of_grid),
        ("folder", run.peak, "mask", of_mask),
    ):
        most = 8 * n_betas + 150 * MIB
        asked = f"≤ betas of the {voxels} + 150 MiB = {most / MIB:.0f} MiB"
        got = f"{peak / MIB:.0f} MiB"
        yield Row(image.name, f"{what}, into {where}: peak", asked, got, peak <= most)


def voxels_of(mask: str) -> int:
    """How many voxels a mask has."""
    image: Any = nib.load(mask)
    return int(np.count_nonzero(np.asarray(image.dataobj)))


def refit_rows(image: Image, what: str, ours: Way, n_trials: int) -> Iterator[Row]:
    """Beside models of single trials, once: these loops repeat the same many times by themselves.

    The image is masked once for all trials; or read anew for each, of which a
    few are timed.
    """
    theirs = Way("refit", ours.arguments, "nilearn")
    ours = replace(ours, arguments={**ours.arguments, "exact": True})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair, made = run_pair(ours, theirs, 1, folder)
        asked = Asked(100, most_apart=None)
        yield from pair_rows(image.name, f"{what}, refit", pair, asked)
        apart = difference(made, run_exact(theirs, folder))
    yield apart_row(image.name, what, apart, 1e-8)
    some = {**theirs.arguments, "n_trials": _N_REFITS}
    (run,) = run_alone(Way("refit_from_image", some, "nilearn"), 1)
    seconds = run.seconds * n_trials / _N_REFITS
    faster = seconds / pair.ours[0].seconds
    got = f"{faster:.0f} × (nilearn {seconds:.0f} s, scaled from {_N_REFITS} trials)"
    what = f"{what}, refit from the image: time"
    yield Row(image.name, what, "≥ 100 × faster", got, faster >= 100)


def long_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Ordinary least squares of a long run, whose peak is that of the whole process."""
    runs = run_alone(first_level_way(image, inputs, noise_model="ols"), repeats)
    yield over_read_row(image.name, "OLS", runs, None)
    above = largest_peak(runs)
    peak = above + imports_peak("boldstream")
    got = f"{peak / MIB:.0f} MiB, imports and all ({above / MIB:.0f} MiB without)"
    yield Row(image.name, "OLS: peak of the process", "≤ 1 GiB", got, peak <= 1024 * MIB)


GROUPS: dict[str, Callable[[Image, GlmInputs, int], Iterator[Row]]] = {
    "first_level": first_level_rows,
    "few_regressors": few_regressors_rows,
    "one_core": one_core_rows,
    "betas": betas_rows,
    "long": long_rows,
}


def all_rows(options: argparse.Namespace) -> Iterator[Row]:
    """Everything that was asked for, image by image."""
    yield from import_rows()
    for image in _images(options):
        wanted = [group for group in image.groups if group in (options.only or GROUPS)]
        if not wanted:
            continue
        inputs = image.make(options.folder.absolute())
        for run in inputs.runs:
            read_through(run)  # so that the first way, too, finds the file in memory
        for group in wanted:
            yield from GROUPS[group](image, inputs, options.repeats)


def _images(options: argparse.Namespace) -> Sequence[Image]:
    if options.quick:
        return QUICK_IMAGES
    return [image for image in IMAGES if not options.image or image.name in options.image]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.glm", description=__doc__)
    default = Path(__file__).parent / "images"
    parser.add_argument(
        "--folder", type=Path, default=default, help="keeps the images, 1.3 GB (%(default)s)"
    )
    parser.add_argument("--only", action="append", choices=[*GROUPS], help="may be given again")
    names = [image.name for image in IMAGES]
    parser.add_argument("--image", action="append", choices=names, help="may be given again")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a small image; nothing is judged")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    return parser.parse_args()


def main() -> None:
    """Run what is asked for and print the table."""
    options = _arguments()
    rows = list(all_rows(options))
    print_table(rows, judged=not options.quick)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
