"""`Neighbourhoods`: which voxels each sphere holds, found for some spheres at a time."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError


class Neighbourhoods(Protocol):
    """Voxels around each of many centres, in one order of centres.

    A value that can be pickled. All members together may take more memory
    than the data, so they are found for some centres at a time, and again
    whenever they are asked for.
    """

    @property
    def n_centres(self) -> int: ...

    @property
    def n_voxels(self) -> int:
        """Voxels of the mask, those included that `among` leaves out."""

    def members(self, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Voxels of the centres from `start` up to `stop`.

        Returns
        -------
        members : ndarray of int32
            Positions in ``data[mask]``, centre after centre, ascending in each.
        starts : ndarray of int64, shape (stop - start + 1,)
            Where each centre starts in `members`.
        """

    def among(self, usable: NDArray[np.bool_]) -> Neighbourhoods:
        """The same centres without the voxels that are not usable (one bool for each voxel)."""


def row_table(inside: NDArray[np.bool_], usable: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """The position in ``data[inside]`` of every voxel, in C order; −1 for what is left out.

    Examples
    --------
    >>> import numpy as np
    >>> row_table(np.array([True, False, True, True]), np.array([True, False, True])).tolist()
    [0, -1, -1, 2]
    """
    flat = inside.ravel()
    table = np.full(flat.size, -1, np.int32)
    rows = np.arange(np.count_nonzero(flat), dtype=np.int32)
    table[flat] = rows if usable is None else np.where(usable, rows, -1)
    return table


def check_usable(usable: NDArray[Any], n_voxels: int) -> None:
    """Raise `ParameterError` unless there is one bool for each voxel."""
    if usable.dtype != np.bool_ or usable.shape != (n_voxels,):
        raise ParameterError(
            f"`usable` must be {n_voxels} booleans, one for each voxel of the mask, "
            f"got {usable.dtype} of shape {usable.shape}"
        )
