"""Fill an entry: one pass over the image, written as it goes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from boldstream.memory.store.entries import DATA, VOXELS, Manifest
from boldstream.memory.store.npy import NpyFile, npy_header
from boldstream.memory.store.recipe import Recipe, check_unchanged
from boldstream.memory.store.writing import WriteVolumes, WriteVoxels, panel_volumes
from boldstream.streaming.once import stream_once
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Reduction


def fill_entry(
    folder: Path,
    *,
    recipe: Recipe,
    memory_limit: str | int | None,
    progress: bool | Report,
    in_memory: bool,
) -> Manifest:
    """Write the files of an entry, and describe them.

    Raises
    ------
    StorageError
        If the disk has no room, or the image was changed meanwhile.
    MemoryBudgetError
        If it cannot be done within the limit.
    """
    file_bytes = _write_voxels(folder, recipe)
    shape, fortran_order = data_shape(recipe)
    file = NpyFile(folder / DATA, shape, recipe.dtype, fortran_order=fortran_order)
    try:
        held = file.n_bytes if in_memory else 0
        reduction = _reduction(recipe, file, held)
        (scalings,) = stream_once(
            recipe.source, [reduction], memory_limit=memory_limit, progress=progress
        )
        file.sync()
    finally:
        file.close()
    check_unchanged(recipe)
    series = recipe.source.series
    return Manifest(
        layout=recipe.layout,
        shape=shape,
        dtype=recipe.dtype.str,
        fortran_order=fortran_order,
        grid_shape=series.grid.shape,
        affine=series.grid.affine.tolist(),
        tr=series.tr,
        run_lengths=series.run_lengths,
        scalings=tuple(scalings),
        file_bytes=file_bytes | {DATA: file.n_bytes},
        files=recipe.files,
    )


def data_shape(recipe: Recipe) -> tuple[tuple[int, ...], bool]:
    """Shape of the array that a recipe makes, and whether it is in Fortran order."""
    series = recipe.source.series
    if recipe.mask is None:
        return (*series.grid.shape, series.n_volumes), True
    n_voxels = int(recipe.mask.array.sum())
    panel = panel_volumes(series.n_volumes, n_voxels, recipe.dtype.itemsize)
    return (-(-series.n_volumes // panel), n_voxels, panel), False


def needed_bytes(recipe: Recipe) -> int:
    """Bytes that the arrays of an entry will take."""
    shape, fortran_order = data_shape(recipe)
    values = math.prod(shape) * recipe.dtype.itemsize
    voxels = 0 if recipe.mask is None else shape[1] * np.dtype(np.intp).itemsize
    return len(npy_header(shape, recipe.dtype, fortran_order=fortran_order)) + values + voxels


def _write_voxels(folder: Path, recipe: Recipe) -> dict[str, int]:
    if recipe.mask is None:
        return {}
    path = folder / VOXELS
    positions = np.flatnonzero(recipe.mask.array)
    file = NpyFile(path, positions.shape, positions.dtype, fortran_order=False)
    try:
        file.allocate()
        file.write(0, positions)
        file.sync()
    finally:
        file.close()
    return {VOXELS: file.n_bytes}


def _reduction(recipe: Recipe, file: NpyFile, held_bytes: int) -> Reduction:
    if recipe.mask is None:
        return WriteVolumes(file, held_bytes)
    rows = recipe.source.series.grid.rows_of(recipe.mask.array)
    (_, _, panel), _ = data_shape(recipe)
    return WriteVoxels(file, rows, panel, held_bytes)
