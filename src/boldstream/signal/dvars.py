"""`DVARS`: how much a volume differs from the one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.source import Block, Series
from boldstream.streaming.cost import Cost
from boldstream.streaming.per_volume import read_voxels
from boldstream.streaming.reduction import Accumulator, Bound, Reduction

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DVARS(Reduction):
    """Root mean square over a mask of the change of each voxel since the volume before.

    Voxels that are NaN or infinite in one of the two volumes are left out.

    Parameters
    ----------
    mask : path, nibabel image or boolean ndarray (x, y, z)

    Returns
    -------
    ndarray of float64, shape (volumes,)
        In the image's unit; NaN for the first volume of each run.

    Raises
    ------
    GridMismatchError, MaskError
        If the mask does not go with the image.

    References
    ----------
    J. D. Power et al., NeuroImage 59, 2012.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.zeros((2, 2, 2, 3))
    >>> data[..., 1] = 3
    >>> bs.stream(nib.Nifti1Image(data, np.eye(4)), DVARS(np.ones((2, 2, 2), bool)))
    (array([nan,  3.,  3.]),)
    """

    mask: MaskLike

    def bind(self, series: Series) -> Bound[Changes]:
        mask = load_mask(self.mask, series.grid, may_resample=False)
        # In the order in which they lie in memory they are gathered fastest.
        rows = np.sort(series.grid.rows_of(mask.array))
        return Bound("DVARS", _Changing(rows, series), lambda state: state.values, 0)


@dataclass
class Changes:
    """DVARS of a range of volumes, and the voxels of its first and last volume."""

    volumes: range
    values: Floats
    first: Floats | None = None
    last: Floats | None = None


class _Changing(Accumulator[Changes]):
    """Compares each volume with the one before, also where that is in another block or part."""

    def __init__(self, rows: NDArray[np.intp], series: Series) -> None:
        self._rows, self._n_volumes, self._stored = rows, series.n_volumes, series.dtype
        starts = np.cumsum([0, *series.run_lengths])
        self._run_starts = frozenset(starts[:-1].tolist())

    def cost(self) -> Cost:
        n = len(self._rows)
        return Cost(
            self._n_volumes * 8 + 2 * n * 8,
            # A volume, its difference from the last one, and which of these are finite.
            scratch=n * (8 + 8 + 1 + self._stored.itemsize),
            loaded=self._rows.nbytes,
        )

    def init(self, volumes: range) -> Changes:
        return Changes(volumes, np.full(len(volumes), np.nan))

    def update(self, state: Changes, block: Block) -> None:
        for t in range(len(block.data)):
            now = np.empty((1, len(self._rows)))
            read_voxels(now, block.data[t : t + 1], self._rows, block.scaling)
            if state.last is None:
                state.first = now[0]
            else:
                volume = block.start + t
                state.values[volume - state.volumes.start] = self._between(
                    state.last, now[0], volume
                )
            state.last = now[0]

    def merge(self, first: Changes, second: Changes) -> Changes:
        if first.last is None or second.first is None:
            return second if first.last is None else first
        second.values[0] = self._between(first.last, second.first, second.volumes.start)
        volumes = range(first.volumes.start, second.volumes.stop)
        values = np.concatenate([first.values, second.values])
        return Changes(volumes, values, first.first, second.last)

    def _between(self, before: Floats, now: Floats, volume: int) -> float:
        """DVARS of a volume, of which these are the voxels."""
        if volume in self._run_starts:
            return np.nan
        change = now - before
        finite = np.isfinite(change)
        if not finite.all():
            change = change[finite]
        return float(np.sqrt(np.mean(np.square(change, out=change)))) if len(change) else np.nan
