"""First levels and betas of trials beside nilearn's: time, peak memory, equality.

``python -m benchmarks.glm`` makes four runs of 209 volumes, an image of 857
and one of 1200, runs every way in a process of its own, ours and nilearn's in
turn, and prints what was asked and measured. Peaks are those above a process
that does nothing but import. What is made is compared in the brain: in the rim
of the mask the image is 0, and so are effect and noise, but for rounding.
Nothing else should run meanwhile.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np

from benchmarks import asked
from benchmarks.command import run_suite
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
from benchmarks.rows import Ask, Row, figure
from benchmarks.settings import Group, Settings
from benchmarks.ways import read_through

SUITE = "glm"
_FEW_REGRESSORS = 20
_N_REFITS = 3

_row = partial(figure, SUITE)


@dataclass(frozen=True, slots=True)
class Image:
    """One of the images, and what is measured with it.

    Where there are several runs they have a task; else it is the image of the
    other benchmarks. `less` is what is asked of nilearn's peak as a multiple of ours.
    """

    name: str
    scale: Scale
    dtype: str
    groups: tuple[str, ...]
    n_runs: int = 1
    less: Ask | None = None
    n_trials: tuple[int, ...] = ()

    def make(self, folder: Path) -> GlmInputs:
        """The files, made on first use."""
        if self.n_runs > 1:
            return make_task_inputs(folder, self.scale, self.dtype, self.n_runs)
        return make_glm_inputs(folder, self.scale, self.dtype)


_OF_ONE_RUN = ("first_level", "few_regressors", "one_core", "betas")
_LESS = asked.AR1_PEAK
IMAGES = (
    Image("4 runs int16", RUN_SCALE, "int16", ("first_level",), n_runs=4),
    Image("4 runs float32", RUN_SCALE, "float32", ("first_level",), n_runs=4),
    Image("857 float32", SEED_SCALE, "float32", _OF_ONE_RUN, less=_LESS, n_trials=(60, 120)),
    Image("1200 float32", LONG_SCALE, "float32", ("long",)),
)
QUICK_IMAGES = (
    Image("quick runs", QUICK_RUN_SCALE, "int16", ("first_level",), n_runs=2),
    Image("quick", QUICK_SCALE, "float32", _OF_ONE_RUN, less=_LESS, n_trials=(6, 12)),
    Image("quick long", QUICK_LONG_SCALE, "float32", ("long",)),
)


def import_rows(_: Settings) -> Iterator[Row]:
    """What every peak below is counted from."""
    for library in ("boldstream", "nilearn"):
        peak = imports_peak(library) / MIB
        yield _row("", f"import {library}.glm: peak", peak, "MiB")


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
    ours = few_regressors_way(image, inputs)
    yield from _beside_nilearn(image, what, ours, repeats, asked.AR1_READ)


def _beside_nilearn(
    image: Image, what: str, ours: Way, repeats: int, over_read: Ask | None = None
) -> Iterator[Row]:
    theirs, ask = replace(ours, package="nilearn"), Asked(asked.AR1_SECONDS, image.less)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair, made = run_pair(ours, theirs, repeats, folder)
        yield from pair_rows(SUITE, image.name, what, pair, ask, compared=False)
        yield over_read_row(image.name, what, pair.ours, over_read)
        reference = run_exact(theirs, folder)
        yield apart_row(image.name, what, difference(made, reference), asked.AR1_APART)
        same = same_labels(made, reference)
    yield _row(image.name, f"{what}: same ρ bins", 100 * same, "%", ask=asked.SAME_BINS)


def run_exact(theirs: Way, folder: Path) -> Path:
    """Run nilearn's way on the image in float64, untimed, and return where its maps are."""
    reference = folder / "exact.npy"
    run_way(replace(theirs, arguments={**theirs.arguments, "exact": True}), reference)
    return reference


def apart_row(image: str, what: str, apart: float, ask: Ask) -> Row:
    """Difference from what nilearn makes of the image in float64."""
    return _row(image, f"{what}: from nilearn in float64", apart, "", ask=ask, peer="nilearn")


def over_read_row(image: str, what: str, runs: Sequence[Run], ask: Ask | None) -> Row:
    """Time beside the bare decode of the same images, right after."""
    return _row(
        image,
        f"{what}: beside the read",
        statistics.median(run.seconds for run in runs),
        "s",
        ask=ask,
        peer="read",
        peer_value=statistics.median(run.read for run in runs),
        ratio=statistics.median(run.seconds / run.read for run in runs),
        ratio_unit="× the read",
        peak_mib=largest_peak(runs) / MIB,
        n=len(runs),
    )


def one_core_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """A model of few regressors, and betas, where the decode has no core to itself."""
    n_trials = image.n_trials[0]
    with one_cpu():
        runs = run_alone(few_regressors_way(image, inputs), repeats)
        what = f"AR(1), {_FEW_REGRESSORS} regressors, one core"
        yield over_read_row(image.name, what, runs, asked.AR1_READ)
        runs = run_alone(betas_way(image, inputs, n_trials), repeats)
        yield over_read_row(image.name, f"LSS, {n_trials} trials, one core", runs, None)


def betas_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Least squares separate, beside a loop over trials with nilearn."""
    for n_trials in image.n_trials:
        what, ours = f"LSS, {n_trials} trials", betas_way(image, inputs, n_trials)
        runs = run_alone(ours, repeats)
        ask = asked.LSS_READ if n_trials == image.n_trials[0] else None
        yield over_read_row(image.name, what, runs, ask)
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
        yield _row(
            image.name,
            f"{what}, into {where}, voxels of the {voxels}: peak",
            peak / MIB,
            "MiB",
            ask=asked.LSS_PEAK,
            judged=(peak - 8 * n_betas) / MIB,
            note=f"betas take {8 * n_betas / MIB:.0f} MiB",
        )


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
        ask = Asked(asked.LSS_SECONDS)
        yield from pair_rows(SUITE, image.name, f"{what}, refit", pair, ask, compared=False)
        apart = difference(made, run_exact(theirs, folder))
    yield apart_row(image.name, what, apart, asked.LSS_APART)
    some = {**theirs.arguments, "n_trials": _N_REFITS}
    (run,) = run_alone(Way("refit_from_image", some, "nilearn"), 1)
    seconds, own = run.seconds * n_trials / _N_REFITS, pair.ours[0].seconds
    yield _row(
        image.name,
        f"{what}, refit from the image: time",
        own,
        "s",
        ask=asked.LSS_SECONDS,
        peer="nilearn",
        peer_value=seconds,
        ratio=seconds / own,
        ratio_unit="× faster",
        note=f"nilearn scaled from {_N_REFITS} trials",
    )


def long_rows(image: Image, inputs: GlmInputs, repeats: int) -> Iterator[Row]:
    """Ordinary least squares of a long run, whose peak is that of the whole process."""
    runs = run_alone(first_level_way(image, inputs, noise_model="ols"), repeats)
    yield over_read_row(image.name, "OLS", runs, None)
    above = largest_peak(runs)
    peak = (above + imports_peak("boldstream")) / MIB
    note = f"{above / MIB:.0f} MiB without the imports"
    yield _row(image.name, "OLS: peak of the process", peak, "MiB", ask=asked.OLS_PEAK, note=note)


ImageRows: TypeAlias = Callable[[Image, GlmInputs, int], Iterator[Row]]

OF_IMAGES: dict[str, ImageRows] = {
    "first_level": first_level_rows,
    "few_regressors": few_regressors_rows,
    "one_core": one_core_rows,
    "betas": betas_rows,
    "long": long_rows,
}


def image_rows(name: str, settings: Settings) -> Iterator[Row]:
    """The figures of a group, image by image."""
    for image in QUICK_IMAGES if settings.quick else IMAGES:
        if name in image.groups:
            inputs = image.make(settings.folder)
            for run in inputs.runs:
                read_through(run)  # so that the first way, too, finds the file in memory
            yield from OF_IMAGES[name](image, inputs, settings.repeats)


GROUPS: dict[str, Group] = {
    "imports": import_rows,
    **{name: partial(image_rows, name) for name in OF_IMAGES},
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
