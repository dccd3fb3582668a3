"""Residuals of a fitted run, from a second pass over its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ImageFileError
from boldstream.glm.first_level.time_series import TimeSeries
from boldstream.io.source import Block, Series
from boldstream.maskers.images import Images, open_images
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.per_volume import Rows, RowsOfVolumes, read_voxels
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.stage import TILE


@dataclass(frozen=True, eq=False)
class FittedRun:
    """A run that was fitted, to be read again.

    Attributes
    ----------
    given : path or image, or list of these
    kept : ndarray of int or None
        Volumes that were fitted.
    state : str or None
        What changes when the file does; None for images in memory.
    """

    given: Any
    kept: NDArray[np.intp] | None
    state: str | None

    @classmethod
    def of(cls, images: Images, kept: NDArray[np.intp] | None) -> FittedRun:
        given = images.readable if images.is_list else images.readable[0]
        return cls(given, kept, _state_of(images))

    def open(self) -> Images:
        """The images again.

        Raises
        ------
        ImageFileError
            If the file is not what was fitted any more.
        """
        images = open_images(self.given)
        if _state_of(images) != self.state:
            raise ImageFileError(
                f"{images.source.series.name} must be as it was when the model was fitted, "
                "got another file"
            )
        return images


def _state_of(images: Images) -> str | None:
    return str(joblib.hash(images.fingerprint)) if all(images.paths) else None


@dataclass(frozen=True, eq=False)
class TimeSeriesOf(Reduction):
    """A time series of a run, from a second pass over its images.

    Parameters
    ----------
    series : TimeSeries
    mask : ndarray of bool, shape (x, y, z)
        The voxels of the results, on the grid of the volumes that pass.
    kept : ndarray of int or None
        Volumes that were fitted, in order.
    nan_policy : {"nilearn", "zero", "propagate", "raise"}

    Returns
    -------
    ndarray of float32, shape (kept volumes, voxels of the grid)
        What `stream` gives for this reduction; flat volumes.
    """

    series: TimeSeries
    mask: NDArray[np.bool_]
    kept: NDArray[np.intp] | None
    nan_policy: NanPolicy

    def bind(self, series: Series) -> Bound[Rows]:
        rows = series.grid.rows_of(self.mask)
        kept = np.arange(series.n_volumes) if self.kept is None else self.kept
        rule = NonFiniteRule(self.nan_policy, series, rows, warns=False)
        accumulator = _TimeSeriesRows(self.series, rows[self.series.order], kept, rule)
        return Bound(self.series.attribute, accumulator, lambda state: state.values, 0)


class _TimeSeriesRows(RowsOfVolumes):
    """Fills flat volumes, of those that are kept."""

    def __init__(
        self,
        series: TimeSeries,
        rows: NDArray[np.intp],
        kept: NDArray[np.intp],
        rule: NonFiniteRule,
    ) -> None:
        self.series, self.rows, self.kept, self.rule = series, rows, kept, rule
        self.n_columns, self.dtype = series.grid.n_voxels, np.dtype(np.float32)

    def cost(self) -> Cost:
        return Cost(
            len(self.kept) * self.n_columns * 4,
            # The data of a tile, what is predicted of them, and the steps to it.
            scratch_per_volume=min(TILE, len(self.rows)) * 4 * 8,
            loaded=self.rows.nbytes + self.series.held_bytes,
        )

    def before(self, volume: int) -> int:
        return int(np.searchsorted(self.kept, volume))

    def init(self, volumes: range) -> Rows:
        n = self.before(volumes.stop) - self.before(volumes.start)
        return Rows(volumes, self.series.empty(n))

    def update(self, state: Rows, block: Block) -> None:
        volumes = range(self.before(block.start), self.before(block.stop))
        if not volumes:
            return
        within = self.kept[volumes.start : volumes.stop] - block.start

        def read(tile: slice) -> NDArray[np.float64]:
            rows = self.rows[tile]
            values = np.empty((len(within), len(rows)))
            for i, t in enumerate(within):
                read_voxels(values[i : i + 1], block.data[t : t + 1], rows, block.scaling)
            self.rule.apply(values, block)
            return values

        first = self.before(state.volumes.start)
        out = state.values[volumes.start - first : volumes.stop - first]
        self.series.fill(out, volumes, read)
