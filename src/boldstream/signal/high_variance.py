"""CompCor from the voxels that vary most, in two passes over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, number_in
from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import Block, Series
from boldstream.kernels.gather import TILE, tiles
from boldstream.streaming.cost import Cost
from boldstream.streaming.once import stream_once
from boldstream.streaming.per_volume import read_voxels
from boldstream.streaming.reduction import Accumulator, Bound, Reduction
from boldstream.streaming.reductions.voxels import Voxels

Floats = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


def high_variance_confounds(
    image: ImageLike,
    *,
    n_confounds: int = 5,
    percentile: float = 2.0,
    detrend: bool = True,
    mask: MaskLike | None = None,
    memory_limit: str | int | None = None,
) -> Floats:
    """Confounds from the voxels of highest variance (CompCor), read in two passes.

    The first pass finds how much each voxel varies, the second takes the time
    courses of those that vary most. Memory is that of three volumes in float64
    and of these time courses.

    Parameters
    ----------
    image : path, nibabel image, or list of either
    n_confounds : int
    percentile : float
        How many percent of the voxels to take, from 0 to 100.
    detrend : bool
        Take a straight line out of each voxel first.
    mask : path, nibabel image or boolean ndarray, optional
        Voxels to choose from; all by default.
    memory_limit
        As for `boldstream.stream`.

    Returns
    -------
    ndarray of float64, shape (volumes, n_confounds)
        Of norm 1 each, the strongest first; equal to
        `nilearn.image.high_variance_confounds` up to the sign of a column.
        Voxels that are not finite throughout are left out.

    Raises
    ------
    ParameterError
        If `n_confounds` is more than the volumes, or than the voxels taken;
        if `percentile` is no number from 0 to 100.
    MemoryBudgetError, ImageFileError, CorruptImageError, GridMismatchError, MaskError

    Notes
    -----
    Behzadi et al. (2007), "A component based noise correction method (CompCor)
    for BOLD and perfusion based fMRI".

    Examples
    --------
    >>> import numpy as np, nibabel as nib
    >>> data = np.random.default_rng(0).normal(size=(6, 6, 6, 30)).astype("f4")
    >>> high_variance_confounds(nib.Nifti1Image(data, np.eye(4)), percentile=10).shape
    (30, 5)
    """
    source = open_image(image)
    series = source.series
    integer_in("n_confounds", n_confounds, 1, series.n_volumes)
    number_in("percentile", percentile, 0, 100)
    power = DetrendedPower(detrend=detrend, mask=mask)
    (varies,) = stream_once(source, [power], memory_limit=memory_limit)
    chosen = _highest(varies, percentile)
    if np.count_nonzero(chosen) < n_confounds:
        raise ParameterError(
            f"`n_confounds` must be at most the {np.count_nonzero(chosen)} voxels that "
            f"`percentile` {percentile:g} leaves of {series.name}, got {n_confounds}"
        )
    # Real values of scaled integers may have more digits than a float32.
    (courses,) = stream_once(source, [Voxels(chosen, dtype="float64")], memory_limit=memory_limit)
    return _components(courses, n_confounds, detrend=detrend)


def _highest(varies: Floats, percentile: float) -> NDArray[np.bool_]:
    """Voxels above the percentile of those that have a number."""
    numbers = varies[np.isfinite(varies)]
    if not numbers.size:
        raise ParameterError("`image` must have a voxel that is finite throughout, got none")
    return np.asarray(varies > np.percentile(numbers, 100.0 - percentile)) & np.isfinite(varies)


def _components(courses: NDArray[Any], n: int, *, detrend: bool) -> Floats:
    """Left singular vectors of the largest singular values, strongest first."""
    from scipy.linalg import eigh

    n_volumes = len(courses)
    line = _line(n_volumes)
    gram = np.zeros((n_volumes, n_volumes))
    for tile in tiles(courses.shape[1]):
        values = courses[:, tile].astype(np.float64)
        if detrend:
            values -= values.mean(axis=0)
            values -= np.outer(line, line @ values)
        gram += values @ values.T
    gram /= n_volumes
    vectors: Floats = eigh(gram, subset_by_index=[n_volumes - n, n_volumes - 1])[1]
    return np.ascontiguousarray(vectors[:, ::-1])


def _line(n_volumes: int) -> Floats:
    """A straight line of mean 0 and norm 1; of one volume, 0."""
    t = np.arange(n_volumes) - (n_volumes - 1) / 2
    return np.asarray(t / max(float(np.linalg.norm(t)), _EPS))


@dataclass(frozen=True, eq=False)
class DetrendedPower(Reduction):
    """Mean square of each voxel over time, after a straight line was taken out.

    Parameters
    ----------
    detrend : bool
        False: the mean square of the values as they are.
    mask : path, nibabel image or boolean ndarray, optional
        Voxels to look at; all by default.

    Returns
    -------
    ndarray, shape (x, y, z), float64
        What `stream` gives for this reduction; NaN outside the mask.

    Raises
    ------
    GridMismatchError, MaskError
    """

    detrend: bool = True
    mask: MaskLike | None = None

    def bind(self, series: Series) -> Bound[PowerState]:
        n_voxels = series.grid.n_voxels
        rows = np.arange(n_voxels)
        if self.mask is not None:
            rows = series.grid.rows_of(load_mask(self.mask, series.grid, may_resample=False).array)
        accumulator = PowerSums(rows, series, detrend=self.detrend)

        def finalize(state: PowerState) -> Floats:
            out = np.full(n_voxels, np.nan)
            out[rows] = state.power(series.n_volumes, detrend=self.detrend)
            return series.grid.volume_of(out)

        return Bound("DetrendedPower", accumulator, finalize, 8 * (n_voxels + 3 * len(rows)))


@dataclass
class PowerState:
    """Sums of d = x − shift, of l·d and of d² for a line l; `line` is the sum of l itself."""

    n: int
    line: float
    shift: Floats
    sums: Floats
    along: Floats
    squares: Floats

    def power(self, n_volumes: int, *, detrend: bool) -> Floats:
        power = self.squares.copy()
        if detrend:
            power -= self.sums**2 / n_volumes
            power -= self.along**2
            # Rounding below zero counts as zero.
            np.maximum(power, 0.0, out=power)
        power /= n_volumes
        return power


class PowerSums(Accumulator[PowerState]):
    """Adds volumes one after the other, so that the result does not depend on the blocks."""

    def __init__(self, rows: NDArray[np.intp], series: Series, *, detrend: bool) -> None:
        self.rows, self._stored, self._detrend = rows, series.dtype, detrend
        self._line = _line(series.n_volumes)

    def cost(self) -> Cost:
        tile = min(TILE, len(self.rows))
        return Cost(
            4 * 8 * len(self.rows),
            scratch=tile * (8 + self._stored.itemsize),
            scratch_per_volume=tile * 8,
            loaded=self.rows.nbytes + self._line.nbytes,
        )

    def init(self, volumes: range) -> PowerState:
        shift, sums, along, squares = (np.zeros(len(self.rows)) for _ in range(4))
        return PowerState(0, 0.0, shift, sums, along, squares)

    def update(self, state: PowerState, block: Block) -> None:
        line = self._line[block.start : block.stop]
        for tile in tiles(len(self.rows)):
            values = np.empty((len(block.data), tile.stop - tile.start))
            read_voxels(values, block.data, self.rows[tile], block.scaling)
            if state.n == 0 and self._detrend:
                # What never changes is exactly 0 then, and large means cost no digits.
                state.shift[tile] = values[0]
            for weight, d in zip(line, values, strict=True):
                d -= state.shift[tile]
                state.sums[tile] += d
                state.along[tile] += weight * d
                d *= d
                state.squares[tile] += d
        state.n += len(block.data)
        state.line += float(line.sum())

    def merge(self, first: PowerState, second: PowerState) -> PowerState:
        if not first.n or not second.n:
            return first if first.n else second
        moved = second.shift - first.shift
        return PowerState(
            first.n + second.n,
            first.line + second.line,
            first.shift,
            first.sums + second.sums + second.n * moved,
            first.along + second.along + second.line * moved,
            first.squares + second.squares + moved * (2 * second.sums + second.n * moved),
        )
