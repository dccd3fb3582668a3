"""Some of the samples of images, betas or arrays; the others are read past and never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.samples.base import Closing, Samples
from boldstream.io.masks import Mask
from boldstream.io.selecting import check_kept

# Of all samples, in pieces of this size where they are kept as they are read.
_PIECE_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class Selected:
    """What `open_samples` and `SearchLight.fit` take in place of images: some of their samples.

    Labels are then those of the samples that are kept, and what the others
    hold, NaN too, changes nothing.

    Attributes
    ----------
    imgs : path, nibabel image, list of either, folder of betas, or array
    kept : ndarray of int
        Samples, ascending.

    Raises
    ------
    ParameterError
        If `kept` is empty or does not ascend from 0 or above; where samples
        are opened, if it names one that is not there.
    """

    imgs: Any
    kept: NDArray[np.intp]

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", check_kept(self.kept, "samples"))


class SelectedSamples(Closing):
    """Some samples of others, which are read in pieces of few voxels.

    Parameters
    ----------
    samples : Samples
        Closed with this.
    kept : ndarray of int
        Ascending.
    """

    def __init__(self, samples: Samples, kept: NDArray[np.intp]) -> None:
        self._samples, self._kept = samples, kept
        self.mask: Mask | None = samples.mask
        self.usable, self.n_voxels = samples.usable, samples.n_voxels
        self.n_samples = len(kept)
        self._step = max(1, _PIECE_BYTES // (4 * samples.n_samples))
        self.scratch_bytes = samples.scratch_bytes + self._step * 4 * samples.n_samples

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        out = np.empty((len(rows), self.n_samples), np.float32)
        for start in range(0, len(rows), self._step):
            piece = slice(start, start + self._step)
            self._samples.read(rows[piece]).take(self._kept, axis=1, out=out[piece])
        return out

    def close(self) -> None:
        self._samples.close()
