"""`Project`: any linear operator on time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.reduction import Accumulator, Bound, Reduction
from boldstream.streaming.reductions.volumes import as_volumes
from boldstream.streaming.stage import TILE, Stage, Staging

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Project(Reduction):
    """Weighted sums over time: ``weights @ Y`` for the image's data Y (volumes, voxels).

    Volumes whose weights are all 0 are not looked at, so that NaN there does
    no harm.

    Parameters
    ----------
    weights : array-like of float, shape (n_out, volumes)
        One row per output, for instance a contrast of design columns.
    mask : path, nibabel image or boolean ndarray, optional
        Voxels to project; all voxels by default.
    resample : {None, "mask"}
        What to do with a mask on another grid.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity.

    Returns
    -------
    ndarray, float64
        What `stream` gives for this reduction: (n_out, voxels of the mask) in
        the order of ``data[mask]``, or (x, y, z, n_out) without a mask.

    Raises
    ------
    ParameterError
        If `weights` has not one finite column per volume.
    GridMismatchError, MaskError, NonFiniteError
    """

    weights: ArrayLike
    mask: MaskLike | None = None
    resample: Literal["mask"] | None = None
    nan_policy: NanPolicy = "propagate"

    def bind(self, series: Series) -> Bound[Projected]:
        weights = _checked_weights(self.weights, series)
        label = f"Project({len(weights)})"
        if self.mask is None:
            rows = np.arange(series.grid.n_voxels)
        else:
            mask = load_mask(self.mask, series.grid, resample=self.resample, name="mask")
            rows = series.grid.rows_of(mask.array)
        rule = NonFiniteRule(self.nan_policy, series, rows, warns=False)
        accumulator = Projection(weights, series, rows, rule)
        if self.mask is None:
            return Bound(label, accumulator, lambda state: as_volumes(state.sums, series.grid), 0)
        return Bound(label, accumulator, lambda state: state.sums, 0)


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


@dataclass
class Projected:
    """Sums over the volumes so far, and the volumes that wait."""

    sums: Floats
    stage: Stage | None


class Projection(Accumulator[Projected]):
    """Adds ``weights[:, volumes] @ volumes``, a tile of voxels at a time."""

    multiplies = True

    def __init__(
        self,
        weights: Floats,
        series: Series,
        rows: NDArray[np.intp],
        rule: NonFiniteRule,
        zeros: Callable[[tuple[int, int]], Floats] = np.zeros,
    ) -> None:
        used = np.flatnonzero(weights.any(axis=0))
        self.weights = weights[:, used] if len(used) < weights.shape[1] else weights
        self.rows, self._zeros = rows, zeros
        self.staging = Staging(series, rows, rule, used if len(used) < weights.shape[1] else None)

    def cost(self) -> Cost:
        tile = min(TILE, len(self.rows))
        return Cost(
            self._sums_bytes + self.staging.bytes(),
            scratch=tile * 8 * (self.staging.depth + len(self.weights)),
            loaded=self.weights.nbytes + self.rows.nbytes,
        )

    def init(self, volumes: range) -> Projected:
        sums = self._zeros((len(self.weights), len(self.rows)))
        return Projected(sums, self.staging.open(volumes))

    def update(self, state: Projected, block: Block) -> None:
        assert state.stage is not None  # it was not merged yet
        for staged, tile in state.stage.take(block):
            values = np.empty((len(staged.stored), tile.stop - tile.start))
            weights = self.weights[:, staged.start : staged.stop]
            state.sums[:, tile] += weights @ staged.real_into(values, tile)

    def merge(self, first: Projected, second: Projected) -> Projected:
        first.sums += second.sums
        return Projected(first.sums, None)

    @property
    def _sums_bytes(self) -> int:
        return len(self.weights) * len(self.rows) * 8

    def fork_bytes(self, n: int) -> int:
        # The state that is forked is never written to, and parts are added in place.
        return (n - 1) * self._sums_bytes + self.staging.bytes(n) - self.staging.bytes()
