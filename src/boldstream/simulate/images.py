"""Write made-up images, the 4-D ones volume by volume."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from boldstream.core.checks import positive_number
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.stream_writing import open_volume_writer
from boldstream.simulate.head import Head

PathLike = str | os.PathLike[str]

# Of the brightness at rest: noise of one voxel, and the slow drift of a whole run.
_NOISE_SHARE = 0.01
_DRIFT_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class Effect:
    """A change of brightness over time that is the same in some voxels.

    Attributes
    ----------
    where : ndarray of bool, shape (x, y, z)
    course : ndarray, shape (n_volumes,)
        As a share of the brightness at rest: 0.01 is one per cent.
    """

    where: NDArray[np.bool_]
    course: NDArray[np.float64]


def write_bold(
    path: PathLike,
    head: Head,
    n_volumes: int,
    *,
    dtype: DTypeLike = np.float32,
    t_r: float = 2.0,
    seed: int = 0,
    effects: Sequence[Effect] = (),
) -> None:
    """Write a 4-D image of a head: rest, slow drift, white noise of 1 %, and effects.

    It takes the memory of a few volumes, however many there are. Voxels
    outside the brain are 0, as in preprocessed data.

    Parameters
    ----------
    path : path
        Ends in ``.nii`` or ``.nii.gz``.
    head : Head
    n_volumes : int
    dtype : dtype
        Type on disk; integers are rounded to.
    t_r : float
        Repetition time in seconds.
    seed : int
        The same seed makes the same image, byte by byte.
    effects : sequence of Effect

    Raises
    ------
    ParameterError
        An effect does not fit the head or the number of volumes.

    Examples
    --------
    >>> import tempfile
    >>> import nibabel as nib
    >>> from boldstream.simulate.head import make_head
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bold(f"{folder}/bold.nii.gz", make_head((12, 14, 12)), 5, dtype="int16")
    ...     nib.load(f"{folder}/bold.nii.gz").shape
    (12, 14, 12, 5)
    """
    t_r = positive_number("t_r", t_r, unit="s")
    for effect in effects:
        _require_fit(effect, head, n_volumes)
    with open_volume_writer(path, head.grid, n_volumes, dtype, tr=t_r) as writer:
        for volume in _volumes(head, n_volumes, seed, effects):
            writer.write(volume)


def _volumes(
    head: Head, n_volumes: int, seed: int, effects: Sequence[Effect]
) -> Iterator[NDArray[np.float32]]:
    """Make the volumes in order; each one overwrites the one before."""
    rng = np.random.default_rng(seed)
    rows = head.rows
    rest = head.brightness.ravel(order="F")[rows]
    inside = [effect.where.ravel(order="F")[rows] for effect in effects]
    drift = _DRIFT_SHARE * np.linspace(-1.0, 1.0, n_volumes) ** 2
    flat = np.zeros(head.grid.n_voxels, np.float32)
    for t in range(n_volumes):
        change = rng.standard_normal(len(rows), dtype=np.float32)
        change *= _NOISE_SHARE
        change += drift[t]
        for effect, where in zip(effects, inside, strict=True):
            change[where] += effect.course[t]
        flat[rows] = rest * (1 + change)
        yield head.grid.volume_of(flat)


def write_labels(path: PathLike, labels: NDArray[Any], grid: Grid) -> None:
    """Write a label image or a mask, in its own type (booleans as uint8).

    Parameters
    ----------
    path : path
        Ends in ``.nii`` or ``.nii.gz``.
    labels : ndarray of integers or booleans, shape (x, y, z)
    grid : Grid
    """
    stored = labels.astype(np.uint8) if labels.dtype == np.bool_ else labels
    with open_volume_writer(path, grid, 1, stored.dtype) as writer:
        writer.write(stored)


def write_masks(
    folder: PathLike, regions: NDArray[np.int16], grid: Grid, n_masks: int = 4
) -> tuple[Path, ...]:
    """Write the first regions as masks of their own: ``mask_1.nii.gz``, ``mask_2.nii.gz`` ...

    Parameters
    ----------
    folder : path
        Must exist.
    regions : ndarray of int16, shape (x, y, z)
        From `boldstream.simulate.head.make_regions`.
    grid : Grid
    n_masks : int

    Returns
    -------
    tuple of Path
    """
    paths = tuple(Path(folder) / f"mask_{label}.nii.gz" for label in range(1, n_masks + 1))
    for label, path in enumerate(paths, start=1):
        write_labels(path, regions == label, grid)
    return paths


def _require_fit(effect: Effect, head: Head, n_volumes: int) -> None:
    if effect.where.shape != head.grid.shape:
        raise ParameterError(
            f"`where` of an effect must have the shape {head.grid.shape} of the head, "
            f"got {effect.where.shape}"
        )
    if effect.course.shape != (n_volumes,):
        raise ParameterError(
            f"`course` of an effect must have one value for each of the {n_volumes} volumes, "
            f"got shape {effect.course.shape}"
        )
