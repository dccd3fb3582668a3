"""Samples of an image in the store."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.samples.base import (
    Closing,
    SamplesNanPolicy,
    usable_voxels,
    zero_nonfinite,
)
from boldstream.io.masks import Mask
from boldstream.memory.store.voxels import StoredVoxels

# What reading rows takes in passing.
_SCRATCH_BYTES = 1 << 20


class StoredSamples(Closing):
    """Some voxels of an entry of the store; what is stored is not read before it is asked for.

    Where values may not be finite, all of them are looked at once.

    Parameters
    ----------
    voxels : StoredVoxels
        Closed with this.
    mask : Mask
        Of `rows`.
    nan_policy : {"raise", "exclude", "zero"}
    rows : ndarray of int, shape (voxels,), optional
        Positions among those that are stored; by default all.
    kept : ndarray of int, optional
        Samples that are used, of which alone the policy speaks; by default all.
    """

    def __init__(
        self,
        voxels: StoredVoxels,
        mask: Mask,
        nan_policy: SamplesNanPolicy,
        rows: NDArray[np.intp] | None = None,
        kept: NDArray[np.intp] | None = None,
    ) -> None:
        self.mask, self.n_samples = mask, voxels.n_volumes
        self._voxels = voxels
        self._rows = np.arange(len(voxels.voxels)) if rows is None else rows
        self.n_voxels = len(self._rows)
        self.scratch_bytes = _SCRATCH_BYTES
        self._finite = voxels.find_finite(kept)[self._rows]
        self.usable = usable_voxels(self._finite, nan_policy, f"the image in {voxels.path}")

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        values = self._voxels.read_rows(self._rows[rows])
        if self.usable is None:
            zero_nonfinite(values, self._finite[rows])
        return values

    def close(self) -> None:
        self._voxels.close()
