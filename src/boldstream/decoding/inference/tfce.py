"""TFCE of maps on a mask or a surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.kernels.inference.tfce import enhance

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Enhancement:
    """Threshold-free cluster enhancement (Smith and Nichols 2009) of scores above chance.

    Attributes
    ----------
    adjacency : Adjacency
    chance : float
    extent_power, height_power : float
        E and H.
    """

    adjacency: Adjacency
    chance: float
    extent_power: float = 0.5
    height_power: float = 2.0

    @cached_property
    def _powers(self) -> Floats:
        return np.arange(len(self.adjacency) + 1, dtype=np.float64) ** self.extent_power

    def __call__(self, scores: NDArray[np.float32]) -> Floats:
        """Enhanced scores (voxels,), exactly: no step is chosen."""
        above = scores - np.float32(self.chance)
        near = self.adjacency
        return enhance(above, near.starts, near.neighbours, self._powers, self.height_power)
