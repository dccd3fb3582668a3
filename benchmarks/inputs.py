"""The images that the benchmarks read: made once, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.stream_writing import open_volume_writer
from boldstream.simulate.head import Head, make_head, make_regions
from boldstream.simulate.images import write_bold, write_labels, write_masks

N_REGIONS = 64
N_MASKS = 4
N_FINE_REGIONS = 232
N_MAPS = 39
N_SEEDS = 264
N_CONFOUNDS = 6
CONDITIONS = ("face", "house", "tool")
T_R = 2.0

# Of the blobs that maps are made of: their SD, and the weight that counts as none.
_BLOB_MM = 12.0
_LEAST_WEIGHT = 0.05
# Voxels around the brain that its mask holds: 97 000 in all at the seed's scale.
_RIM_VOXELS = 3
# Of runs with a task, as a share of the brightness: SD of the noise, and the first
# condition's effect, which is where x is small.
_TASK_NOISE = 0.01
_TASK_EFFECT = 0.01
_EFFECT_SHARE = 1 / 3
# From voxel to voxel the autocorrelation of their noise rises from 0 to this.
_LARGEST_RHO = 0.6


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the images are."""

    shape: tuple[int, int, int]
    n_volumes: int
    voxel_size: float = 3.0

    def __str__(self) -> str:
        return "x".join(map(str, (*self.shape, self.n_volumes)))


# Six runs of the ADHD-200 sample, joined, as in nilearn's example of large images.
SEED_SCALE = Scale((61, 73, 61), 857)
# One run on the grid of the MNI template.
TEMPLATE_SCALE = Scale((91, 109, 91), 220, 2.0)
# A run as a scanner of twenty years ago gave it, and one longer than most are today.
RUN_SCALE = Scale((64, 64, 34), 209)
LONG_SCALE = Scale((91, 109, 91), 1200, 2.0)
QUICK_SCALE = Scale((21, 25, 21), 120)
QUICK_RUN_SCALE = Scale((20, 22, 16), 60)
QUICK_LONG_SCALE = Scale((21, 25, 21), 200)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A 4-D image, an atlas of 64 regions, and the first four regions as masks."""

    folder: Path
    bold: Path

    @property
    def atlas(self) -> Path:
        return self.folder / "atlas.nii.gz"

    @property
    def masks(self) -> tuple[Path, ...]:
        return tuple(self.folder / f"mask_{label}.nii.gz" for label in range(1, N_MASKS + 1))


@dataclass(frozen=True, slots=True)
class MaskerInputs(Inputs):
    """What maskers need more: a finer atlas, maps, a mask, seeds (mm) and confounds."""

    @property
    def fine_atlas(self) -> Path:
        return self.folder / "fine_atlas.nii.gz"

    @property
    def maps(self) -> Path:
        return self.folder / "maps.nii.gz"

    @property
    def brain(self) -> Path:
        return self.folder / "brain.nii.gz"

    @property
    def seeds(self) -> Path:
        return self.folder / "seeds.txt"

    @property
    def confounds(self) -> Path:
        return self.folder / "confounds.txt"

    @property
    def second_bold(self) -> Path:
        """Another image on the same grid; made by `make_second_bold`."""
        return self.folder / f"second_{self.bold.name}"


@dataclass(frozen=True, slots=True)
class GlmInputs:
    """Runs, the mask that models are fitted in, and the brain: the voxels that vary."""

    runs: tuple[Path, ...]
    mask: Path
    brain: Path

    @property
    def folder(self) -> Path:
        return self.mask.parent

    @property
    def arguments(self) -> dict[str, Any]:
        """The same as text, for a process of its own."""
        return {
            "runs": [str(run) for run in self.runs],
            "mask": str(self.mask),
            "brain": str(self.brain),
        }


def make_inputs(folder: Path, scale: Scale, dtype: str) -> Inputs:
    """Make the images, or take those that an earlier run made."""
    inputs = Inputs(folder / str(scale), folder / str(scale) / f"bold_{dtype}.nii.gz")
    wanted = (inputs.bold, inputs.atlas, *inputs.masks)
    if all(path.exists() for path in wanted):
        return inputs
    inputs.folder.mkdir(parents=True, exist_ok=True)
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    regions = make_regions(head, N_REGIONS)
    write_labels(inputs.atlas, regions, head.grid)
    write_masks(inputs.folder, regions, head.grid, N_MASKS)
    write_bold(inputs.bold, head, scale.n_volumes, dtype=dtype)
    return inputs


def make_masker_inputs(folder: Path, scale: Scale, dtype: str) -> MaskerInputs:
    """Make the images and all that the maskers need, or take what an earlier run made."""
    made = make_inputs(folder, scale, dtype)
    inputs = MaskerInputs(made.folder, made.bold)
    wanted = (inputs.fine_atlas, inputs.maps, inputs.brain, inputs.seeds, inputs.confounds)
    if all(path.exists() for path in wanted):
        return inputs
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    rng = np.random.default_rng(0)
    write_labels(inputs.fine_atlas, make_regions(head, N_FINE_REGIONS), head.grid)
    _write_maps(inputs.maps, head)
    write_brain(inputs.brain, head, rim=_RIM_VOXELS)
    voxels = rng.choice(np.argwhere(head.brain), N_SEEDS, replace=False)
    places = voxels @ head.grid.affine[:3, :3].T + head.grid.affine[:3, 3]
    np.savetxt(inputs.seeds, np.rint(places), fmt="%d")
    # They wander as the motion of a head does.
    np.savetxt(inputs.confounds, rng.normal(size=(scale.n_volumes, N_CONFOUNDS)).cumsum(axis=0))
    return inputs


def write_brain(path: Path, head: Head, *, rim: int = 0) -> None:
    """Write the mask of a brain and of so many voxels around it."""
    from scipy.ndimage import binary_dilation

    mask = binary_dilation(head.brain, iterations=rim) if rim else head.brain
    write_labels(path, mask, head.grid)


def _write_maps(path: Path, head: Head) -> None:
    """Write blobs around the middles of regions; they overlap with those of their neighbours."""
    regions = make_regions(head, N_MAPS)
    axes = np.ogrid[tuple(slice(n) for n in head.grid.shape)]
    with open_volume_writer(path, head.grid, N_MAPS, np.float32) as writer:
        for label in range(1, N_MAPS + 1):
            middle = np.argwhere(regions == label).mean(axis=0)
            sizes = head.grid.voxel_sizes
            steps = zip(axes, middle, sizes, strict=True)
            squared = sum(((axis - at) * size / _BLOB_MM) ** 2 for axis, at, size in steps)
            blob = np.exp(-squared / 2)
            writer.write(np.where(head.brain & (blob > _LEAST_WEIGHT), blob, 0))


def make_second_bold(inputs: MaskerInputs, scale: Scale, dtype: str) -> None:
    """Make another image of the same head, or take that of an earlier run."""
    if not inputs.second_bold.exists():
        head = make_head(scale.shape, voxel_size=scale.voxel_size)
        write_bold(inputs.second_bold, head, scale.n_volumes, dtype=dtype, seed=1)


def make_glm_inputs(folder: Path, scale: Scale, dtype: str) -> GlmInputs:
    """Make the image of `make_inputs` and its masks, or take what an earlier run made.

    The mask is a rim wider than the brain. Outside the brain the image is 0.
    """
    made = make_inputs(folder, scale, dtype)
    inputs = GlmInputs((made.bold,), made.folder / "brain.nii.gz", made.folder / "head.nii.gz")
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    for path, rim in ((inputs.mask, _RIM_VOXELS), (inputs.brain, 0)):
        if not path.exists():
            write_brain(path, head, rim=rim)
    return inputs


def make_task_inputs(folder: Path, scale: Scale, dtype: str, n_runs: int) -> GlmInputs:
    """Make runs with an effect and autocorrelated noise, or take those of an earlier run."""
    made = folder / str(scale)
    runs = tuple(made / f"run_{run}_{dtype}.nii.gz" for run in range(1, n_runs + 1))
    inputs = GlmInputs(runs, made / "head.nii.gz", made / "head.nii.gz")
    if all(path.exists() for path in (*runs, inputs.mask)):
        return inputs
    made.mkdir(parents=True, exist_ok=True)
    head = make_head(scale.shape, voxel_size=scale.voxel_size)
    write_brain(inputs.mask, head)
    for events, run in zip(make_events(inputs, scale), runs, strict=True):
        with open_volume_writer(run, head.grid, scale.n_volumes, dtype, tr=T_R) as writer:
            for volume in _task_volumes(head, scale.n_volumes, events):
                writer.write(volume)
    return inputs


def make_events(inputs: GlmInputs, scale: Scale, n_trials: int | None = None) -> list[Path]:
    """Write for each run so many trials, or one in 14 s; made anew they are the same."""
    seconds = scale.n_volumes * T_R
    n = n_trials or round(seconds / 14)
    paths = []
    for run in range(1, len(inputs.runs) + 1):
        rng = np.random.default_rng(run)
        # The last response is over before the run is.
        onsets = np.linspace(4, seconds - 20, n) + rng.uniform(0, 2, n)
        names = rng.permutation(np.resize(CONDITIONS, n))
        lines = [f"{onset:.2f}\t1\t{name}\n" for onset, name in zip(onsets, names, strict=True)]
        paths.append(inputs.folder / f"events_{n}_run_{run}.tsv")
        paths[-1].write_text("onset\tduration\ttrial_type\n" + "".join(lines))
    return paths


def _task_volumes(head: Head, n_volumes: int, events: Path) -> Iterator[NDArray[np.float32]]:
    """Rest, the response to the first condition, and noise; each overwrites the one before."""
    import pandas as pd
    from nilearn.glm.first_level import make_first_level_design_matrix

    table = pd.read_csv(events, sep="\t")
    rng = np.random.default_rng(list(events.name.encode()))
    times = T_R * np.arange(n_volumes)
    response = make_first_level_design_matrix(times, table, drift_model=None)[CONDITIONS[0]]
    rest = head.brightness.ravel(order="F")[head.rows]
    responds = head.rows % head.grid.shape[0] < _EFFECT_SHARE * head.grid.shape[0]
    effect = _TASK_EFFECT / response.max() * responds
    rho = np.linspace(0, _LARGEST_RHO, len(rest), dtype=np.float32)
    fresh = np.sqrt(1 - rho**2)
    noise: NDArray[Any] = rng.standard_normal(len(rest), dtype=np.float32)
    flat = np.zeros(head.grid.n_voxels, np.float32)
    for height in response:
        flat[head.rows] = rest * (1 + height * effect + _TASK_NOISE * noise)
        yield head.grid.volume_of(flat)
        noise = rho * noise + fresh * rng.standard_normal(len(rest), dtype=np.float32)
