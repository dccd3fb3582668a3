"""Maps of subjects in, statistics of voxels tallied: what all group tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import find_budget
from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.inference.adjacency import Adjacency, adjacency_of
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.tally import Tally
from boldstream.io.masks import Mask, MaskLike, load_mask
from boldstream.io.opening import open_image
from boldstream.io.volume import VolumeLike, read_volume

Floats = NDArray[np.float64]
SubjectMaps: TypeAlias = "NDArray[Any] | Sequence[VolumeLike]"

# Of the statistics of some voxels for all labellings.
_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class MapOptions:
    """What is asked of group maps beside p of voxels.

    Parameters
    ----------
    adjacency : Adjacency, optional
        By default voxels of the mask that share a face.
    tfce : bool
        Whether the statistic above chance is enhanced, and tested.
    forming_threshold : float, optional
        Neighbours above it are a cluster: in the unit of the statistic less chance.
    forming_p : float, optional
        In its place, for the bootstrap: the threshold of each voxel is what
        this share of its own bootstrapped values exceeds (Stelzer et al. 2013
        use 0.001).
    n_jobs : int
        Threads; -1 for all cores.
    memory_limit : str or int, optional
        Most that this process may hold: "2GiB".
    """

    adjacency: Adjacency | None = None
    tfce: bool = False
    forming_threshold: float | None = None
    forming_p: float | None = None
    n_jobs: int = 1
    memory_limit: str | int | None = None

    def __post_init__(self) -> None:
        if self.forming_p is None:
            return
        if not 0 < self.forming_p < 1:
            raise ParameterError(f"`forming_p` must lie between 0 and 1, got {self.forming_p!r}")
        if self.forming_threshold is not None:
            raise ParameterError("`forming_threshold` and `forming_p` must not be given together")

    @property
    def needs_maps(self) -> bool:
        return self.tfce or self.forming_threshold is not None or self.forming_p is not None


def subject_maps(
    maps: SubjectMaps, mask_img: MaskLike | Mask | None
) -> tuple[NDArray[np.bool_] | None, NDArray[Any]]:
    """The mask, where there is one, and scores (subjects, voxels)."""
    if isinstance(maps, np.ndarray) and maps.ndim == 2:
        inside, values = _inside_of(mask_img), maps
        if inside is not None and np.count_nonzero(inside) != values.shape[1]:
            raise MaskError(
                f"`mask_img` must hold the {values.shape[1]} voxels of `maps`, "
                f"got {np.count_nonzero(inside)}"
            )
    elif mask_img is None:
        raise ParameterError("`mask_img` must be given where `maps` are images")
    else:
        inside, values = _read_maps(maps, mask_img)
    if len(values) < 2:
        raise ParameterError(f"`maps` must be those of at least two subjects, got {len(values)}")
    return inside, values


def _inside_of(mask_img: MaskLike | Mask | None) -> NDArray[np.bool_] | None:
    if mask_img is None or isinstance(mask_img, Mask):
        return None if mask_img is None else mask_img.array
    if isinstance(mask_img, np.ndarray):
        # An array has no affine, and neighbours need none.
        return load_mask(mask_img, Grid(mask_img.shape, np.eye(4)), name="mask_img").array
    return load_mask(mask_img, name="mask_img").array


def _read_maps(
    maps: Sequence[VolumeLike] | NDArray[Any], mask_img: MaskLike | Mask
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    if len(maps) == 0:
        raise ParameterError("`maps` must be those of at least two subjects, got 0")
    mask = mask_img
    if not isinstance(mask, Mask):
        grid = None if isinstance(maps[0], np.ndarray) else open_image(maps[0]).series.grid
        mask = load_mask(mask, grid, name="mask_img")
    values = np.empty((len(maps), np.count_nonzero(mask.array)), np.float32)
    for row, one in zip(values, maps, strict=True):
        volume = read_volume(one, mask.grid, name="maps")
        mask.grid.require_same(volume.grid, name="`mask_img`", other_name=volume.label)
        row[:] = volume.values[mask.array]
    return mask.array, values


def tally_columns(
    columns: Callable[[int, int], Floats],
    n_permutations: int,
    n_voxels: int,
    inside: NDArray[np.bool_] | None,
    options: MapOptions,
) -> Inference:
    """Tally statistics (voxels, labellings) of blocks of voxels, which `columns` makes."""
    adjacency = options.adjacency
    if options.needs_maps and adjacency is None:
        if inside is None:
            raise ParameterError(
                "`mask_img` or `options.adjacency` must be given for TFCE and clusters"
            )
        adjacency = adjacency_of(inside)
    thresholds = np.empty(n_voxels)
    budget = find_budget(options.memory_limit).headroom_bytes
    step = max(1, _BLOCK_BYTES // (8 * (n_permutations + 1)))
    with Tally(
        n_voxels, n_permutations, keep_maps=options.needs_maps, memory_bytes=budget // 2
    ) as tally:
        for start in range(0, n_voxels, step):
            stop = min(start + step, n_voxels)
            statistics = columns(start, stop)
            if options.forming_p is not None:
                thresholds[start:stop] = np.quantile(
                    statistics[:, 1:], 1 - options.forming_p, axis=1, method="higher"
                )
            tally.put(start, statistics)
        return tally.finish(
            chance=0.0,
            adjacency=adjacency,
            tfce=options.tfce,
            forming_threshold=options.forming_threshold
            if options.forming_p is None
            else thresholds,
            n_jobs=options.n_jobs,
        )
