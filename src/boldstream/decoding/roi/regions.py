"""Regions: the samples of each, from arrays or from one pass over images or betas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.patterns import checked_patterns
from boldstream.decoding.engines.base import Block
from boldstream.streaming.patterns import read_regions

# Voxels whose samples are turned together.
_TURNED = 1024


@dataclass(frozen=True, eq=False)
class Region:
    """Samples of a region.

    Attributes
    ----------
    name : str
    values : ndarray, shape (samples, voxels), float32
    """

    name: str
    values: NDArray[np.float32]

    @property
    def n_voxels(self) -> int:
        return int(self.values.shape[1])

    def block(self, kept: NDArray[np.intp]) -> Block:
        """Some samples of the region, as the one sphere of a block."""
        n = self.n_voxels
        values = np.empty((n, len(kept)), np.float32)
        for start in range(0, n, _TURNED):
            some = slice(start, start + _TURNED)
            values[some] = self.values[kept, some].T
        return Block(values, np.arange(n, dtype=np.int32), np.array([0, n], np.int64))


def find_regions(x: Any, rois: Any, *, n_jobs: int, memory_limit: str | int | None) -> list[Region]:
    """The regions that are decoded; parameters and errors are those of `decode`."""
    if _is_array(x):
        if rois is not None:
            raise ParameterError(
                "`rois` must be None where `X` is an array; give a mapping of names to arrays"
            )
        x = {"all": x}
    if isinstance(x, Mapping):
        regions = [_from_array(str(name), given) for name, given in x.items()]
    else:
        found = read_regions(x, rois, n_jobs=n_jobs, memory_limit=memory_limit)
        regions = [Region(name, values) for name, values in found.items()]
    if not regions:
        raise ParameterError("`X` must hold at least one region, got none")
    lengths = {region.name: len(region.values) for region in regions}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {n}" for name, n in lengths.items())
        raise ParameterError(f"`X` must have the same samples in all regions: {listed}")
    return regions


def _is_array(x: Any) -> bool:
    # Nested lists of numbers are an array; lists of paths and images are runs.
    if isinstance(x, list | tuple):
        return len(x) > 0 and isinstance(x[0], list | tuple | np.ndarray)
    # A table, too.
    return isinstance(x, np.ndarray) or hasattr(x, "to_numpy")


def _from_array(name: str, given: Any) -> Region:
    values = checked_patterns("X", given, of=f"the region {name!r}")
    return Region(name, values.astype(np.float32, copy=False))
