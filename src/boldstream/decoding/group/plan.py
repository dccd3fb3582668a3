"""How much memory group maps take, and how many voxels are worked on at a time."""

from __future__ import annotations

from dataclasses import dataclass

from boldstream.core.budget import Budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.decoding.group.flips import Flips
from boldstream.decoding.group.statistics import FLIPPED_BYTES, SIGN_BYTES

# Of each value of a tile: as read, in float64, its size, and whether that is rounding.
_VALUE_BYTES = 4 + 8 + 8 + 1
# Of each voxel at the end: every result, and what adjusting p takes; with TFCE and clusters.
_ENDING_BYTES, _ENDING_OF_MAPS_BYTES = 96, 120
# Of each voxel while whole maps are looked at: results; what each thread has of one map.
_RESULT_BYTES, _WHOLE_MAP_BYTES = 72, 52
# Of each voxel of an image while it is read.
_IMAGE_BYTES = 18
# Parts of maps that wait to be written, as in `FileMaps`; they are joined then.
_WAITING_BYTES = 2 * (16 << 20)
_MOST_TILE_BYTES = 64 << 20
_MOST_VOXELS = 2048


@dataclass(frozen=True)
class GroupPlan:
    """What group maps take.

    Attributes
    ----------
    width : int
        Voxels of a tile.
    step : int
        Patterns of signs that are worked on at a time.
    tiles_bytes, maps_bytes : int
        What the maps of subjects, and those of flips, may take of memory.
    """

    width: int
    step: int
    tiles_bytes: int
    maps_bytes: int


def plan_group(
    n_voxels: int, n_grid: int, flips: Flips, budget: Budget, *, keeps_maps: bool, n_jobs: int
) -> GroupPlan:
    """Divide the memory that may be taken.

    Parameters
    ----------
    n_voxels, n_grid : int
        Of the mask, and of a whole image.
    flips : Flips
    budget : Budget
    keeps_maps : bool
        Whether the maps of all flips are needed.
    n_jobs : int

    Raises
    ------
    MemoryBudgetError
        If not even one voxel at a time fits.
    """
    fixed = fixed_bytes(n_voxels, n_grid, flips, keeps_maps=keeps_maps, n_jobs=n_jobs)
    left = budget.headroom_bytes - fixed
    one = tile_bytes(flips, 1, 1)
    if left < n_jobs * one:
        raise MemoryBudgetError(
            f"group maps of {flips.n_subjects} subjects, {n_voxels} voxels and {flips.n_patterns} "
            f"patterns of signs need {format_bytes(fixed + n_jobs * one)} at the least beside what "
            f"is in use; {budget}"
        )
    # A half for tiles and signs, the rest for maps that need not go to the disk then.
    each = max(left // 2 // n_jobs, one)
    rest = left - n_jobs * each
    width, step = _divided(min(each, max(_MOST_TILE_BYTES, one)), flips)
    return GroupPlan(max(1, min(width, n_voxels, _MOST_VOXELS)), step, rest // 4, rest // 2)


def fixed_bytes(n_voxels: int, n_grid: int, flips: Flips, *, keeps_maps: bool, n_jobs: int) -> int:
    """What is taken beside tiles, as if it all were at one time: some is."""
    values = n_voxels * max(flips.n_subjects, keeps_maps * flips.n_patterns)
    return (
        ending_bytes(n_voxels, keeps_maps=keeps_maps, n_jobs=n_jobs)
        + n_grid * _IMAGE_BYTES
        + min(_WAITING_BYTES, 8 * values)
    )


def ending_bytes(n_voxels: int, *, keeps_maps: bool, n_jobs: int) -> int:
    """What results take while the last of them are found."""
    if not keeps_maps:
        return n_voxels * _ENDING_BYTES
    return n_voxels * max(_ENDING_OF_MAPS_BYTES, _RESULT_BYTES + n_jobs * _WHOLE_MAP_BYTES)


def tile_bytes(flips: Flips, width: int, step: int) -> int:
    """What a tile takes at most: while it is read, flipped or tallied."""
    reading, flipping, tallying = _bytes_of_voxel(flips, step)
    return max(width * reading, width * flipping + step * _bytes_of_signs(flips), width * tallying)


def _divided(room: int, flips: Flips) -> tuple[int, int]:
    """Width and step of a tile; one voxel under one pattern fits in any case."""
    signs = _bytes_of_signs(flips)
    more = (room - tile_bytes(flips, 1, 1)) // (4 * (signs + FLIPPED_BYTES))
    step = min(1 + more, flips.n_patterns)
    reading, flipping, tallying = _bytes_of_voxel(flips, step)
    return min(room // reading, (room - step * signs) // flipping, room // tallying), step


def _bytes_of_signs(flips: Flips) -> int:
    return flips.n_subjects * SIGN_BYTES


def _bytes_of_voxel(flips: Flips, step: int) -> tuple[int, int, int]:
    """While it is read, flipped and tallied: values and statistics are float64."""
    n, patterns = flips.n_subjects, flips.n_patterns
    return n * _VALUE_BYTES, 8 * (n + patterns) + step * FLIPPED_BYTES, 8 * (n + 2 * patterns)
