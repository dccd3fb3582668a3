"""Maps of subjects: one after the other, each on the grid of the mask and without NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError, NonFiniteError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.inference.adjacency import Adjacency, adjacency_of
from boldstream.io.masks import Mask, MaskLike, load_mask
from boldstream.io.opening import open_image
from boldstream.io.volume import VolumeLike, read_volume

SubjectMaps: TypeAlias = "NDArray[Any] | Sequence[VolumeLike]"


@dataclass(frozen=True, eq=False)
class GroupSource:
    """Maps that are to be read, and the voxels of them that are taken.

    Attributes
    ----------
    maps : ndarray, shape (subjects, voxels), or sequence of path, image or ndarray (x, y, z)
    mask : Mask or None
        None for rows of values without a place.
    grid : Grid or None
        Where the mask lies, if that is known.
    """

    maps: SubjectMaps
    mask: Mask | None
    grid: Grid | None

    @property
    def n_voxels(self) -> int:
        if self.mask is not None:
            return int(np.count_nonzero(self.mask.array))
        first: Any = self.maps[0]
        return len(first)

    @property
    def n_grid(self) -> int:
        """Voxels of a whole image."""
        return self.n_voxels if self.mask is None else self.mask.grid.n_voxels

    def rows(self, *, may_lack: bool = False) -> Iterator[NDArray[np.float32]]:
        """The values (voxels,) of each subject.

        Parameters
        ----------
        may_lack : bool
            Whether there may be NaN, and infinity, which is NaN then.

        Raises
        ------
        NonFiniteError
            If there is NaN or infinity in the mask, and it may not be.
        GridMismatchError, MaskError, ImageFileError
        """
        for number, one in enumerate(self.maps):
            label, values = self._read(one, f"maps[{number}]")
            finite = np.isfinite(values)
            broken = len(values) - np.count_nonzero(finite)
            if broken and not may_lack:
                raise NonFiniteError(
                    f"{label} must hold finite numbers in the mask, got NaN or infinity in "
                    f"{broken} of {len(values)} voxels; leave them out of `mask`"
                )
            if broken:
                values = np.where(finite, values, np.nan)
            yield values.astype(np.float32, copy=False)

    def _read(self, one: Any, name: str) -> tuple[str, NDArray[Any]]:
        if isinstance(one, np.ndarray) and one.ndim == 1:
            if one.shape != (self.n_voxels,) or one.dtype.kind not in "biuf":
                raise MaskError(
                    f"`{name}` must hold a number for each of the {self.n_voxels} voxels, got "
                    f"{one.dtype} of shape {one.shape}"
                )
            return f"`{name}`", one
        assert self.mask is not None
        volume = read_volume(one, self.mask.grid, name=name)
        self.mask.grid.require_same(volume.grid, name="`mask`", other_name=volume.label)
        return volume.label, volume.values[self.mask.array]


def find_adjacency(source: GroupSource, given: Adjacency | None) -> Adjacency:
    """Which voxels are neighbours.

    Raises
    ------
    ParameterError
        If nothing says it, or it is that of other voxels.
    """
    if given is None:
        if source.mask is None:
            raise ParameterError("`mask` or `adjacency` must be given for TFCE and clusters")
        return adjacency_of(source.mask.array)
    if len(given) != source.n_voxels:
        raise ParameterError(
            f"`adjacency` must be that of the {source.n_voxels} voxels, got {len(given)}"
        )
    return given


def find_source(maps: SubjectMaps, mask: MaskLike | Mask | None) -> GroupSource:
    """Check what a test of maps was given, before they are read.

    Raises
    ------
    ParameterError
        If there are fewer than two subjects, or no mask for images.
    MaskError
        If the mask cannot be used, or has not as many voxels as rows have.
    """
    if not isinstance(maps, np.ndarray | list | tuple):
        raise ParameterError(
            "`maps` must be a list of paths, images or arrays (x, y, z), or one array (subjects, "
            f"voxels), got {type(maps).__name__}"
        )
    if len(maps) < 2:
        raise ParameterError(f"`maps` must be those of at least two subjects, got {len(maps)}")
    in_rows = isinstance(maps, np.ndarray) and maps.ndim == 2
    if mask is None and not in_rows:
        raise ParameterError("`mask` must be given where `maps` are images")
    found, grid = (None, None) if mask is None else _find_mask(maps, mask)
    source = GroupSource(maps, found, grid)
    if isinstance(maps, np.ndarray) and in_rows and source.n_voxels != maps.shape[1]:
        raise MaskError(
            f"`mask` must hold the {maps.shape[1]} voxels of `maps`, got {source.n_voxels}"
        )
    return source


def _find_mask(maps: SubjectMaps, mask: MaskLike | Mask) -> tuple[Mask, Grid | None]:
    """The mask, and where it lies if that is known."""
    if isinstance(mask, np.ndarray) and isinstance(maps[0], np.ndarray):
        # Neighbours need no affine.
        return load_mask(mask, Grid(mask.shape, np.eye(4)), name="mask"), None
    if isinstance(mask, Mask):
        return mask, mask.grid
    first: Any = maps[0]
    grid = open_image(first).series.grid if isinstance(mask, np.ndarray) else None
    found = load_mask(mask, grid, name="mask")
    return found, found.grid
