"""Regions that a unit is about: masks and labels of an atlas, on the grid of images or betas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import GridMismatchError, MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.glm.betas import StoredBetas
from boldstream.io.labels import Atlas, load_labels
from boldstream.io.masks import Mask, load_mask
from boldstream.io.writing import as_image
from boldstream.streaming.reductions import Labels
from boldstream.study.steps.context import Context

Columns = NDArray[np.intp]
ATLAS = "atlas"


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
    """Columns of betas that belong to each region.

    Raises
    ------
    MaskError
        If a region has no voxel among them.
    """
    given = context.parameters
    place = np.full(betas.grid.shape, -1, np.intp)
    place[betas.mask] = np.arange(betas.values.shape[1])
    masks = _masks(context, betas.grid)
    found: dict[str, Columns] = {name: place[mask.array] for name, mask in masks.items()}
    if given["atlas"] is not None:
        found |= _of_atlas(context, betas, place)
    kept = {name: columns[columns >= 0] for name, columns in found.items()}
    for name, columns in kept.items():
        if not columns.size:
            raise MaskError(f"the region {name!r} has no voxel in the mask of the betas")
    return kept


def _of_atlas(context: Context, betas: StoredBetas, place: NDArray[Any]) -> dict[str, Columns]:
    image = str(context.path(context.parameters["atlas"]["image"]))
    atlas = load_labels(image, betas.grid, resample=_resample(context), names=_names(context))
    return {
        name: place[atlas.array == label]
        for label, name in wanted_labels(atlas, context.parameters["atlas"]["regions"])
    }


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
    labels = context.parameters["atlas"]["labels"]
    return None if labels is None else str(context.path(labels))


def _resample(context: Context) -> Literal["mask"] | None:
    return "mask" if context.parameters["resample"] else None


def _as_image(mask: Mask) -> Any:
    return as_image(mask.array.astype(np.uint8), mask.grid, dtype=np.dtype(np.uint8))
