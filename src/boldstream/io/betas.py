"""A folder of betas: an array (trials, voxels), the mask of its voxels, a table, a manifest."""

from __future__ import annotations

import mmap
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ImageFileError
from boldstream.io.masks import Mask, load_mask
from boldstream.io.sidecar import read_json
from boldstream.io.translate import expanded, translated

ARRAY, MASK, TRIALS, MANIFEST = "betas.npy", "mask.nii.gz", "trials.tsv", "manifest.json"
LAYOUT = "trials x voxels"


class Betas(ABC):
    """Betas of trials in Python, to be read from wherever they are.

    Attributes
    ----------
    mask : ndarray of bool, shape (x, y, z)
        The voxels that have betas.
    """

    mask: NDArray[np.bool_]

    @property
    @abstractmethod
    def held_in(self) -> Any:
        """An image, or the path of the image or the folder that holds them."""


@dataclass(frozen=True, eq=False)
class BetasFolder:
    """Betas in a folder, found whole.

    Attributes
    ----------
    path : Path
    mask : Mask
        The voxels of each row of the array, in the order of ``data[mask]``.
    values : numpy.memmap, shape (trials, voxels)
        Mapped: nothing of it is read before it is looked at.
    """

    path: Path
    mask: Mask
    values: NDArray[Any]


def open_betas_folder(path: str | os.PathLike[str]) -> BetasFolder:
    """Open a folder of betas but for its table.

    Raises
    ------
    ImageFileError
        If it is no such folder, or not whole.
    TableError
        If its manifest is damaged.
    CorruptImageError
        If the array is damaged.
    """
    folder = expanded(path)
    missing = [name for name in (ARRAY, MASK, TRIALS, MANIFEST) if not (folder / name).is_file()]
    if missing:
        image = folder / "betas.nii.gz"
        instead = f"; it holds an image: give {image}" if image.is_file() else ""
        raise ImageFileError(
            f"{folder} must be a folder that `trial_betas` wrote; it has no "
            f"{', '.join(missing)}{instead}"
        )
    mask = load_mask(folder / MASK, name=MASK)
    with translated(folder / ARRAY, damage=True):
        values: NDArray[Any] = np.load(folder / ARRAY, mmap_mode="r", allow_pickle=False)
    n_voxels = np.count_nonzero(mask.array)
    if values.ndim != 2 or values.shape[1] != n_voxels or not values.flags.c_contiguous:
        raise ImageFileError(
            f"{folder / ARRAY} must hold trials of {n_voxels} voxels, trial by trial, "
            f"got shape {values.shape}"
        )
    said = read_json(folder / MANIFEST)
    is_so = {"layout": LAYOUT, "dtype": values.dtype.name, "n_trials": len(values)}
    if said | is_so != said:
        raise ImageFileError(f"{folder / MANIFEST} must say of the files beside it {is_so}")
    # The current folder may change.
    return BetasFolder(folder.absolute(), mask, values)


def betas_folder_of(x: Any) -> Path | None:
    """The folder of betas that is given, by its path or as `Betas` that it holds; None if none."""
    held = x.held_in if isinstance(x, Betas) else x
    if not isinstance(held, str | os.PathLike):
        return None
    folder = expanded(held)
    return folder if folder.is_dir() else None


def is_whole_map(values: Any) -> bool:
    """Whether an array is a file as it was mapped, and no piece or copy of one."""
    return (
        isinstance(values, np.memmap)
        and values.mode != "c"  # what was changed since is not in the file
        and isinstance(values.base, mmap.mmap)
        and values.flags.c_contiguous
        and isinstance(values.filename, str | os.PathLike)
    )
