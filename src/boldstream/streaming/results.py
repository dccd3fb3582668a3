"""What reductions over regions return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Names that are printed.
_NAMED = 6


@dataclass(frozen=True, eq=False)
class RegionSeries:
    """One time course per region.

    Attributes
    ----------
    values : ndarray, shape (volumes, regions), float32 or float64
        NaN in the column of a region that has no voxel in the image.
    names : tuple of str
        One per column.
    labels : tuple of int
        The atlas' values, or the numbers of seeds or maps from 1 up.
    n_voxels : tuple of int
        Voxels that each column is made of.
    run_lengths : tuple of int
        Volumes of each run, in order.

    Examples
    --------
    >>> import numpy as np
    >>> series = RegionSeries(np.zeros((5, 1), "f4"), ("V1",), (7,), (12,), (2, 3))
    >>> np.asarray(series).shape
    (5, 1)
    >>> series
    RegionSeries(volumes: 2 + 3; regions: 1, V1)
    """

    values: NDArray[np.floating[Any]]
    names: tuple[str, ...]
    labels: tuple[int, ...]
    n_voxels: tuple[int, ...]
    run_lengths: tuple[int, ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        volumes = " + ".join(map(str, self.run_lengths))
        names = ", ".join(self.names[:_NAMED]) + (", …" if len(self.names) > _NAMED else "")
        return f"RegionSeries(volumes: {volumes}; regions: {len(self.names)}, {names})"
