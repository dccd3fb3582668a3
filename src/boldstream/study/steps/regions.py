"""Regions that a unit is about: masks and labels of an atlas, on the grid of images or betas."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import MaskError, ParameterError
from boldstream.glm.betas import StoredBetas
from boldstream.io.labels import Atlas, load_labels
from boldstream.io.masks import Mask, load_mask
from boldstream.io.writing import as_image
from boldstream.streaming.reductions import Labels
from boldstream.study.steps.context import Context

Columns = NDArray[np.intp]
ATLAS = "atlas"


def reductions_of(context: Context) -> dict[str, Labels]:
    """What gives the mean of each region: of masks by their names, of the atlas as ``atlas``."""
    given, resample = context.parameters, _resample(context)
    found: dict[str, Labels] = {}
    for name, text in given["rois"].items():
        mask = load_mask(str(context.path(text)), name=name)
        found[name] = Labels(_as_image(mask), resample=resample)
    if given["atlas"] is not None:
        found[ATLAS] = Labels(
            str(context.path(given["atlas"]["image"])),
            resample=resample,
            names=_names(context),
        )
    return found


def columns_of(context: Context, betas: StoredBetas) -> dict[str, Columns]:
    """Columns of betas that belong to each region.

    Raises
    ------
    MaskError
        If a region has no voxel among them.
    """
    given, resample = context.parameters, _resample(context)
    place = np.full(betas.grid.shape, -1, np.intp)
    place[betas.mask] = np.arange(betas.values.shape[1])
    found: dict[str, Columns] = {}
    for name, text in given["rois"].items():
        path = str(context.path(text))
        inside = load_mask(path, betas.grid, resample=resample, name=path).array
        found[name] = place[inside]
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
    for name in names or ():
        if name not in by_name:
            hint = did_you_mean(name, by_name)
            raise ParameterError(f"`rois` must be regions of the atlas, got {name!r}{hint}")
    return [(by_name[name], name) for name in (by_name if names is None else names)]


def _names(context: Context) -> str | None:
    labels = context.parameters["atlas"]["labels"]
    return None if labels is None else str(context.path(labels))


def _resample(context: Context) -> Literal["mask"] | None:
    return "mask" if context.parameters["resample"] else None


def _as_image(mask: Mask) -> Any:
    return as_image(mask.array.astype(np.uint8), mask.grid, dtype=np.dtype(np.uint8))
