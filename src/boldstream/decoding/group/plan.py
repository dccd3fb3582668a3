"""How much memory group maps take, and how many voxels are worked on at a time."""

from __future__ import annotations

from dataclasses import dataclass

from boldstream.core.budget import Budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.decoding.group.flips import Flips

# Of each value of a tile: as read, in float64, its size, and whether that is rounding.
_VALUE_BYTES = 4 + 8 + 8 + 1
# Of each statistic: itself, what the tally makes of it, and its copy in float32.
_STATISTIC_BYTES = 8 + 8 + 8 + 4
# Of each sign: its bit, its byte, float64.
_SIGN_BYTES = 10
# Of each voxel under each pattern that is worked on at a time.
_MEAN_BYTES = 4 * 8
# Of each voxel: means, p and the like; TFCE and clusters of one map, for each thread.
_RESULT_BYTES, _WHOLE_MAP_BYTES = 120, 64
# Of each voxel of an image while it is read.
_IMAGE_BYTES = 24
# Parts of maps that wait to be written, as in `FileMaps`; they are joined then.
_WAITING_BYTES = 2 * (16 << 20)
_MOST_TILE_BYTES, _MOST_SIGN_BYTES = 64 << 20, 16 << 20
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
    values = n_voxels * max(flips.n_subjects, keeps_maps * flips.n_patterns)
    fixed = n_voxels * _RESULT_BYTES + n_grid * _IMAGE_BYTES + min(_WAITING_BYTES, 8 * values)
    fixed += keeps_maps * n_jobs * n_voxels * _WHOLE_MAP_BYTES
    left = budget.headroom_bytes - fixed
    per_voxel = flips.n_subjects * _VALUE_BYTES + flips.n_patterns * _STATISTIC_BYTES
    per_pattern = flips.n_subjects * _SIGN_BYTES
    least = n_jobs * (per_voxel + per_pattern + _MEAN_BYTES)
    if left < least:
        raise MemoryBudgetError(
            f"group maps of {flips.n_subjects} subjects, {n_voxels} voxels and {flips.n_patterns} "
            f"patterns of signs need {format_bytes(fixed + least)} at the least beside what is in "
            f"use; {budget}"
        )
    # A half for tiles and signs, the rest for maps that need not go to the disk then.
    each = max(left // 2, least) // n_jobs
    step = _within(min(each // 4, _MOST_SIGN_BYTES) // per_pattern, flips.n_patterns)
    room = min(each, _MOST_TILE_BYTES) - step * per_pattern
    width = _within(room // (per_voxel + step * _MEAN_BYTES), min(n_voxels, _MOST_VOXELS))
    return GroupPlan(width, step, left // 8, left // 4)


def _within(wanted: int, most: int) -> int:
    return max(1, min(wanted, most))
