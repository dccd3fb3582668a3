"""`Mean`, `Std`, `TSNR`: statistics of each voxel over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, one_of
from boldstream.core.errors import ParameterError
from boldstream.io.source import Block, Scaling, Series
from boldstream.kernels.gather import TILE, scale_into, tiles
from boldstream.kernels.moments import add_moments, mean_of, moment_scratch, standard_deviation_of
from boldstream.streaming.cost import Cost
from boldstream.streaming.reduction import Accumulator, Bound, Reduction

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mean(Reduction):
    """Mean of each voxel over time.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the result; sums are float64 in any case.

    Returns
    -------
    ndarray, shape (x, y, z)
        What `stream` gives for this reduction.
    """

    dtype: Literal["float32", "float64"] = "float32"

    def bind(self, series: Series) -> Bound[MomentState]:
        one_of("dtype", self.dtype, ("float32", "float64"))
        return _bind_moments("Mean", series, 1, lambda s, t: s.mean(t), np.dtype(self.dtype))


@dataclass(frozen=True)
class Std(Reduction):
    """Standard deviation of each voxel over time.

    Parameters
    ----------
    ddof : int
        The sum of squares is divided by volumes − ddof; 0 as in numpy.

    Returns
    -------
    ndarray, shape (x, y, z), float32
        What `stream` gives for this reduction.

    Raises
    ------
    ParameterError
        If there are not more than `ddof` volumes.
    """

    ddof: int = 0

    def bind(self, series: Series) -> Bound[MomentState]:
        integer_in("ddof", self.ddof, 0)
        if self.ddof >= series.n_volumes:
            raise ParameterError(
                f"`ddof` must be less than the {series.n_volumes} volumes of {series.name}, "
                f"got {self.ddof}"
            )
        return _bind_moments("Std", series, 2, lambda s, t: s.standard_deviation(t, self.ddof))


@dataclass(frozen=True)
class TSNR(Reduction):
    """Temporal signal-to-noise ratio: mean over standard deviation of each voxel.

    0 where a voxel never changes.

    Returns
    -------
    ndarray, shape (x, y, z), float32
        What `stream` gives for this reduction.
    """

    def bind(self, series: Series) -> Bound[MomentState]:
        return _bind_moments("TSNR", series, 2, lambda s, t: s.tsnr(t))


@dataclass
class MomentState:
    """Shifted sums of a range of volumes; `squares` is None where nobody needs it."""

    n: int
    shift: Floats
    sums: Floats
    squares: Floats | None
    first: NDArray[Any] | None = None  # the first volume as stored, where it stands for d = 0
    scaling: Scaling = Scaling()

    def mean(self, tile: slice) -> Floats:
        return mean_of(self.n, self.shift[tile], self.sums[tile])

    def standard_deviation(self, tile: slice, ddof: int = 0) -> Floats:
        assert self.squares is not None  # order 2 was asked for at binding
        return standard_deviation_of(self.n, self.sums[tile], self.squares[tile], ddof)

    def tsnr(self, tile: slice) -> Floats:
        deviation = self.standard_deviation(tile)
        changes = deviation != 0
        return np.divide(self.mean(tile), deviation, out=np.zeros_like(deviation), where=changes)


def _shift_by_first(state: MomentState, block: Block) -> None:
    state.first, state.scaling = block.data[0].copy(), block.scaling
    scale_into(state.shift, state.first, block.scaling.slope, block.scaling.inter)
    infinite = np.isinf(state.shift)
    if infinite.any():
        # inf − inf would hide an infinite mean, and without it d is not 0 there.
        state.shift[infinite] = 0.0
        state.first = None


def _bind_moments(
    label: str,
    series: Series,
    order: int,
    value: Callable[[MomentState, slice], Floats],
    dtype: np.dtype[Any] = np.dtype(np.float32),  # noqa: B008 - a constant
) -> Bound[MomentState]:
    def finalize(state: MomentState) -> NDArray[Any]:
        out = np.empty(series.grid.n_voxels, dtype)
        for tile in tiles(len(out)):
            out[tile] = value(state, tile)
        return series.grid.volume_of(out)

    accumulator = Moments(series.grid.n_voxels, series.dtype, order)
    return Bound(label, accumulator, finalize, series.grid.n_voxels * dtype.itemsize)


@dataclass(frozen=True)
class Moments(Accumulator[MomentState]):
    """Sums of d = x − shift, and of d² where `order` is 2; the shift is the first volume."""

    n_voxels: int
    stored: np.dtype[Any]
    order: int

    def cost(self) -> Cost:
        state = self.n_voxels * (8 * (1 + self.order) + self.stored.itemsize)
        tile = min(TILE, self.n_voxels)
        # Of each volume a tile in float64, and whether it equals the first volume.
        return Cost(state, scratch=tile * 8, scratch_per_volume=tile * 9)

    def covers(self, other: Accumulator[Any]) -> bool:
        return isinstance(other, Moments) and other.order <= self.order

    def init(self, volumes: range) -> MomentState:
        squares = np.zeros(self.n_voxels) if self.order == 2 else None
        return MomentState(0, np.zeros(self.n_voxels), np.zeros(self.n_voxels), squares)

    def update(self, state: MomentState, block: Block) -> None:
        if state.n == 0:
            _shift_by_first(state, block)
        add_moments(
            state.sums,
            state.squares,
            state.shift,
            block.data,
            block.scaling.slope,
            block.scaling.inter,
            state.first if block.scaling == state.scaling else None,
            moment_scratch(*block.data.shape),
        )
        state.n += len(block.data)

    def merge(self, first: MomentState, second: MomentState) -> MomentState:
        if not first.n or not second.n:
            return first if first.n else second
        moved = second.shift - first.shift
        squares = None
        if first.squares is not None and second.squares is not None:
            squares = first.squares + second.squares
            squares += moved * (2 * second.sums + second.n * moved)
        sums = first.sums + second.sums + second.n * moved
        return MomentState(
            first.n + second.n, first.shift, sums, squares, first.first, first.scaling
        )
