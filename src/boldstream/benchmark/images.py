"""The images that are read: the user's, or made up; and masks in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.labels import load_labels
from boldstream.io.masks import load_mask
from boldstream.io.opening import open_image
from boldstream.simulate.head import Head, make_head, make_regions
from boldstream.simulate.images import Effect, write_bold, write_labels, write_masks
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Mean

N_MASKS = 4
# As the atlas has from which nilearn's example takes its four regions.
_N_REGIONS = 64
_FEWEST_VOXELS = 8
# The sizes of regions in the claims about loading, and as shares of a brain that is smaller.
_REGION_VOXELS = (1_000, 5_000, 10_000)


@dataclass(frozen=True, eq=False)
class Image:
    """A 4-D image and the mask of its brain.

    Attributes
    ----------
    name : str
        In words.
    bold, brain : Path
    head : Head
        Its grid and brain.
    n_volumes : int
    made_up : bool
    """

    name: str
    bold: Path
    brain: Path
    head: Head
    n_volumes: int
    made_up: bool

    @property
    def grid(self) -> Grid:
        return self.head.grid

    @property
    def decoded_bytes(self) -> int:
        """Size as float32."""
        return self.grid.n_voxels * self.n_volumes * 4

    @property
    def size(self) -> str:
        """The same for people."""
        return format_bytes(self.decoded_bytes)


def make_image(
    folder: Path,
    shape: tuple[int, int, int],
    n_volumes: int,
    *,
    name: str = "bold",
    dtype: str = "float32",
    effects: Sequence[Effect] = (),
) -> Image:
    """Write a made-up image and the mask of its brain."""
    head = make_head(shape)
    bold, brain = folder / f"{name}_{n_volumes}.nii.gz", folder / f"{name}_brain.nii.gz"
    write_labels(brain, head.brain, head.grid)
    write_bold(bold, head, n_volumes, dtype=dtype, effects=effects)
    words = " × ".join(map(str, (*shape, n_volumes)))
    return Image(f"made up, {words}, {dtype}", bold, brain, head, n_volumes, made_up=True)


def open_users_image(folder: Path, bold: Path) -> Image:
    """Open a user's image; its brain are the voxels that are brighter than the average.

    Raises
    ------
    BoldstreamError
        If it cannot be read.
    ParameterError
        If it is no 4-D image, or equally bright everywhere.
    """
    source = open_image(bold)
    series = source.series
    if series.n_volumes < 2:
        raise ParameterError(f"{bold} must be a 4-D image of 2 volumes at least, got 1")
    (mean,) = stream_once(source, [Mean()])
    values = np.nan_to_num(np.asarray(mean, np.float32), posinf=0.0, neginf=0.0)
    inside = values > values.mean(dtype=np.float64)
    if not inside.any():
        raise ParameterError(f"{bold} must be brighter in some voxels than in others")
    brain = folder / "brain.nii.gz"
    write_labels(brain, inside, series.grid)
    words = " × ".join(map(str, (*series.grid.shape, series.n_volumes)))
    head = Head(series.grid, inside, values)
    name = f"{bold.name}, {words}, {series.dtype}"
    return Image(name, bold.absolute(), brain, head, series.n_volumes, made_up=False)


def make_masks(folder: Path, image: Image) -> tuple[Path, ...]:
    """Four regions of a brain, as masks."""
    n_regions = min(_N_REGIONS, int(image.head.brain.sum()) // _FEWEST_VOXELS)
    if n_regions < N_MASKS:
        raise ParameterError(
            f"{image.bold} must have {N_MASKS * _FEWEST_VOXELS} voxels that are brighter than "
            "the average, to make regions of; give masks of your own (--mask)"
        )
    return write_masks(folder, make_regions(image.head, n_regions), image.grid, N_MASKS)


def place_masks(
    folder: Path, image: Image, masks: Mapping[str, Path], atlas: Path | None
) -> tuple[Path, ...]:
    """Write masks, and the first regions of an atlas, on the grid of an image (nearest).

    Raises
    ------
    MaskError
        If one cannot be used, or has no voxel there.
    """
    found: dict[str, NDArray[np.bool_]] = {
        name: load_mask(path, image.grid, resample="mask", name=str(path)).array
        for name, path in masks.items()
    }
    if atlas is not None:
        regions = load_labels(atlas, image.grid, resample="mask")
        there = [label for label in regions.labels.tolist() if (regions.array == label).any()]
        for label in there[:N_MASKS]:
            found[f"{atlas.name} {label}"] = regions.array == label
    paths = []
    for i, inside in enumerate(found.values(), start=1):
        paths.append(folder / f"mask_{i}.nii.gz")
        write_labels(paths[-1], inside, image.grid)
    if not paths:
        raise MaskError("give one mask or an atlas at least")
    return tuple(paths)


def region_sizes(n_voxels: int) -> tuple[int, ...]:
    """How many voxels the regions of a brain have that is so large.

    Examples
    --------
    >>> region_sizes(70_000), region_sizes(500)
    ((1000, 5000, 10000), (50, 250, 500))
    """
    largest = _REGION_VOXELS[-1]
    if n_voxels >= largest:
        return _REGION_VOXELS
    return tuple(max(1, n * n_voxels // largest) for n in _REGION_VOXELS)


def write_region(path: Path, brain: NDArray[Any], grid: Grid, n_voxels: int) -> Path:
    """Write the mask of so many voxels of a brain, here and there; smaller ones lie in larger."""
    inside = np.random.default_rng(0).permutation(np.flatnonzero(brain))
    region = np.zeros(brain.shape, np.bool_)
    region.flat[inside[:n_voxels]] = True
    write_labels(path, region, grid)
    return path
