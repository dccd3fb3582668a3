"""What becomes of NaN and infinity in the voxels that a reduction takes."""

from __future__ import annotations

import warnings
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import NonFiniteError
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.per_volume import read_voxels

NanPolicy: TypeAlias = Literal["nilearn", "zero", "propagate", "raise"]


_LARGEST_INTEGER, _LARGEST_FLOAT = 2.0**64, float(np.finfo(np.float32).max)


def may_be_infinite(stored: np.dtype[Any], scaling: Scaling) -> bool:
    """Whether an image may hold NaN or infinity, or integers whose scaling float32 cannot hold."""
    largest = abs(scaling.slope) * _LARGEST_INTEGER + abs(scaling.inter)
    return stored.kind == "f" or largest > _LARGEST_FLOAT


class NonFiniteRule:
    """Applies a policy to the voxels that one accumulator gathers, in any number of threads.

    Parameters
    ----------
    policy : {"nilearn", "zero", "propagate", "raise"}
        "propagate" leaves the values as they are, "zero" puts 0 in the place
        of NaN and infinity, "raise" refuses them. "nilearn" is "zero", with
        one warning where nilearn gives one.
    series : Series
    rows : ndarray of int, shape (voxels,)
        Every voxel that is gathered, as positions in a flat volume.
    warns : bool
        Whether nilearn warns here: its maskers of labels, maps and spheres
        do, `NiftiMasker` does not.

    Raises
    ------
    ParameterError
        If `policy` is none of these.
    """

    def __init__(
        self, policy: NanPolicy, series: Series, rows: NDArray[np.intp], *, warns: bool = True
    ) -> None:
        self.policy: NanPolicy = one_of("nan_policy", policy, get_args(NanPolicy))
        self._series, self._rows = series, rows
        self._warns = warns and policy == "nilearn"
        self._found = False

    def apply(self, values: NDArray[Any], block: Block) -> None:
        """Bring values gathered from a block in line with the policy, in place.

        Raises
        ------
        NonFiniteError
            If the policy is "raise" and there is NaN or infinity; it names the
            first one of the block.
        """
        if self.policy == "propagate" or not may_be_infinite(block.data.dtype, block.scaling):
            return
        finite = np.isfinite(values)
        if finite.all():
            return
        if self.policy == "raise":
            raise NonFiniteError(self._first(block, values.dtype))
        values[~finite] = 0
        self._found = True

    def warn(self) -> None:
        """Give nilearn's warning if there was something to replace."""
        if self._warns and self._found:
            warnings.warn(
                "Non-finite values detected. These values will be replaced with zeros.",
                UserWarning,
                stacklevel=2,
            )

    def _first(self, block: Block, dtype: np.dtype[Any]) -> str:
        """Say where the first one is, read as the accumulator reads it."""
        rows = np.unique(self._rows)
        values = np.empty((1, len(rows)), dtype)
        for t in range(len(block.data)):
            read_voxels(values, block.data[t : t + 1], rows, block.scaling)
            bad = np.flatnonzero(~np.isfinite(values[0]))
            if bad.size:
                break
        voxel = np.unravel_index(rows[bad[0]], self._series.grid.shape, order="F")
        x, y, z = (int(i) for i in voxel)
        return (
            f"{self._series.name} must hold finite numbers, got {values[0, bad[0]]} "
            f"in volume {block.start + t} at voxel ({x}, {y}, {z})"
        )
