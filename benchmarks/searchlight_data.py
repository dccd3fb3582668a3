"""Trials that searchlights are measured with: made once, kept in a folder."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.io.stream_writing import open_volume_writer
from boldstream.simulate.images import write_labels

# Of noise, in voxels; and of the region where classes differ, as a share of the half axes.
_SMOOTHNESS = 0.6
_REGION_SHARE = 0.25
# SD of the classes' patterns there, where that of noise is 1.
_EFFECT = 0.5


@dataclass(frozen=True, slots=True)
class Trials:
    """Responses to trials in an ellipsoid, run after run.

    Attributes
    ----------
    name : str
    half_axes : tuple of float
        Of the ellipsoid, in voxels.
    n_samples, n_runs, n_classes : int
        In each run classes come equally often, or nearly so, in random order.
    holes : float
        Share of its voxels that the mask leaves out, here and there.
    voxel_size, radius : float
        In mm.
    """

    name: str
    half_axes: tuple[float, float, float]
    n_samples: int
    n_runs: int
    n_classes: int = 2
    holes: float = 0.1
    voxel_size: float = 3.2
    radius: float = 8.0

    @property
    def grid(self) -> Grid:
        """A voxel wider than the ellipsoid on each side."""
        x, y, z = (2 * math.floor(half) + 3 for half in self.half_axes)
        return Grid((x, y, z), np.diag([*[self.voxel_size] * 3, 1.0]))

    def ellipsoid(self, share: float = 1.0, at: float = 0.0) -> NDArray[np.bool_]:
        """Voxels of the ellipsoid, or of a smaller one that is moved along x by so many axes."""
        shape = self.grid.shape
        x, y, z = np.ogrid[tuple(slice(n) for n in shape)]
        squared = np.zeros(shape)
        for index, n, half, shift in zip((x, y, z), shape, self.half_axes, (at, 0, 0), strict=True):
            squared = squared + (((index - (n - 1) / 2) / half - shift) / share) ** 2
        return squared <= 1

    def mask(self) -> NDArray[np.bool_]:
        """The ellipsoid without its holes."""
        inside = self.ellipsoid()
        kept = np.random.default_rng(1).random(inside.shape) >= self.holes
        return inside & kept


# 35 000 voxels, of which 67 lie within 8 mm of one, as in whole brains at 3.2 mm.
_BRAIN = (19.1, 24.1, 20.2)
TRIALS_56 = Trials("56 samples", _BRAIN, 56, 4)
TRIALS_216 = Trials("216 samples", _BRAIN, 216, 12)
CLASSES_8 = Trials("56 samples, 8 classes", _BRAIN, 56, 4, n_classes=8)
# 18 voxels within 4.8 mm, where none is left out.
SMALL_SPHERES = Trials("216 samples, small spheres", _BRAIN, 216, 12, holes=0.0, radius=4.8)
# 230 000 voxels of 2 mm.
LARGE = Trials("1200 samples", (34.2, 43.2, 37.2), 1200, 12, holes=0.0, voxel_size=2.0)

_QUICK = (4.6, 5.6, 5.1)
QUICK_TRIALS = Trials("quick", _QUICK, 24, 4)
QUICK_CLASSES = Trials("quick, 4 classes", _QUICK, 32, 4, n_classes=4)
QUICK_SMALL = Trials("quick, small spheres", _QUICK, 48, 4, holes=0.0, radius=4.8)
QUICK_LARGE = Trials("quick, large", (9.2, 10.2, 9.7), 96, 4, holes=0.0, voxel_size=2.0)


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """Files of trials: an image, a mask, and a table of classes and runs."""

    bold: Path
    mask: Path
    labels: Path
    radius: float

    @property
    def arguments(self) -> dict[str, Any]:
        """The same as text, for a process of its own."""
        return {
            "bold": str(self.bold),
            "mask": str(self.mask),
            "labels": str(self.labels),
            "radius": self.radius,
        }


def make_trials(folder: Path, trials: Trials) -> TrialInputs:
    """Write the files, or take those that an earlier run wrote."""
    grid = trials.grid
    place = folder / f"trials_{'x'.join(map(str, grid.shape))}"
    what = f"{trials.n_samples}x{trials.n_classes}"
    inputs = TrialInputs(
        place / f"bold_{what}.nii",
        place / f"mask_{trials.holes:g}.nii.gz",
        place / f"labels_{what}.tsv",
        trials.radius,
    )
    place.mkdir(parents=True, exist_ok=True)
    if not inputs.mask.exists():
        write_labels(inputs.mask, trials.mask(), grid)
    codes, runs = _labels(trials)
    if not inputs.bold.exists():
        with open_volume_writer(inputs.bold, grid, trials.n_samples, np.float32) as writer:
            for volume in _volumes(trials, codes):
                writer.write(volume)
    lines = [f"class_{code}\t{run}\n" for code, run in zip(codes, runs, strict=True)]
    inputs.labels.write_text("trial_type\trun\n" + "".join(lines))
    return inputs


def read_trials(labels: str | Path) -> tuple[list[str], list[int]]:
    """The class and the run of each sample."""
    with Path(labels).open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["trial_type"] for row in rows], [int(row["run"]) for row in rows]


def _labels(trials: Trials) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.arange(trials.n_samples)
    runs = order * trials.n_runs // trials.n_samples
    rng = np.random.default_rng(0)
    each = [rng.permutation(order[runs == run] % trials.n_classes) for run in range(trials.n_runs)]
    return np.concatenate(each), runs + 1


def _volumes(trials: Trials, codes: NDArray[np.intp]) -> Iterator[NDArray[np.float32]]:
    """Smooth noise and, in one region, a pattern of each class; 0 outside of the ellipsoid."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(2)
    shape, inside = trials.grid.shape, trials.ellipsoid()
    region = trials.ellipsoid(_REGION_SHARE, at=0.5)
    patterns = _EFFECT * rng.standard_normal((trials.n_classes, *shape), np.float32) * region
    point = np.zeros((15, 15, 15))
    point[7, 7, 7] = 1
    sd = np.linalg.norm(gaussian_filter(point, _SMOOTHNESS))
    for code in codes:
        noise = gaussian_filter(rng.standard_normal(shape, np.float32), _SMOOTHNESS) / sd
        yield np.where(inside, noise + patterns[code], 0).astype(np.float32)
