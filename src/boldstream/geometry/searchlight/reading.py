"""Mean patterns of all voxels, from one pass; the samples themselves are never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import find_budget, format_bytes
from boldstream.core.errors import MemoryBudgetError, NonFiniteError
from boldstream.geometry.design import Design
from boldstream.geometry.noise import ROUNDING, mean_squares
from boldstream.io.masks import Mask
from boldstream.io.source import Block, Series, VolumeSource
from boldstream.kernels.gather import tiles
from boldstream.streaming.cost import Cost
from boldstream.streaming.once import plan_once
from boldstream.streaming.per_volume import read_voxels
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Accumulator, Bound, Reduction
from boldstream.streaming.reductions import Project
from boldstream.streaming.run import run_pass

Floats = NDArray[np.float64]

# Columns of an array that are averaged together.
_TILE = 2048


@dataclass(frozen=True, eq=False)
class Moments:
    """Means of cells, and sums of squares.

    Attributes
    ----------
    means : ndarray, shape (cells, voxels), float64
    squares : ndarray, shape (voxels,), or None
        Sums over samples of what they differ by from the mean of their cell.
    """

    means: Floats
    squares: Floats | None


def read_moments(
    samples: VolumeSource | NDArray[Any],
    mask: Mask,
    design: Design,
    *,
    with_squares: bool,
    n_jobs: int,
    memory_limit: str | int | None,
    report: Report,
) -> Moments:
    """Means of cells of the voxels of a mask, in the order of ``data[mask]``.

    Raises
    ------
    MemoryBudgetError
        Before anything is read, if means cannot be held.
    """
    if isinstance(samples, np.ndarray):
        # What is not finite is found in the results.
        with np.errstate(invalid="ignore", over="ignore"):
            return _of_array(samples, design, with_squares=with_squares, memory_limit=memory_limit)
    weights = design.weights()
    n_voxels = int(np.count_nonzero(mask.array))
    reductions: list[Reduction] = [Project(weights, mask.array)]
    if with_squares:
        reductions.append(Squares(mask))
    source, bounds, plan = plan_once(
        samples,
        reductions,
        n_jobs=n_jobs,
        memory_limit=memory_limit,
        kept_bytes=bytes_of_patterns(design, n_voxels),
    )
    means, *rest = run_pass(source, bounds, plan.block_volumes, report, jobs=plan.jobs)
    if not with_squares:
        return Moments(means, None)
    of_means = np.einsum("i,ij,ij->j", design.counts.astype(np.float64), means, means)
    with np.errstate(invalid="ignore"):
        left = rest[0] - of_means
    # Nothing but rounding, of sums that are nearly equal.
    left[left <= 1e-12 * rest[0]] = 0
    return Moments(means, left)


def _of_array(
    samples: NDArray[Any], design: Design, *, with_squares: bool, memory_limit: str | int | None
) -> Moments:
    n_cells, n_voxels = len(design.of_cells), samples.shape[1]
    needed = bytes_of_array(design, n_voxels, with_squares=with_squares)
    headroom = find_budget(memory_limit).headroom_bytes
    if needed > headroom:
        raise MemoryBudgetError(
            f"mean patterns of {n_cells} conditions x folds and {n_voxels} voxels take "
            f"{format_bytes(needed)}, got {format_bytes(headroom)}; raise `memory_limit`"
        )
    means = np.empty((n_cells, n_voxels))
    squares = np.empty(n_voxels) if with_squares else None
    for tile in tiles(n_voxels, _TILE):
        some = samples[:, tile].astype(np.float64)
        means[:, tile] = design.means(some)
        if squares is not None:
            levels = mean_squares(some)
            some -= means[design.cell, tile]
            left = mean_squares(some)
            squares[tile] = np.where(left > ROUNDING * levels, left * len(some), 0)
    return Moments(means, squares)


def bytes_of_array(design: Design, n_voxels: int, *, with_squares: bool) -> int:
    """What is taken beside an array (samples, voxels): its moments, and patterns made of them."""
    held = 8 * (len(design.of_cells) + with_squares) * n_voxels
    # A tile, and the mean of the cell of each sample.
    of_tile = 16 * len(design.cell) * min(_TILE, n_voxels)
    return held + max(of_tile, bytes_of_patterns(design, n_voxels))


def bytes_of_patterns(design: Design, n_voxels: int) -> int:
    """What `voxel_patterns` takes beside the means of cells: pooled means, and float32."""
    return (12 if design.pools else 4) * design.n_patterns * n_voxels


@dataclass(frozen=True, eq=False)
class Squares(Reduction):
    """Sums of squares of the voxels of a mask over all volumes (voxels,), float64."""

    mask: Mask

    def bind(self, series: Series) -> Bound[Any]:
        rows = series.grid.rows_of(self.mask.array)
        return Bound("Squares", SquareSums(rows, series), lambda sums: sums, 0)


class SquareSums(Accumulator[Floats]):
    """Adds squares, volume by volume."""

    def __init__(self, rows: NDArray[np.intp], series: Series) -> None:
        self._rows, self._series = rows, series

    def cost(self) -> Cost:
        n = len(self._rows)
        # A volume's values, and beside them first what is stored, then the squares.
        scratch = n * (8 + max(8, self._series.dtype.itemsize))
        return Cost(8 * n, scratch=scratch, loaded=self._rows.nbytes)

    def init(self, volumes: range) -> Floats:
        return np.zeros(len(self._rows))

    def update(self, state: Floats, block: Block) -> None:
        values = np.empty((1, len(self._rows)))
        for t in range(len(block.data)):
            read_voxels(values, block.data[t : t + 1], self._rows, block.scaling)
            state += values[0] ** 2

    def merge(self, first: Floats, second: Floats) -> Floats:
        first += second
        return first


def voxel_patterns(
    moments: Moments, design: Design, nan_policy: Literal["raise", "exclude"]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What spheres are made of.

    Means are used up on the way. What dissimilarities do not depend on is taken
    out before values become float32: the mean of a voxel, or for correlation
    that of a pattern. Noise is divided out.

    Returns
    -------
    patterns : ndarray, shape (voxels, patterns), float32
    usable : ndarray of bool, shape (voxels,)
        Voxels that are finite and, where noise is told, have some.

    Raises
    ------
    NonFiniteError
        If a voxel is not usable and the policy is "raise", or none is.
    """
    means = design.patterns(moments.means)
    # What is not finite stays so in a sum, which takes no array as large as the means.
    with np.errstate(invalid="ignore", over="ignore"):
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(means.sum(axis=0)))
    if moments.squares is not None:
        usable &= np.isfinite(moments.squares) & (moments.squares > 0)
    _check_usable(usable, nan_policy, noisy=moments.squares is not None)
    out = np.empty((means.shape[1], len(means)), np.float32)
    level = means.mean(axis=1, where=usable) if design.metric == "correlation" else None
    for tile in tiles(means.shape[1], _TILE):
        some = means[:, tile]
        some[:, ~usable[tile]] = 0
        some -= some.mean(axis=0) if level is None else level[:, None]
        if moments.squares is not None:
            # But for the degrees of freedom: no similarity depends on a factor of all voxels.
            some /= np.sqrt(np.where(usable[tile], moments.squares[tile], 1.0))
        out[tile] = some.T
    return out, usable


def _check_usable(usable: NDArray[np.bool_], nan_policy: str, *, noisy: bool) -> None:
    if usable.all() or (nan_policy == "exclude" and usable.any()):
        return
    lack = "finite and vary within conditions" if noisy else "finite"
    raise NonFiniteError(
        f"`imgs` must be {lack} in the mask, got {np.count_nonzero(~usable)} of {len(usable)} "
        "voxels that are not; nan_policy='exclude' leaves them out of all spheres"
    )
