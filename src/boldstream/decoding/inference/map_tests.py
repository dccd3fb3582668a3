"""Largest TFCE and clusters of every null map."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jobs import together
from boldstream.decoding.inference.clusters import Forming
from boldstream.decoding.inference.stores import MapsLike
from boldstream.decoding.inference.tfce import Enhancement

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MapTests:
    """What is asked of whole maps; None is not asked for."""

    enhancement: Enhancement | None
    forming: Forming | None

    def largest(self, scores: NDArray[np.float32]) -> tuple[float, float, float]:
        """Largest TFCE, extent and mass; 0 for what is not asked for."""
        tfce, extent, mass = 0.0, 0.0, 0.0
        if self.enhancement is not None:
            tfce = float(self.enhancement(scores).max(initial=0))
        if self.forming is not None:
            extent, mass = self.forming.largest(scores)
        return tfce, extent, mass

    def largest_of_all(
        self, maps: MapsLike, scored: NDArray[np.bool_], n_jobs: int
    ) -> tuple[Floats, Floats, Floats]:
        """`largest` of every map, one after the other in each of `n_jobs` threads.

        Voxels that are not `scored` count as below any threshold. A map that
        lacks a score elsewhere counts as larger than any: what is not known
        shall not make p smaller.
        """
        n_maps = maps.shape[0]
        out = np.empty((3, n_maps))

        def some(first: int) -> Generator[None, None, None]:
            for number in range(first, n_maps, n_jobs):
                scores = maps.read(number)
                scores[~scored] = -np.inf
                known = not np.isnan(scores).any()
                out[:, number] = self.largest(scores) if known else np.inf
                yield

        for _ in together([some(first) for first in range(n_jobs)]):
            pass
        return out[0], out[1], out[2]
