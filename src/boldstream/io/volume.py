"""One volume of values on a grid: what masks, atlases and maps are made from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.opening import OneImage, is_image, open_image
from boldstream.io.source import Block
from boldstream.io.translate import expanded

VolumeLike: TypeAlias = OneImage | NDArray[Any]


@dataclass(frozen=True, eq=False)
class Volume:
    """Values on a grid.

    Attributes
    ----------
    label : str
        What errors call it: its parameter, and its file where it has one.
    grid : Grid
    values : ndarray, shape (x, y, z)
    """

    label: str
    grid: Grid
    values: NDArray[Any]


def read_volume(image: VolumeLike, grid: Grid | None, *, name: str, hint: str = "") -> Volume:
    """Read an image that must hold one volume; an array is taken to lie on `grid`.

    `hint` says what to do with an image that holds several.

    Raises
    ------
    MaskError
        If there is more than one volume, or an array has another shape than
        the grid.
    ParameterError
        If `image` is an array and there is no grid, or is nothing of the kind.
    """
    if isinstance(image, np.ndarray):
        return _on_grid(image, grid, name)
    if not is_image(image):
        kind = type(image).__name__
        raise ParameterError(f"`{name}` must be a path, a nibabel image or an array, got {kind}")
    source = open_image(image)
    series = source.series
    label = label_of(image, name)
    if series.n_volumes != 1:
        raise MaskError(f"{label} must hold one volume, got {series.n_volumes}{hint}")
    (block,) = source.blocks(1)
    return Volume(label, series.grid, series.grid.volume_of(real_values(block)[0]))


def label_of(image: Any, name: str) -> str:
    """Name a parameter in a message, with its file where it has one."""
    path = path_of(image)
    if path is None:
        return f"`{name}`"
    return name if name == str(path) else f"`{name}` ({path})"


def path_of(image: Any) -> Path | None:
    """File that an image is or was read from."""
    if isinstance(image, str | os.PathLike):
        return expanded(image)
    filename = image.get_filename() if hasattr(image, "get_filename") else None
    return Path(filename) if filename else None


def real_values(block: Block) -> NDArray[Any]:
    """Values of a block: as stored where they are not scaled, else in float64.

    What float64 cannot hold is infinite, without a warning: callers look for what is not finite.
    """
    if block.scaling.is_identity:
        return block.data
    with np.errstate(over="ignore", invalid="ignore"):
        return block.data.astype(np.float64) * block.scaling.slope + block.scaling.inter


def _on_grid(array: NDArray[Any], grid: Grid | None, name: str) -> Volume:
    if grid is None:
        raise ParameterError(f"`{name}` must be a path or an image, as an array has no affine")
    if array.dtype.kind not in "biuf":
        raise ParameterError(f"`{name}` must hold numbers, got an array of {array.dtype}")
    if array.shape != grid.shape:
        raise MaskError(
            f"`{name}` must have the shape {grid.shape} of the image, got {array.shape}"
        )
    return Volume(f"`{name}`", grid, array)
