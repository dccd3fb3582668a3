"""The maskers beside nilearn's classes of the same name: time, peak memory, equality.

``python -m benchmarks.maskers`` makes images of 857 volumes at 3 mm and of 220
at 2 mm, runs every way in a process of its own, ours and nilearn's in turn,
and prints what was asked and measured. Peaks are those above a process that
does nothing but import. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

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
from benchmarks.seed_scale import Row, print_table
from benchmarks.ways import read_through
from boldstream.simulate.head import make_head

# As a share of a column's largest value.
_ROUNDING = 1e-5
_SMOOTHING_FWHM = 6.0
_SETUP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Image:
    """One of the images, and whether there is a second one to read beside it."""

    name: str
    scale: Scale
    dtype: str
    has_second: bool = False


IMAGES = (
    Image("857 float32", SEED_SCALE, "float32", has_second=True),
    Image("857 int16", SEED_SCALE, "int16"),
    Image("2 mm float32", TEMPLATE_SCALE, "float32"),
)
QUICK_IMAGES = (Image("quick", QUICK_SCALE, "float32", has_second=True),)


@dataclass(frozen=True, slots=True)
class Case:
    """A masker, and how many times nilearn's time and peak it shall save.

    Where no share of the peak is asked, `most_peak` says what is.
    """

    masker: str
    what: str
    faster: float
    less: float | None = None
    cleaned: bool = False
    smoothing_fwhm: float | None = None

    def most_apart(self, dtype: str) -> float | None:
        """Difference that is asked for; None where nilearn cuts means to integers."""
        cuts = self.masker == "spheres" and np.dtype(dtype).kind != "f"
        return None if cuts else _ROUNDING

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


CASES = {
    "labels": (
        Case("labels", "64 labels", 5, 15),
        Case("labels", "64 labels, cleaned", 5, 15, cleaned=True),
        Case("fine_labels", "232 labels", 5, 15),
        Case("fine_labels", "232 labels, cleaned", 5, 15, cleaned=True),
    ),
    "spheres": (
        Case("spheres", "264 spheres", 5, 15),
        Case("spheres", "264 spheres, cleaned", 5, 15, cleaned=True),
    ),
    "maps": (Case("maps", f"{N_MAPS} maps", 3),),
    "brain": (Case("brain", "brain, cleaned", 2, cleaned=True),),
    "smoothing": (
        Case("region", "one region, smoothed", 2, smoothing_fwhm=_SMOOTHING_FWHM),
        Case("labels", "64 labels, smoothed", 2, smoothing_fwhm=_SMOOTHING_FWHM),
    ),
}


def import_rows() -> Iterator[Row]:
    """What every peak below is counted from."""
    for library in ("nilearn", "boldstream"):
        got = f"{imports_peak(library) / MIB:.0f} MiB"
        yield Row("", f"import {library}.maskers: peak", "", got)


def masker_rows(
    cases: Sequence[Case], image: Image, inputs: MaskerInputs, repeats: int
) -> Iterator[Row]:
    """Single maskers beside nilearn's."""
    for case in cases:
        ours = Way("one", _paths(inputs) | case.arguments)
        theirs = replace(ours, package="nilearn")
        exact = replace(theirs, arguments={**theirs.arguments, "exact": True})
        pair = run_pair(ours, theirs, repeats, exact=exact if case.rounds else None)
        most = most_peak(case, image.scale, pair, ours)
        asked = Asked(case.faster, case.less, most, case.most_apart(image.dtype))
        yield from pair_rows(image.name, case.what, pair, asked)


def most_peak(case: Case, scale: Scale, pair: Pair, ours: Way) -> tuple[str, float] | None:
    """The most that a case may take above its imports, in words and in bytes."""
    if case.smoothing_fwhm:
        plain = replace(ours, arguments={**ours.arguments, "smoothing_fwhm": None})
        with tempfile.TemporaryDirectory() as folder:
            peak = run_way(plain, Path(folder, "plain.npy")).peak
        return "unsmoothed + 30 MiB or 25 %", peak + max(30 * MIB, peak / 4)
    if case.masker == "maps":
        return "maps + 100 MiB", math.prod(scale.shape) * N_MAPS * 4 + 100 * MIB
    if case.masker == "brain":
        return "1.5 × output + 150 MiB", 1.5 * pair.ours[0].n_bytes + 150 * MIB
    return None


def _paths(inputs: MaskerInputs) -> dict[str, str]:
    return {"folder": str(inputs.folder), "bold": str(inputs.bold)}


def many_rows(image: Image, inputs: MaskerInputs, repeats: int) -> Iterator[Row]:
    """Four maskers from one decode, beside the same ones in turn."""
    own, other = Way("together", _paths(inputs)), Way("in_turn", _paths(inputs))
    pair = run_pair(own, other, repeats)
    yield from pair_rows(image.name, "4 maskers at once", pair, Asked(), rival="in turn")
    over = statistics.median(run.seconds / run.read for run in pair.ours)
    yield Row(image.name, "4 maskers at once: beside the read", "", f"{over:.2f} × read")


def several_rows(image: Image, inputs: MaskerInputs, repeats: int) -> Iterator[Row]:
    """Two images by two jobs, beside one job and beside nilearn's two jobs."""
    if not image.has_second:
        return
    make_second_bold(inputs, image.scale, image.dtype)
    # nilearn's jobs are processes: the memory of all is counted together.
    one = Way("several", _paths(inputs) | {"n_jobs": 1}, has_children=True)
    two = replace(one, arguments={**one.arguments, "n_jobs": 2})
    what = "2 images, 64 labels, 2 jobs"
    yield from pair_rows(image.name, what, run_pair(two, one, repeats), Asked(), rival="1 job")
    pair = run_pair(two, replace(two, package="nilearn"), repeats)
    yield from pair_rows(image.name, what, pair, Asked(most_apart=_ROUNDING))


IMAGE_GROUPS: dict[str, Callable[[Image, MaskerInputs, int], Iterator[Row]]] = {
    **{group: partial(masker_rows, cases) for group, cases in CASES.items()},
    "many": many_rows,
    "several": several_rows,
}
GROUPS = (*IMAGE_GROUPS, "setup")


def setup_rows(folder: Path, repeats: int, *, quick: bool) -> Iterator[Row]:
    """Voxels of spheres of 8 mm: many of them, and as many as nilearn finishes."""
    scale = QUICK_SCALE if quick else TEMPLATE_SCALE
    n_spheres, few = (2000, 200) if quick else (20_000, 1000)
    mask = folder / str(scale) / "head.nii.gz"
    mask.parent.mkdir(parents=True, exist_ok=True)
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    write_brain(mask, head)
    arguments = {"mask": str(mask), "radius": 8.0}
    way = Way("sphere_setup", arguments | {"n_spheres": n_spheres})
    with tempfile.TemporaryDirectory() as output:
        runs = [run_way(way, Path(output, "spheres.npy")) for _ in range(repeats)]
    seconds = statistics.median(run.seconds for run in runs)
    what = f"{n_spheres} spheres over {head.brain.sum()} voxels"
    got = f"{seconds:.2f} s (n = {repeats}), peak {largest_peak(runs) / MIB:.0f} MiB"
    yield Row("", what, f"≤ {_SETUP_SECONDS:g} s", got, seconds <= _SETUP_SECONDS)
    way = replace(way, arguments=arguments | {"n_spheres": few})
    pair = run_pair(way, replace(way, package="nilearn"), repeats)
    yield from pair_rows("", f"{few} of them", pair, Asked())


def all_rows(options: argparse.Namespace) -> Iterator[Row]:
    """Everything that was asked for, image by image."""
    groups, repeats = options.only or GROUPS, options.repeats
    folder = options.folder.absolute()
    yield from import_rows()
    wanted = [group for group in groups if group in IMAGE_GROUPS]
    for image in _images(options) if wanted else ():
        inputs = make_masker_inputs(folder, image.scale, image.dtype)
        read_through(inputs.bold)  # so that the first way, too, finds the file in memory
        for group in wanted:
            yield from IMAGE_GROUPS[group](image, inputs, repeats)
    if "setup" in groups:
        yield from setup_rows(folder, repeats, quick=options.quick)


def _images(options: argparse.Namespace) -> Sequence[Image]:
    if options.quick:
        return QUICK_IMAGES
    return [image for image in IMAGES if not options.image or image.name in options.image]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.maskers", description=__doc__)
    default = Path(__file__).parent / "images"
    parser.add_argument(
        "--folder", type=Path, default=default, help="keeps the images (%(default)s)"
    )
    parser.add_argument("--only", action="append", choices=GROUPS, help="may be given again")
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
