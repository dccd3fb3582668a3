"""Regions that a unit is about: masks and labels of an atlas, on the grid of images or betas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import (
    GridMismatchError,
    NonFiniteError,
    ParameterError,
    TableError,
)
from boldstream.core.grid import Grid
from boldstream.glm.betas import StoredBetas
from boldstream.io.labels import Atlas, load_labels
from boldstream.io.masks import Mask, load_mask
from boldstream.io.writing import as_image
from boldstream.streaming.reductions import Labels
from boldstream.study.steps.context import Context

Columns = NDArray[np.intp]
ATLAS = "atlas"
# What is wrong with one region or target, of which others may be free.
CANNOT = (ParameterError, NonFiniteError, TableError)


def reductions_of(context: Context, grid: Grid) -> dict[str, Labels]:
    """What gives the mean of each region: of masks by their names, of the atlas as ``atlas``.

    Raises
    ------
    GridMismatchError
        If a mask lies on another grid than the image, and may not be resampled.
    """
    given = context.parameters
    found = {name: Labels(_as_image(mask)) for name, mask in _masks(context, grid).items()}
    if given["atlas"] is not None:
        found[ATLAS] = Labels(
            str(context.path(given["atlas"]["image"])),
            resample=_resample(context),
            names=_names(context),
        )
    return found


def _masks(context: Context, grid: Grid) -> dict[str, Mask]:
    found: dict[str, Mask] = {}
    for name, text in context.parameters["rois"].items():
        path = str(context.path(text))
        try:
            found[name] = load_mask(path, grid, resample=_resample(context), name=path)
        except GridMismatchError as error:
            raise GridMismatchError(
                f"{error}; in a study file, `rois: {{resample: true}}`"
            ) from error
    return found


def columns_of(context: Context, betas: StoredBetas) -> dict[str, Columns]:
    """Columns of betas that belong to each region; none of one that lies outside their mask."""
    place = np.full(betas.grid.shape, -1, np.intp)
    place[betas.mask] = np.arange(betas.values.shape[1])
    found = {name: place[inside] for name, inside in regions_of(context, betas.grid)}
    return {name: columns[columns >= 0] for name, columns in found.items()}


def require_voxels(roi: str, columns: Columns) -> Columns:
    """The same columns; an error if there are none."""
    if not columns.size:
        raise ParameterError(f"the region {roi!r} has no voxel in the mask of the betas")
    return columns


def regions_of(context: Context, grid: Grid) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Name and voxels (x, y, z) of each region, one after another.

    Raises
    ------
    GridMismatchError
        If a mask or the atlas lies on another grid, and may not be resampled.
    MaskError
        If a mask has no voxel on the grid.
    """
    for name, mask in _masks(context, grid).items():
        yield name, mask.array
    given = context.parameters["atlas"]
    if given is not None:
        image = str(context.path(given["image"]))
        atlas = load_labels(image, grid, resample=_resample(context), names=_names(context))
        for label, name in wanted_labels(atlas, given["regions"]):
            yield name, atlas.array == label


def wanted_labels(atlas: Atlas, names: list[str] | None) -> list[tuple[int, str]]:
    """Labels and names of the regions that are named; of all by default.

    Raises
    ------
    ParameterError
        If the atlas has no region of such a name.
    """
    by_name = dict(zip(atlas.names, atlas.labels.tolist(), strict=True))
    return [(by_name[name], name) for name in wanted_regions(atlas.names, names)]


def wanted_regions(there: Sequence[str], names: list[str] | None) -> list[str]:
    """The regions of an atlas that are named; all by default.

    Raises
    ------
    ParameterError
        If the atlas has no region of such a name.
    """
    for name in names or ():
        if name not in there:
            hint = did_you_mean(name, there)
            raise ParameterError(f"`rois` must be regions of the atlas, got {name!r}{hint}")
    return list(dict.fromkeys(there)) if names is None else names


def _names(context: Context) -> str | None:
    names = context.parameters["atlas"]["names"]
    return None if names is None else str(context.path(names))


def _resample(context: Context) -> Literal["mask"] | None:
    return "mask" if context.parameters["resample"] else None


def _as_image(mask: Mask) -> Any:
    return as_image(mask.array.astype(np.uint8), mask.grid, dtype=np.dtype(np.uint8))
