"""`Nearest`: so many voxels nearest to each centre."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.decoding.neighbourhoods.base import check_usable
from boldstream.io.masks import Mask

# Distances that differ by less than this share of the largest coordinate are one.
_CLOSE = 1e-9
# So many voxels of a regular grid can be equally far away, or nearly so.
_EQUALLY_FAR = 48
_PAIRS = 1 << 18


@dataclass(frozen=True, eq=False)
class Nearest:
    """The `k` voxels of a mask that lie nearest to each centre.

    Of voxels that are equally far away, those that come first in
    ``data[mask]`` are taken.

    Parameters
    ----------
    mask : Mask
        The voxels that are taken.
    k : int
        How many, the centre included where it is one of them.
    centres : Mask, optional
        Voxels to be centres, in the order of ``data[centres]``; any of them
        may lie outside of the mask, or on another grid. By default those of
        the mask.
    usable : ndarray of bool, shape (voxels,), optional
        Which voxels of the mask may be taken; by default all.

    Raises
    ------
    ParameterError
        If `k` is no number from 1 to that of the usable voxels, or `usable`
        does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> from boldstream.io.masks import load_mask
    >>> mask = load_mask(np.ones((5, 5, 5), bool), Grid((5, 5, 5), np.diag([3.0, 3.0, 3.0, 1.0])))
    >>> Nearest(mask, 4).members(62, 63)[0].tolist()
    [37, 57, 61, 62]
    """

    mask: Mask
    k: int
    centres: Mask | None = None
    usable: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        integer_in("k", self.k, 1)
        if self.usable is not None:
            check_usable(self.usable, self.n_voxels)
        if self.k > len(self._taken):
            raise ParameterError(
                f"`k` must be at most the {len(self._taken)} usable voxels of the mask, "
                f"got {self.k}"
            )

    @property
    def n_centres(self) -> int:
        return len(self._positions)

    @cached_property
    def n_voxels(self) -> int:
        return int(np.count_nonzero(self.mask.array))

    def members(self, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        centred = self.mask if self.centres is None else self.centres
        points = _mm_of(centred, self._positions[start:stop])
        wanted = min(self.k + _EQUALLY_FAR, len(self._taken))
        step = max(1, _PAIRS // wanted)
        parts = [
            self._nearest(points[first : first + step], wanted)
            for first in range(0, len(points), step)
        ]
        # Positions among those that may be taken ascend as rows do.
        found = np.concatenate(parts) if parts else np.empty((0, self.k), np.int64)
        members = self._taken[np.sort(found, axis=1).ravel()].astype(np.int32)
        return members, np.arange(len(points) + 1, dtype=np.int64) * self.k

    def among(self, usable: NDArray[np.bool_]) -> Nearest:
        return replace(self, usable=usable)

    def _nearest(self, points: NDArray[np.float64], wanted: int) -> NDArray[np.int64]:
        """The `k` nearest to each point, found among the `wanted` nearest if that settles ties."""
        apart, found = self._tree.query(points, wanted)
        apart, found = apart.reshape(len(points), wanted), found.reshape(len(points), wanted)
        # Numbers the distances of each point: equal ones have one number.
        shells = np.zeros(found.shape, np.int64)
        close = _CLOSE * max(1.0, np.abs(points).max())
        np.cumsum(np.diff(apart, axis=1) > close, axis=1, out=shells[:, 1:])
        order = np.sort(shells * len(self._taken) + found, axis=1)[:, : self.k]
        nearest: NDArray[np.int64] = order % len(self._taken)
        open_ended = shells[:, self.k - 1] == shells[:, -1]
        if wanted < len(self._taken) and open_ended.any():
            more = min(2 * wanted, len(self._taken))
            nearest[open_ended] = self._nearest(points[open_ended], more)
        return nearest

    @cached_property
    def _positions(self) -> NDArray[np.intp]:
        return np.flatnonzero((self.mask if self.centres is None else self.centres).array)

    @cached_property
    def _taken(self) -> NDArray[np.intp]:
        """Rows that may be taken."""
        return np.arange(self.n_voxels) if self.usable is None else np.flatnonzero(self.usable)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(_mm_of(self.mask, np.flatnonzero(self.mask.array)[self._taken]))

    def __getstate__(self) -> dict[str, Any]:
        # A tree takes more than what it is made of.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def _mm_of(mask: Mask, positions: NDArray[np.intp]) -> NDArray[np.float64]:
    """Coordinates (n, 3) of voxels, given by their positions in C order."""
    voxels = np.array(np.unravel_index(positions, mask.grid.shape))
    affine = mask.grid.affine
    mm: NDArray[np.float64] = voxels.T @ affine[:3, :3].T + affine[:3, 3]
    return mm
