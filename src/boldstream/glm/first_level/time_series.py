"""What is predicted of a fitted run, and its residuals, some volumes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, cast

import numpy as np
from nilearn.glm._utils import positive_reciprocal
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.glm.first_level.results import DetailedLabelResults, RunResults
from boldstream.kernels.gather import tiles
from boldstream.streaming.stage import TILE

Floats = NDArray[np.float64]
Attribute = Literal["predicted", "residuals", "normalized_residuals"]
ATTRIBUTES: tuple[Attribute, ...] = ("predicted", "residuals", "normalized_residuals")

# Volumes at a time, where no blocks say how many.
_AT_ONCE = 16


@dataclass(frozen=True)
class _Voxels:
    """A fit by voxel, no more by label."""

    theta: Floats
    rho: Floats
    scale: Floats
    offset: Floats
    inverse_deviation: Floats

    @classmethod
    def of(cls, results: RunResults, order: NDArray[np.intp]) -> _Voxels:
        """The voxels of the results in another order."""
        n, some = len(order), next(iter(results.values()))
        made = cls(
            np.empty((len(some.theta), n)),
            np.empty((len(some.rho), n)),
            *(np.empty(n) for _ in range(3)),
        )
        place = np.empty(n, np.intp)
        place[order] = np.arange(n)
        for label, voxels in results.voxels.items():
            result, where = cast("DetailedLabelResults", results[label]), place[voxels]
            made.theta[:, where] = result.theta
            made.rho[:, where] = result.rho[:, None]
            made.scale[where], made.offset[where] = result.scale, result.offset
            with np.errstate(divide="ignore"):
                made.inverse_deviation[where] = positive_reciprocal(np.sqrt(result.dispersion))
        return made

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in vars(self).values())

    def predicted(self, design: Floats, volumes: range, tile: slice) -> Floats:
        """The whitened design times the effects: whitening works on their product as well."""
        order = len(self.rho)
        before = min(order, volumes.start)
        product = design[volumes.start - before : volumes.stop] @ self.theta[:, tile]
        predicted: Floats = product[before:].copy()
        for lag in range(1, order + 1):
            # Volumes with fewer than `lag` before them are not whitened by it.
            first = max(volumes.start, lag) - volumes.start
            if first < len(volumes):
                earlier = product[first + before - lag : len(product) - lag]
                predicted[first:] -= self.rho[lag - 1, tile] * earlier
        return predicted


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """How to make a time series of a fitted run.

    Attributes
    ----------
    attribute : {"predicted", "residuals", "normalized_residuals"}
        nilearn's: "predicted" is the whitened design times the effects, and
        residuals are the data as fitted, not whitened, less that.
    results : RunResults
        Detailed.
    design : ndarray, shape (volumes, regressors)
        Of the volumes that were fitted.
    grid : Grid
        Of the time series.
    mask : ndarray of bool, shape (x, y, z)
        The voxels of the results on this grid.
    """

    attribute: Attribute
    results: RunResults
    design: Floats
    grid: Grid
    mask: NDArray[np.bool_]

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Of the voxels of the results as they lie in a volume."""
        return np.argsort(self.grid.rows_of(self.mask))

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        return self.grid.rows_of(self.mask)[self.order]

    @cached_property
    def _voxels(self) -> _Voxels:
        return _Voxels.of(self.results, self.order)

    @property
    def held_bytes(self) -> int:
        """Memory that this takes to make volumes."""
        return self.order.nbytes + self._rows.nbytes + self._voxels.nbytes

    def empty(self, n_volumes: int) -> NDArray[np.float32]:
        """Flat volumes of 0, which those outside of the mask stay."""
        return np.zeros((n_volumes, self.grid.n_voxels), np.float32)

    def volumes(self, flat: NDArray[np.float32]) -> NDArray[np.float32]:
        """Flat volumes as one array (x, y, z, volumes); a view."""
        return flat.reshape(len(flat), *self.grid.shape[::-1]).T

    def fill(
        self,
        out: NDArray[np.float32],
        volumes: range,
        read: Callable[[slice], Floats] | None = None,
    ) -> None:
        """Compute some of the fitted volumes.

        Parameters
        ----------
        out : ndarray, shape (len(volumes), voxels of the grid)
        volumes : range
        read : callable
            The data (len(volumes), some) of some voxels as they lie in a
            volume, as a new array; none for "predicted".
        """
        for tile in tiles(len(self._rows), TILE):
            values = self._voxels.predicted(self.design, volumes, tile)
            if read is not None:
                np.subtract(self._fitted(read(tile), volumes, tile), values, out=values)
            if self.attribute == "normalized_residuals":
                values *= self._voxels.inverse_deviation[tile]
            out[:, self._rows[tile]] = values

    def predicted(self) -> NDArray[np.float32]:
        """All volumes of "predicted", which takes no data; flat."""
        flat = self.empty(len(self.design))
        for volumes in _some(len(flat)):
            self.fill(flat[volumes.start : volumes.stop], volumes)
        return flat

    def of_signals(self, signals: NDArray[Any]) -> NDArray[np.float32]:
        """All volumes, from the data (volumes, voxels) in memory; flat."""
        flat = self.empty(len(signals))
        for volumes in _some(len(flat)):
            part = signals[volumes.start : volumes.stop, self.order].astype(np.float64)
            self.fill(flat[volumes.start : volumes.stop], volumes, partial(_columns, part))
        return flat

    def _fitted(self, data: Floats, volumes: range, tile: slice) -> Floats:
        """Data as they were fitted, in place."""
        if self.results.volume_scale is not None:
            data *= self.results.volume_scale[volumes.start : volumes.stop, None]
        data *= self._voxels.scale[tile]
        data += self._voxels.offset[tile]
        return data


def _columns(values: Floats, tile: slice) -> Floats:
    return values[:, tile]


def _some(n_volumes: int) -> Iterator[range]:
    """All volumes, a few at a time."""
    for first in range(0, n_volumes, _AT_ONCE):
        yield range(first, min(first + _AT_ONCE, n_volumes))
