"""The preparation of whole volumes: real values, then resampling, then smoothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import NonFiniteError
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Scaling, Series
from boldstream.kernels.gather import scale_into
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, may_be_infinite
from boldstream.streaming.preparation import Preparation, Preparing
from boldstream.streaming.preparations.clipping import ClipRange
from boldstream.streaming.preparations.resampling import Resampling
from boldstream.streaming.preparations.smoothing import Fwhm, Smoothing

# Voxels that are scaled at once in float64, before they are rounded to float32.
_TILE = 1 << 15


@dataclass(frozen=True)
class Recipe:
    """What is done to every volume; equal ones do the same.

    Attributes
    ----------
    shape, affine : tuple
        Of the grid that is resampled to, exactly; None resamples nothing.
    order : {0, 1, 3}
        Of the interpolation.
    fwhm : tuple of float, "fast" or None
    nan_policy : {"nilearn", "zero", "propagate", "raise"}
    dtype : {"float32", "float64"}
    """

    shape: tuple[int, int, int] | None
    affine: tuple[tuple[float, ...], ...] | None
    order: int
    fwhm: Fwhm | None
    nan_policy: NanPolicy
    dtype: Literal["float32", "float64"]

    @property
    def target(self) -> Grid | None:
        """The grid that is resampled to."""
        return None if self.shape is None else Grid(self.shape, np.array(self.affine))

    def __str__(self) -> str:
        steps = []
        if self.shape is not None:
            steps.append("resampling to {} x {} x {}".format(*self.shape))
        if self.fwhm == "fast":
            steps.append("fast smoothing")
        elif self.fwhm is not None:
            widths = [f"{width:g}" for width in self.fwhm]
            steps.append(
                f"smoothing {' x '.join(widths if len(set(widths)) > 1 else widths[:1])} mm"
            )
        return ", ".join(steps)


class VolumePreparation(Preparation):
    """Resamples and smooths every volume of a series."""

    def __init__(self, source: Series, recipe: Recipe) -> None:
        self.source, self.recipe = source, recipe
        dtype, grid, target = np.dtype(recipe.dtype), source.grid, recipe.target
        self.resampling = self.smoothing = None
        if target is not None:
            self.resampling = Resampling(grid, target, recipe.order, dtype)
            grid = target
        if recipe.fwhm is not None:
            self.smoothing = Smoothing(recipe.fwhm, grid, dtype)
        self.series = replace(source, grid=grid, dtype=dtype)
        self._known = ClipRange()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VolumePreparation):
            return NotImplemented
        return self.recipe == other.recipe and self.source.name == other.source.name

    def __hash__(self) -> int:
        return hash((self.recipe, self.source.name))

    def __str__(self) -> str:
        return str(self.recipe)

    @property
    def scratch_values(self) -> int:
        """How many values of the scratch one volume takes."""
        steps = (self.resampling, self.smoothing)
        return max(step.scratch_values for step in steps if step is not None)

    def cost(self) -> Cost:
        stored, item = self.source.dtype, self.series.dtype.itemsize
        n_source = self.source.grid.n_voxels
        scratch = self.scratch_values * item + min(_TILE, n_source) * 8
        loaded, holes = 0, 0
        if self.resampling is not None:
            loaded += self.resampling.loaded
            scratch += self.resampling.scratch_bytes
            # The volume in the type of the prepared ones; headers do not say here
            # whether it is so stored and not scaled.
            scratch += n_source * item
            holes = self.resampling.filling_bytes
        if self.smoothing is not None:
            loaded += self.smoothing.loaded
            holes = max(holes, self.smoothing.spreading_bytes)
        if stored.kind == "f" and self.recipe.nan_policy != "raise":
            scratch += holes
        return Cost(0, scratch, self.series.volume_bytes, loaded)

    def worker(self) -> VolumeWorker:
        return VolumeWorker(self, replace(self._known))

    def settle(self, workers: list[Preparing]) -> bool:
        """False if values were cut off at a range that later volumes, or other runs, widened."""
        ranges = [worker.range for worker in workers if isinstance(worker, VolumeWorker)]
        final = ClipRange()
        for each in ranges:
            final.widen(each.low, each.high)
        self._known = final
        return all(each.stands(final) for each in ranges)


class VolumeWorker(Preparing):
    """Prepares blocks one after another, each in the memory of the one before."""

    def __init__(self, preparation: VolumePreparation, known: ClipRange) -> None:
        self.range = known
        self._source, self._series = preparation.source, preparation.series
        self._resampling, self._smoothing = preparation.resampling, preparation.smoothing
        self._policy = preparation.recipe.nan_policy
        dtype, n_source = self._series.dtype, self._source.grid.n_voxels
        self._scratch = np.empty(preparation.scratch_values, dtype)
        self._exact = np.empty(min(_TILE, n_source))
        self._values = np.empty(n_source if self._resampling is not None else 0, dtype)
        self._rows = np.empty((0, self._series.grid.n_voxels), dtype)

    def prepare(self, block: Block) -> Block:
        n = len(block.data)
        if len(self._rows) < n:
            # The old one goes first, so that there are never two.
            shape, dtype = (n, self._rows.shape[1]), self._rows.dtype
            del self._rows
            self._rows = np.empty(shape, dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            for i, stored in enumerate(block.data):
                self._prepare_volume(stored, block.scaling, block.start + i, self._rows[i])
        return Block(self._rows[:n], block.start, Scaling(), block.run)

    def _prepare_volume(
        self, stored: NDArray[Any], scaling: Scaling, volume: int, out: NDArray[Any]
    ) -> None:
        resampling = self._resampling
        values = self._real(stored, scaling, out if resampling is None else self._values)
        finite = True
        overshoots = resampling is not None and resampling.overshoots
        if overshoots or may_be_infinite(stored.dtype, scaling):
            finite = self._look(values, volume)
        if self.range.is_void:
            # There will be another pass; all that this one still has to tell is the range.
            out[:] = 0
            return
        if resampling is not None:
            finite = self._resample(resampling, values, finite, out)
        if self._smoothing is not None:
            self._smooth(self._smoothing, finite, out)

    def _real(self, stored: NDArray[Any], scaling: Scaling, room: NDArray[Any]) -> NDArray[Any]:
        """Real values of a volume; where they lie as wanted already, no copy of them."""
        if scaling.is_identity:
            if room is self._values and stored.dtype == room.dtype:
                return stored
            np.copyto(room, stored, casting="unsafe")
            return room
        for start in range(0, len(stored), _TILE):
            tile = slice(start, start + _TILE)
            exact = self._exact[: len(stored[tile])]
            room[tile] = scale_into(exact, stored[tile], scaling.slope, scaling.inter)
        return room

    def _look(self, values: NDArray[Any], volume: int) -> bool:
        """Whether all values are finite; takes their range in.

        Raises
        ------
        NonFiniteError
            If they are not and must be.
        """
        low, high = float(values.min()), float(values.max())
        finite = bool(np.isfinite([low, high]).all())
        if not finite:
            if self._policy == "raise":
                raise NonFiniteError(_first_non_finite(values, volume, self._source))
            # What is put to 0 must not widen the range; nilearn leaves out NaN alone.
            kept = np.isfinite(values) if self._policy == "zero" else ~np.isnan(values)
            low = float(values.min(where=kept, initial=0))
            high = float(values.max(where=kept, initial=0))
        self.range.widen(low, high)
        return finite

    def _resample(
        self, resampling: Resampling, values: NDArray[Any], finite: bool, out: NDArray[Any]
    ) -> bool:
        """Resample to `out`; whether it is finite throughout."""
        lost = None
        if not finite and self._policy == "zero":
            values = np.where(np.isfinite(values), values, 0)
        elif not finite:
            known = np.isfinite(values)
            values, lost = resampling.fill(values, known), resampling.lost(known)
        resampling.apply(values, out, self._scratch)
        if resampling.overshoots:
            self.range.clip(out)
        if lost is None or not lost.any():
            return True
        out[lost] = np.nan
        return False

    def _smooth(self, smoothing: Smoothing, finite: bool, out: NDArray[Any]) -> None:
        if not finite and self._policy == "propagate":
            smoothing.spread(out, self._scratch)
            return
        if not finite:
            out[~np.isfinite(out)] = 0
        smoothing.apply(out, self._scratch)


def _first_non_finite(values: NDArray[Any], volume: int, series: Series) -> str:
    first = np.flatnonzero(~np.isfinite(values))[0]
    x, y, z = (int(i) for i in np.unravel_index(first, series.grid.shape, order="F"))
    return (
        f"{series.name} must hold finite numbers, got {values[first]} "
        f"in volume {volume} at voxel ({x}, {y}, {z})"
    )
