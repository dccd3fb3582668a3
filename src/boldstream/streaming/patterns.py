"""Samples of regions, from what holds volumes: one pass for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError, ParameterError
from boldstream.io.betas_source import open_volumes
from boldstream.io.labels import Atlas, load_labels
from boldstream.io.masks import mask_among
from boldstream.io.source import Series, VolumeSource
from boldstream.streaming.naming import check_names, name_masks
from boldstream.streaming.once import stream_once
from boldstream.streaming.per_volume import Rows
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.reductions import Labels
from boldstream.streaming.reductions.voxels import bind_rows


def read_regions(
    x: Any, rois: Any, *, n_jobs: int = 1, memory_limit: str | int | None = None
) -> dict[str, NDArray[np.float32]]:
    """Samples (samples, voxels) of each region, by name.

    Parameters
    ----------
    x : path, nibabel image, list of either, folder of betas, StoredBetas or TrialBetas
        Volumes, or trials, are samples.
    rois : mask, `Labels`, list of these, or mapping of names to these
        A mask must lie inside the mask of betas; of an atlas voxels outside
        are left out. Masks are called as `name_masks` says; regions of `Labels`
        by the atlas' names, behind that of a mapping unless it is empty.
    n_jobs : int
        Threads that read the files of a list.
    memory_limit : str or int, optional
        As for `boldstream.stream`.

    Raises
    ------
    ParameterError
        If there is no region, or two have one name.
    MaskError
        If a region is empty, or a mask not inside the mask of the betas.
    NonFiniteError
        If there is NaN or infinity in a region.
    GridMismatchError, ImageFileError, TableError, MemoryBudgetError

    Examples
    --------
    >>> import nibabel as nib
    >>> image = nib.Nifti1Image(np.arange(8, dtype="f4").reshape(2, 1, 1, 4), np.eye(4))
    >>> atlas = Labels(np.array([3, 7]).reshape(2, 1, 1), names={7: "V1"})
    >>> {name: values.shape for name, values in read_regions(image, atlas).items()}
    {'3': (4, 1), 'V1': (4, 1)}
    """
    named = _named(rois)
    source = open_volumes(x)
    given = [pair for name, roi in named for pair in _regions_of(source, name, roi)]
    names = [name for name, _ in given]
    check_names(names, parameter="rois", hint="name masks, or the regions of the atlas, otherwise")
    reductions = [_Region(name, find_rows()) for name, find_rows in given]
    found = stream_once(source, reductions, n_jobs=n_jobs, memory_limit=memory_limit)
    return dict(zip(names, found, strict=True))


@dataclass(frozen=True, eq=False)
class _Region(Reduction):
    """A region by the places of its voxels alone: a mask for each of an atlas' would be large."""

    name: str
    rows: NDArray[np.intp]

    def bind(self, series: Series) -> Bound[Rows]:
        return bind_rows(self.rows, series, name=self.name, nan_policy="raise")


def _named(rois: Any) -> list[tuple[str, Any]]:
    """Pairs of name and what is given; the name of `Labels` in a list is empty."""
    if rois is None:
        raise ParameterError(
            "`rois` must be masks where `X` is an image or holds betas: a path, an image, a "
            "boolean array, `Labels`, a list of these, or a mapping of names to these; got None"
        )
    named = name_masks(rois, parameter="rois")
    if isinstance(rois, Mapping):
        return named
    return [("" if isinstance(roi, Labels) else name, roi) for name, roi in named]


def _regions_of(
    source: VolumeSource, name: str, roi: Any
) -> list[tuple[str, Callable[[], NDArray[np.intp]]]]:
    """The one region of a mask, or each region of an atlas: its name, and what finds its rows."""
    if not isinstance(roi, Labels):
        return [(name, partial(_rows_of_mask, source, name, roi))]
    atlas = load_labels(roi.atlas, source.series.grid, resample=roi.resample, names=roi.names)
    names = [f"{name}_{of_label}" if name else of_label for of_label in atlas.names]
    return [
        (of_label, partial(_with_samples, source, of_label, rows))
        for of_label, rows in zip(names, _rows_of_labels(atlas), strict=True)
    ]


def _rows_of_mask(source: VolumeSource, name: str, roi: Any) -> NDArray[np.intp]:
    grid = source.series.grid
    return grid.rows_of(mask_among(source.inside, grid, roi, name=name, may_resample=False).array)


def _rows_of_labels(atlas: Atlas) -> list[NDArray[np.intp]]:
    """Rows of each region, from one sort: a look at every voxel for each of many takes seconds."""
    taken = atlas.array != 0
    labels = atlas.array[taken]
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], atlas.labels, side="right")
    return np.split(atlas.grid.rows_of(taken)[order], ends[:-1])


def _with_samples(source: VolumeSource, name: str, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of a region of an atlas that have samples: an atlas is of all brains, and not of one."""
    if source.inside is not None:
        rows = rows[source.inside[np.unravel_index(rows, source.series.grid.shape, order="F")]]
    if not len(rows):
        raise MaskError(f"`{name}` is empty: the atlas has no voxel of it where samples are")
    return rows
