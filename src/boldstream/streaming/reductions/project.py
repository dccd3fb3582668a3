"""`Project`: any linear operator on time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import TILE, tiles
from boldstream.streaming.cost import Cost
from boldstream.streaming.per_volume import read_voxels
from boldstream.streaming.reduction import Accumulator, Bound, Reduction
from boldstream.streaming.reductions.volumes import as_volumes

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Project(Reduction):
    """Weighted sums over time: ``weights @ Y`` for the image's data Y (volumes, voxels).

    Parameters
    ----------
    weights : array-like of float, shape (n_out, volumes)
        One row per output, for instance a contrast of design columns.
    mask : path, nibabel image or boolean ndarray, optional
        Voxels to project; all voxels by default.
    resample : {None, "mask"}
        What to do with a mask on another grid.

    Returns
    -------
    ndarray, float64
        What `stream` gives for this reduction: (n_out, voxels of the mask) in
        the order of ``data[mask]``, or (x, y, z, n_out) without a mask.

    Raises
    ------
    ParameterError
        If `weights` has not one finite column per volume.
    GridMismatchError, MaskError
    """

    weights: ArrayLike
    mask: MaskLike | None = None
    resample: Literal["mask"] | None = None

    def bind(self, series: Series) -> Bound[Floats]:
        weights = _checked_weights(self.weights, series)
        n_out = len(weights)
        if self.mask is None:
            everything = Projection(weights, np.arange(series.grid.n_voxels), series.dtype)
            return Bound(
                f"Project({n_out})", everything, lambda state: as_volumes(state, series.grid), 0
            )
        mask = load_mask(self.mask, series.grid, resample=self.resample, name="mask")
        masked = Projection(weights, series.grid.rows_of(mask.array), series.dtype)
        return Bound(f"Project({n_out})", masked, lambda state: state, 0)


def _checked_weights(weights: ArrayLike, series: Series) -> Floats:
    try:
        checked = np.asarray(weights).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`weights` must be an array of real numbers: {error}") from error
    if checked.ndim != 2 or checked.shape[1] != series.n_volumes or not len(checked):
        raise ParameterError(
            f"`weights` must have shape (n_out, {series.n_volumes}), one column for each "
            f"volume of {series.name}, got shape {checked.shape}"
        )
    if not np.isfinite(checked).all():
        raise ParameterError("`weights` must be finite, got NaN or infinite values")
    return checked


class Projection(Accumulator[Floats]):
    """Adds ``weights[:, block] @ block``, a tile of voxels at a time."""

    def __init__(self, weights: Floats, rows: NDArray[np.intp], stored: np.dtype[Any]) -> None:
        self.weights, self.rows, self._stored = weights, rows, stored

    def cost(self) -> Cost:
        tile = min(TILE, len(self.rows))
        return Cost(
            len(self.weights) * len(self.rows) * 8,
            scratch=tile * (8 * len(self.weights) + self._stored.itemsize),
            scratch_per_volume=tile * 8,
            loaded=self.weights.nbytes + self.rows.nbytes,
        )

    def init(self, volumes: range) -> Floats:
        return np.zeros((len(self.weights), len(self.rows)))

    def update(self, state: Floats, block: Block) -> None:
        weights = self.weights[:, block.start : block.stop]
        for tile in tiles(len(self.rows)):
            values = np.empty((len(block.data), tile.stop - tile.start))
            read_voxels(values, block.data, self.rows[tile], block.scaling)
            state[:, tile] += weights @ values

    def merge(self, first: Floats, second: Floats) -> Floats:
        return first + second
