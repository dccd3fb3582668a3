"""Atlases: images of whole numbers, each the label of a region."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import MaskError, ParameterError, TableError
from boldstream.core.grid import Grid
from boldstream.io.resample import NEAREST, ResampleMode, needs_resampling, resample_volume
from boldstream.io.tables import read_table
from boldstream.io.volume import VolumeLike, path_of, read_volume

AtlasLike: TypeAlias = VolumeLike
NamesLike: TypeAlias = str | os.PathLike[str] | Mapping[int, str]

_TOLERANCE = 1e-3
_INT32, _INT64 = np.iinfo(np.int32), np.iinfo(np.int64)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Regions on a grid.

    Attributes
    ----------
    grid : Grid
    array : ndarray of int, shape (x, y, z)
        The label of each voxel; 0 is background.
    labels : ndarray of int64, shape (n,)
        Every label that the atlas holds as stored, in ascending order, those
        included that lost all their voxels in resampling.
    names : tuple of str
        One for each label.
    """

    grid: Grid
    array: NDArray[np.signedinteger[Any]]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def load_labels(
    atlas: AtlasLike,
    grid: Grid,
    *,
    resample: ResampleMode = None,
    names: NamesLike | None = None,
) -> Atlas:
    """Read an atlas and bring it to a grid.

    Parameters
    ----------
    atlas : path, nibabel image or ndarray, shape (x, y, z)
        Whole numbers, up to a thousandth; NaN counts as 0, the background.
    grid : Grid
        Grid of the image.
    resample : {None, "mask"}
        Whether an atlas on another grid is refused, or resampled (nearest
        neighbour).
    names : path or mapping of int to str, optional
        Names of the labels: a table with columns ``index`` and ``name``. By
        default the one beside the atlas (of ``atlas.nii.gz``, ``atlas.tsv`` or
        ``atlas_labels.tsv``) if there is one. A label without a name is
        called by its number.

    Raises
    ------
    MaskError
        If the atlas holds other than whole numbers, no label, or none that
        reaches the image.
    GridMismatchError
        If it lies on another grid and `resample` is None.
    TableError
        If the table of names cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> atlas = np.array([0, 7, 7, 3]).reshape(4, 1, 1)
    >>> regions = load_labels(atlas, Grid((4, 1, 1), np.eye(4)), names={7: "V1"})
    >>> regions.labels, regions.names
    (array([3, 7]), ('3', 'V1'))
    """
    volume = read_volume(atlas, grid, name="atlas", hint="; maps of weights go to `Maps`")
    array = _whole_numbers(volume.values, volume.label)
    labels = np.unique(array).astype(np.int64)
    labels = labels[labels != 0]
    if not labels.size:
        raise MaskError(f"{volume.label} is empty: it holds no label but 0")
    if needs_resampling(volume.grid, grid, resample, name=volume.label):
        array = resample_volume(array, volume.grid, grid, order=NEAREST)
        if not array.any():
            raise MaskError(
                f"{volume.label} has no voxel left on the grid of the image: {grid}; "
                "check that both are in one space"
            )
    named = _read_names(names if names is not None else table_beside(path_of(atlas)))
    return Atlas(grid, array, labels, tuple(named.get(int(i), str(i)) for i in labels))


def _whole_numbers(values: NDArray[Any], label: str) -> NDArray[np.signedinteger[Any]]:
    if values.dtype.kind in "biu":
        return _as_labels(values, label)
    finite = np.where(np.isfinite(values), values, 0)
    whole = np.rint(finite)
    off = np.abs(finite - whole)
    if off.max() > _TOLERANCE:
        raise MaskError(
            f"{label} must hold whole numbers, the labels of regions, got "
            f"{finite.flat[off.argmax()]:g}; weights go to `Maps`"
        )
    return _as_labels(whole, label)


def _as_labels(whole: NDArray[Any], label: str) -> NDArray[np.signedinteger[Any]]:
    """Whole numbers in the smaller type that holds them all: atlases may be unsigned."""
    low, high = int(whole.min()), int(whole.max())
    if low < _INT64.min or high > _INT64.max:
        raise MaskError(
            f"{label} must hold labels from {_INT64.min} to {_INT64.max}, got {low} to {high}"
        )
    return whole.astype(np.int32 if low >= _INT32.min and high <= _INT32.max else np.int64)


def table_beside(path: Path | None) -> Path | None:
    """The table of names that lies beside an atlas, as BIDS and nilearn lay it."""
    if path is None:
        return None
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    tables = [path.with_name(f"{stem}{end}") for end in (".tsv", "_labels.tsv")]
    return next((table for table in tables if table.is_file() and _holds_names(table)), None)


def _holds_names(table: Path) -> bool:
    """Whether it is no table of something else, which may well lie beside an atlas."""
    if table.stem.endswith("_dseg"):
        # BIDS says so.
        return True
    try:
        with table.open(encoding="utf-8-sig", errors="replace") as file:
            columns = {cell.strip() for cell in file.readline().split("\t")}
    except OSError:
        # Reading it will say why it cannot be.
        return True
    return {"index", "name"} <= columns


def _read_names(names: NamesLike | None) -> dict[int, str]:
    if names is None:
        return {}
    if isinstance(names, Mapping):
        if all(isinstance(label, int | np.integer) for label in names):
            return {int(label): str(name) for label, name in names.items()}
    elif isinstance(names, str | os.PathLike):
        return _read_name_table(names)
    raise ParameterError(
        f"`names` must map whole numbers to names, or be the path of a table, got {names!r}"
    )


def _read_name_table(path: str | os.PathLike[str]) -> dict[int, str]:
    table = read_table(path)
    indices, texts = table.column("index"), table.column("name")
    named: dict[int, str] = {}
    for line, index, text in zip(table.lines, indices, texts, strict=True):
        try:
            named[int(index)] = text
        except ValueError:
            raise TableError(
                f"{table.path}, line {line}: `index` must be a whole number, got {index!r}"
            ) from None
    return named
