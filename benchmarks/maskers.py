"""The maskers beside nilearn's classes of the same name: time, peak memory, equality.

``python -m benchmarks.maskers`` makes images of 857 volumes at 3 mm and of 220
at 2 mm, runs every way in a process of its own, ours and nilearn's in turn,
and prints what was asked and measured. Peaks are those above a process that
does nothing but import. Nothing else should run meanwhile.
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

import numpy as np

from benchmarks import asked
from benchmarks.command import run_suite
from benchmarks.harness import MIB
from benchmarks.inputs import (
    N_MAPS,
    QUICK_SCALE,
    SEED_SCALE,
    TEMPLATE_SCALE,
    MaskerInputs,
    Scale,
    make_masker_inputs,
    make_second_bold,
    write_brain,
)
from benchmarks.pairs import (
    Asked,
    Pair,
    Way,
    imports_peak,
    largest_peak,
    pair_rows,
    run_pair,
    run_way,
)
from benchmarks.rows import Ask, Row, figure
from benchmarks.settings import Group, Settings
from benchmarks.ways import read_through
from boldstream.simulate.head import make_head

SUITE = "maskers"
_SMOOTHING_FWHM = 6.0

_row = partial(figure, SUITE)


@dataclass(frozen=True, slots=True)
class Image:
    """One of the images, and whether there is a second one to read beside it."""

    name: str
    scale: Scale
    dtype: str
    has_second: bool = False


IMAGES = (
    Image("857 float32", SEED_SCALE, "float32", has_second=True),
    Image("2 mm float32", TEMPLATE_SCALE, "float32"),
)
QUICK_IMAGES = (Image("quick", QUICK_SCALE, "float32", has_second=True),)


@dataclass(frozen=True, slots=True)
class Case:
    """A masker, and what is asked of its time and peak beside nilearn's.

    Where no share of the peak is asked, `most_peak` says what is.
    """

    masker: str
    what: str
    faster: Ask
    less: Ask | None = None
    cleaned: bool = False
    smoothing_fwhm: float | None = None

    def apart(self, dtype: str) -> Ask | None:
        """Difference that is asked for; None where nilearn cuts means to integers."""
        cuts = self.masker == "spheres" and np.dtype(dtype).kind != "f"
        return None if cuts else asked.ROUNDING

    @property
    def rounds(self) -> bool:
        """Whether nilearn adds up in float32: then the exact signals are looked at, too."""
        return self.masker in ("spheres", "maps")

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "masker": self.masker,
            "cleaned": self.cleaned,
            "smoothing_fwhm": self.smoothing_fwhm,
        }


_LABELS = (asked.LABELS_SECONDS, asked.LABELS_PEAK)
CASES = {
    "labels": (
        Case("labels", "64 labels", *_LABELS),
        Case("labels", "64 labels, cleaned", *_LABELS, cleaned=True),
        Case("fine_labels", "232 labels", *_LABELS),
        Case("fine_labels", "232 labels, cleaned", *_LABELS, cleaned=True),
    ),
    "spheres": (
        Case("spheres", "264 spheres", *_LABELS),
        Case("spheres", "264 spheres, cleaned", *_LABELS, cleaned=True),
    ),
    "maps": (Case("maps", f"{N_MAPS} maps", asked.MAPS_SECONDS),),
    "brain": (Case("brain", "brain, cleaned", asked.BRAIN_SECONDS, cleaned=True),),
    "smoothing": tuple(
        Case(masker, what, asked.SMOOTHED_SECONDS, smoothing_fwhm=_SMOOTHING_FWHM)
        for masker, what in (("region", "one region, smoothed"), ("labels", "64 labels, smoothed"))
    ),
}


def import_rows(_: Settings) -> Iterator[Row]:
    """What every peak below is counted from."""
    for library in ("boldstream", "nilearn"):
        peak = imports_peak(library) / MIB
        yield _row("", f"import {library}.maskers: peak", peak, "MiB")


def masker_rows(
    cases: Sequence[Case], image: Image, inputs: MaskerInputs, repeats: int
) -> Iterator[Row]:
    """Single maskers beside nilearn's; of small images the last of them."""
    for case in cases[-1:] if image in QUICK_IMAGES else cases:
        ours = Way("one", _paths(inputs) | case.arguments)
        theirs = replace(ours, package="nilearn")
        exact = replace(theirs, arguments={**theirs.arguments, "exact": True})
        pair = run_pair(ours, theirs, repeats, exact=exact if case.rounds else None)
        most = most_peak(case, image.scale, pair, ours)
        ask = Asked(case.faster, case.less, most, case.apart(image.dtype))
        yield from pair_rows(SUITE, image.name, case.what, pair, ask)


def float64_rows(image: Image, inputs: MaskerInputs, _: int) -> Iterator[Row]:
    """Values of both from the image in float64."""
    for case in (CASES[group][-1] for group in ("labels", "spheres", "maps")):
        ours = Way("one", _paths(inputs) | case.arguments | {"exact": True})
        pair = run_pair(ours, replace(ours, package="nilearn"), 1)
        what = f"{case.what}, float64: difference"
        yield _row(image.name, what, pair.apart, "", ask=asked.FLOAT64, peer="nilearn")


def most_peak(case: Case, scale: Scale, pair: Pair, ours: Way) -> tuple[Ask, float] | None:
    """What is asked of the peak above the imports, and the bytes that it may take in any case."""
    if case.smoothing_fwhm:
        plain = replace(ours, arguments={**ours.arguments, "smoothing_fwhm": None})
        with tempfile.TemporaryDirectory() as folder:
            peak = run_way(plain, Path(folder, "plain.npy")).peak
        return asked.SMOOTHED_PEAK, peak + max(30 * MIB, peak / 4)
    if case.masker == "maps":
        return asked.MAPS_PEAK, math.prod(scale.shape) * N_MAPS * 4
    if case.masker == "brain":
        return asked.BRAIN_PEAK, 1.5 * pair.ours[0].n_bytes
    return None


def _paths(inputs: MaskerInputs) -> dict[str, str]:
    return {"folder": str(inputs.folder), "bold": str(inputs.bold)}


def many_rows(image: Image, inputs: MaskerInputs, repeats: int) -> Iterator[Row]:
    """Four maskers from one decode, beside the same ones in turn."""
    own, other = Way("together", _paths(inputs)), Way("in_turn", _paths(inputs))
    pair, what = run_pair(own, other, repeats), "4 maskers at once"
    yield from pair_rows(SUITE, image.name, what, pair, Asked(), rival="in turn")
    yield _row(
        image.name,
        f"{what}: beside the read",
        statistics.median(run.seconds for run in pair.ours),
        "s",
        peer="read",
        peer_value=statistics.median(run.read for run in pair.ours),
        ratio=statistics.median(run.seconds / run.read for run in pair.ours),
        ratio_unit="× the read",
        n=repeats,
    )


def several_rows(image: Image, inputs: MaskerInputs, repeats: int) -> Iterator[Row]:
    """Two images by two jobs, beside one job and beside nilearn's two jobs."""
    if not image.has_second:
        return
    make_second_bold(inputs, image.scale, image.dtype)
    # nilearn's jobs are processes: the memory of all is counted together.
    one = Way("several", _paths(inputs) | {"n_jobs": 1}, has_children=True)
    two = replace(one, arguments={**one.arguments, "n_jobs": 2})
    what = "2 images, 64 labels, 2 jobs"
    pair = run_pair(two, one, repeats)
    yield from pair_rows(SUITE, image.name, f"{what}, beside 1", pair, Asked(), rival="1 job")
    pair = run_pair(two, replace(two, package="nilearn"), repeats)
    yield from pair_rows(SUITE, image.name, what, pair, Asked(apart=asked.ROUNDING))


def setup_rows(settings: Settings) -> Iterator[Row]:
    """Voxels of spheres of 8 mm: many of them, and as many as nilearn finishes."""
    scale = QUICK_SCALE if settings.quick else TEMPLATE_SCALE
    n_spheres, few = (2000, 200) if settings.quick else (20_000, 1000)
    mask = settings.folder / str(scale) / "head.nii.gz"
    mask.parent.mkdir(parents=True, exist_ok=True)
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    write_brain(mask, head)
    arguments, repeats = {"mask": str(mask), "radius": 8.0}, settings.repeats
    way = Way("sphere_setup", arguments | {"n_spheres": n_spheres})
    with tempfile.TemporaryDirectory() as output:
        runs = [run_way(way, Path(output, "spheres.npy")) for _ in range(repeats)]
    yield _row(
        f"{head.brain.sum()} voxels",
        f"{n_spheres} spheres set up",
        statistics.median(run.seconds for run in runs),
        "s",
        ask=asked.SPHERES_SETUP,
        peak_mib=largest_peak(runs) / MIB,
        n=repeats,
    )
    way = replace(way, arguments=arguments | {"n_spheres": few})
    pair = run_pair(way, replace(way, package="nilearn"), repeats)
    what = f"{few} spheres set up"
    yield from pair_rows(SUITE, f"{head.brain.sum()} voxels", what, pair, Asked())


ImageRows: TypeAlias = Callable[[Image, MaskerInputs, int], Iterator[Row]]

OF_IMAGES: dict[str, ImageRows] = {
    **{group: partial(masker_rows, cases) for group, cases in CASES.items()},
    "float64": float64_rows,
    "many": many_rows,
    "several": several_rows,
}


def image_rows(rows_of: ImageRows, settings: Settings) -> Iterator[Row]:
    """The same figures of one image after the other; in float64 of one, as all count alike."""
    images = QUICK_IMAGES if settings.quick else IMAGES
    for image in images[:1] if rows_of is float64_rows else images:
        inputs = make_masker_inputs(settings.folder, image.scale, image.dtype)
        read_through(inputs.bold)  # so that the first way, too, finds the file in memory
        yield from rows_of(image, inputs, settings.repeats)


GROUPS: dict[str, Group] = {
    "imports": import_rows,
    **{name: partial(image_rows, rows_of) for name, rows_of in OF_IMAGES.items()},
    "setup": setup_rows,
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
