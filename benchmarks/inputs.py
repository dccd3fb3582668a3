"""The images that the benchmarks read: made once, kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from boldstream.io.stream_writing import open_volume_writer
from boldstream.simulate.head import Head, make_head, make_regions
from boldstream.simulate.images import write_bold, write_labels, write_masks

N_REGIONS = 64
N_MASKS = 4
N_FINE_REGIONS = 232
N_MAPS = 39
N_SEEDS = 264
N_CONFOUNDS = 6

# Of the blobs that maps are made of: their SD, and the weight that counts as none.
_BLOB_MM = 12.0
_LEAST_WEIGHT = 0.05
# Voxels around the brain that its mask holds: 97 000 in all at the seed's scale.
_RIM_VOXELS = 3


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
QUICK_SCALE = Scale((31, 37, 31), 120)


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
