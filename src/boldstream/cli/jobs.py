"""What one extraction can be asked for: each job is a reduction and the files of its result."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from boldstream._version import __version__
from boldstream.core.grid import Grid
from boldstream.io.labels import table_beside
from boldstream.io.masks import load_mask
from boldstream.io.source import Series
from boldstream.io.translate import expanded
from boldstream.io.writing import write_array, write_table
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Labels, Maps, Spheres, Voxels
from boldstream.streaming.reductions.regions import Strategy
from boldstream.streaming.results import RegionSeries

Resample = Literal["mask"] | None


class Job(ABC):
    """A reduction, and how its result becomes a file with facts beside it.

    Attributes
    ----------
    name : str
        Of the files, without their endings.
    ending : str
        Of the file that holds the result.
    inputs : sequence of Path
        Files that are read beside the image.
    """

    name: str
    ending: str
    inputs: Sequence[Path]

    @property
    def file(self) -> str:
        return self.name + self.ending

    @property
    def sidecar(self) -> str:
        return self.name + ".json"

    @abstractmethod
    def reduction(self, grid: Grid) -> Reduction:
        """What to compute for images on this grid."""

    @abstractmethod
    def write(self, path: Path, result: Any) -> tuple[int, ...]:
        """Write the result, and return its shape."""

    def empty(self, result: Any) -> list[str]:
        """Columns that hold nothing, as their regions have no voxel in the image."""
        return []

    @abstractmethod
    def facts(self, result: Any) -> dict[str, Any]:
        """What a reader of the file has to know."""


class VoxelJob(Job):
    """The voxels of a mask, as an array (volumes, voxels)."""

    ending = ".npy"

    def __init__(
        self, name: str, mask: Path, resample: Resample, nan_policy: NanPolicy = "propagate"
    ) -> None:
        self.name, self._mask, self._resample = name, mask, resample
        self._nan_policy = nan_policy
        self.inputs = [mask]

    def reduction(self, grid: Grid) -> Reduction:
        inside = load_mask(self._mask, grid, resample=self._resample, name=str(self._mask)).array
        self._voxels = np.flatnonzero(inside)
        return Voxels(inside, name=self.name, nan_policy=self._nan_policy)

    def write(self, path: Path, result: Any) -> tuple[int, ...]:
        write_array(path, result)
        return tuple(result.shape)

    def facts(self, result: Any) -> dict[str, Any]:
        return {
            "mask": full_path(self._mask),
            "columns": "voxels; `voxels` holds their positions in the flattened grid "
            "(row-major, as numpy.flatnonzero(mask) gives them)",
            "voxels": self._voxels.tolist(),
        }


class RegionJob(Job):
    """One number for each region and volume, as a table."""

    ending = ".tsv"

    def __init__(
        self, name: str, reduction: Reduction, inputs: Sequence[Path], about: dict[str, Any]
    ) -> None:
        self.name, self._reduction, self.inputs, self._about = name, reduction, inputs, about

    def reduction(self, grid: Grid) -> Reduction:
        return self._reduction

    def write(self, path: Path, result: RegionSeries) -> tuple[int, ...]:
        write_table(path, result.names, result.values)
        return result.values.shape

    def empty(self, result: RegionSeries) -> list[str]:
        return [name for name, n in zip(result.names, result.n_voxels, strict=True) if n == 0]

    def facts(self, result: RegionSeries) -> dict[str, Any]:
        return {
            **self._about,
            "columns": "regions",
            "labels": list(result.labels),
            "names": list(result.names),
            "n_voxels": list(result.n_voxels),
        }


def label_job(
    atlas: Path,
    names: Path | None,
    strategy: Strategy,
    resample: Resample,
    nan_policy: NanPolicy = "propagate",
) -> Job:
    """One statistic of each label of an atlas."""
    reduction = Labels(atlas, strategy, resample=resample, names=names, nan_policy=nan_policy)
    table = table_beside(atlas) if names is None else names
    inputs = [atlas] if table is None else [atlas, table]
    return RegionJob("labels", reduction, inputs, {"atlas": full_path(atlas), "strategy": strategy})


def map_job(maps: Path, resample: Resample, nan_policy: NanPolicy = "propagate") -> Job:
    """Least-squares time courses of maps."""
    reduction = Maps(maps, resample=resample, nan_policy=nan_policy)
    return RegionJob("maps", reduction, [maps], {"maps": full_path(maps)})


def sphere_job(seeds: Path, radius: float, nan_policy: NanPolicy = "propagate") -> Job:
    """Means of the spheres around seeds."""
    about = {"seeds": full_path(seeds), "radius_mm": radius}
    return RegionJob("spheres", Spheres(seeds, radius, nan_policy=nan_policy), [seeds], about)


def describe_origin(images: Sequence[Path], series: Series) -> dict[str, Any]:
    """Where a result comes from: what all sidecars say."""
    return {
        "boldstream_version": __version__,
        "sources": [full_path(image) for image in images],
        "run_lengths": list(series.run_lengths),
        "repetition_time": series.tr,
        "shape": list(series.grid.shape),
        "affine": series.grid.affine.tolist(),
    }


def full_path(path: Path) -> str:
    """The absolute path of a file, as sidecars name it."""
    # JSON is UTF-8, which not every name of a file is.
    return os.fsencode(expanded(path).absolute()).decode(errors="backslashreplace")
