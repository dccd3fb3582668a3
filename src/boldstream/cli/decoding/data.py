"""What is decoded: images or a folder of betas, from their headers; or data on a surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream._version import __version__
from boldstream.cli.jobs import describe_origin, full_path
from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.samples.selected import Selected
from boldstream.io.betas import ARRAY, MANIFEST, MASK, TRIALS, BetasFolder, open_betas_folder
from boldstream.io.betas_source import BetasSource
from boldstream.io.masks import Mask, load_mask
from boldstream.io.opening import open_image
from boldstream.io.selecting import select_volumes
from boldstream.io.source import VolumeSource
from boldstream.io.surfaces import is_gifti, read_surface_data
from boldstream.io.translate import expanded

_IN_FOLDER = (ARRAY, MASK, TRIALS, MANIFEST)


@dataclass(frozen=True, eq=False)
class Data:
    """Images or a folder of betas, open and not read.

    Attributes
    ----------
    paths : sequence of Path
    source : VolumeSource
        All volumes.
    betas : BetasFolder or None
    """

    paths: Sequence[Path]
    source: VolumeSource
    betas: BetasFolder | None

    @property
    def n_samples(self) -> int:
        return self.source.series.n_volumes

    @property
    def grid(self) -> Grid:
        return self.source.series.grid

    @property
    def inputs(self) -> list[Path]:
        """Files that are read."""
        if self.betas is None:
            return list(self.paths)
        return [self.betas.path / name for name in _IN_FOLDER]

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.source.series.name

    @property
    def facts(self) -> dict[str, Any]:
        """What sidecars say of it."""
        return describe_origin(self.paths, self.source.series)

    def imgs(self, kept: NDArray[np.intp]) -> Any:
        """Some volumes, as a searchlight takes them."""
        if self.betas is not None:
            return Selected(self.betas.path, kept)
        return Selected([str(path) for path in self.paths], kept)

    def volumes(self, kept: NDArray[np.intp]) -> VolumeSource:
        """Some volumes, as all that reads images takes them."""
        return select_volumes(self.source, kept)

    def mask(self, path: Path | None, resample: Literal["mask"] | None = None) -> Mask | None:
        """A mask on the grid of the data; by default that of a folder of betas."""
        if path is not None:
            return load_mask(path, self.grid, resample=resample, name=str(path))
        return None if self.betas is None else self.betas.mask

    def labels_file(self, given: Path | None) -> Path:
        """The table of labels that is given, or that of a folder of betas."""
        if given is not None:
            return given
        if self.betas is None:
            raise ParameterError(
                f"`labels` must be given: a table with a row for each volume of {self.name}"
            )
        return self.betas.path / TRIALS


def open_data(paths: Sequence[Path]) -> Data:
    """Open what a command is given.

    Raises
    ------
    BoldstreamError
        If files cannot be opened, or a folder of betas is given beside others.
    """
    folders = [path for path in paths if expanded(path).is_dir()]
    if not folders:
        return Data(paths, open_image([expanded(path) for path in paths]), None)
    if len(paths) > 1:
        raise ParameterError(
            f"a folder of betas must be given alone, got {folders[0]} and {len(paths) - 1} more"
        )
    folder = open_betas_folder(folders[0])
    return Data(paths, BetasSource(folder), folder)


@dataclass(frozen=True, eq=False)
class SurfaceData:
    """Samples of the vertices of a surface, in memory.

    Attributes
    ----------
    paths : sequence of Path
    values : ndarray, shape (samples, vertices)
    """

    paths: Sequence[Path]
    values: NDArray[np.float32]

    @property
    def n_samples(self) -> int:
        return len(self.values)

    @property
    def name(self) -> str:
        """What errors call it."""
        more = f" and {len(self.paths) - 1} more" if self.paths[1:] else ""
        return f"{self.paths[0]}{more}"

    @property
    def inputs(self) -> list[Path]:
        """Files that are read."""
        return list(self.paths)

    @property
    def facts(self) -> dict[str, Any]:
        """What sidecars say of it."""
        return {
            "boldstream_version": __version__,
            "sources": [full_path(path) for path in self.paths],
            "n_vertices": self.values.shape[1],
        }

    def imgs(self, kept: NDArray[np.intp]) -> Any:
        """Some samples, as a searchlight takes them."""
        return self.values[kept]

    def mask(self, path: Path | None) -> NDArray[np.bool_] | None:
        """A bool for each vertex."""
        if path is None:
            return None
        inside = read_surface_data([str(path)])
        if inside.shape != (1, self.values.shape[1]):
            raise MaskError(
                f"{path} must hold one value for each of {self.values.shape[1]} vertices, got "
                f"{len(inside)} for each of {inside.shape[1]}"
            )
        return np.asarray(inside[0] > 0)

    def labels_file(self, given: Path | None) -> Path:
        """The table of labels that is given."""
        if given is None:
            raise ParameterError(
                f"`labels` must be given: a table with a row for each sample of {self.name}"
            )
        return given


def open_surface(paths: Sequence[Path]) -> SurfaceData:
    """Read the GIFTI files that a command is given.

    Raises
    ------
    BoldstreamError
        If one cannot be read.
    """
    for path in paths:
        if not is_gifti(path):
            raise ParameterError(f"with a surface, data must be GIFTI files, got {path}")
    return SurfaceData(paths, read_surface_data([str(path) for path in paths]))
