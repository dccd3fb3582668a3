"""Maps of all permutations in a folder: written, and opened again."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import CorruptImageError, ImageFileError
from boldstream.decoding.inference.stores import FileMaps, Maps
from boldstream.io.masks import Mask, load_mask
from boldstream.io.sidecar import read_json
from boldstream.io.stream_writing import open_volume_writer
from boldstream.io.translate import expanded, translated
from boldstream.io.writing import Outputs, write_array, write_json

ARRAY, SCORES, MASK, MANIFEST = "null_maps.npy", "scores.npy", "mask.nii.gz", "manifest.json"
LAYOUT = "permutations x voxels"


def names_of_maps(*, in_volume: bool) -> list[str]:
    """Files of a folder of null maps; on a surface there is no mask among them."""
    return [ARRAY, SCORES, MANIFEST] + ([MASK] if in_volume else [])


@dataclass(frozen=True, eq=False)
class MapsFolder:
    """Where null maps are to stay.

    Attributes
    ----------
    path : path
        A folder; made if it does not exist.
    mask : Mask or None
        Voxels of the maps, in the order of ``data[mask]``; None for a surface.
    """

    path: str | os.PathLike[str]
    mask: Mask | None

    def outputs(self) -> Outputs:
        return Outputs(self.path, names_of_maps(in_volume=self.mask is not None))

    def write_beside(
        self,
        outputs: Mapping[str, Path],
        scores: NDArray[np.float64],
        shape: tuple[int, int],
        chance: float,
    ) -> None:
        """Write all files but the maps."""
        write_array(outputs[SCORES], scores)
        if self.mask is not None:
            with open_volume_writer(outputs[MASK], self.mask.grid, 1, np.uint8) as writer:
                writer.write(self.mask.array.astype(np.uint8))
        manifest = {
            "layout": LAYOUT,
            "n_permutations": shape[0],
            "n_voxels": shape[1],
            "geometry": "surface" if self.mask is None else "volume",
            "chance": None if math.isnan(chance) else chance,
        }
        write_json(outputs[MANIFEST], manifest)


@dataclass(frozen=True, eq=False)
class NullMaps:
    """Scores of every permutation, in a folder.

    Attributes
    ----------
    values : numpy.memmap, shape (n_permutations, voxels), float32
        Mapped; a page is read when it is looked at.
    scores : ndarray, shape (voxels,), float64
        Of the labels as given.
    chance : float
        NaN where the score has none.
    mask : Mask or None
        Voxels lie in the order of ``data[mask.array]``. None for a surface.
    maps : FileMaps
        The same values, for reading them without mapping.
    """

    values: Maps
    scores: NDArray[np.float64]
    chance: float
    mask: Mask | None
    maps: FileMaps


def open_null_maps(path: str | os.PathLike[str]) -> NullMaps:
    """Open a folder of null maps that a searchlight with permutations wrote.

    Parameters
    ----------
    path : path
        The folder, as `null_maps` of the searchlight named it.

    Raises
    ------
    ImageFileError
        If it is no such folder, or not whole.
    TableError
        If its manifest is damaged.
    CorruptImageError
        If an array is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from boldstream.decoding.inference.tally import Tally
    >>> means = np.array([[0.9, 0.5, 0.6, 0.4], [0.5, 0.5, 0.4, 0.7]])
    >>> with tempfile.TemporaryDirectory() as path:
    ...     with Tally(2, 3, folder=MapsFolder(f"{path}/maps", None)) as tally:
    ...         tally.put(0, means)
    ...         _ = tally.finish(chance=0.5)
    ...     maps = open_null_maps(f"{path}/maps")
    ...     maps.values.shape, maps.scores
    ((3, 2), array([0.9, 0.5]))
    """
    folder = expanded(path)
    missing = [name for name in names_of_maps(in_volume=False) if not (folder / name).is_file()]
    if missing:
        raise ImageFileError(
            f"{folder} must be a folder of null maps; it has no {', '.join(missing)}"
        )
    said = read_json(folder / MANIFEST)
    with translated(folder / ARRAY, damage=True):
        values: Any = np.load(folder / ARRAY, mmap_mode="r", allow_pickle=False)
    with translated(folder / SCORES, damage=True):
        scores = np.load(folder / SCORES, allow_pickle=False)
    is_so = {"layout": LAYOUT, "n_permutations": len(values), "n_voxels": len(scores)}
    chance = said.get("chance", "missing")
    if said | is_so != said or not (chance is None or isinstance(chance, float | int)):
        raise ImageFileError(f"{folder / MANIFEST} must say of the files beside it {is_so}")
    mask = load_mask(folder / MASK, name=MASK) if said.get("geometry") == "volume" else None
    n_voxels = len(scores) if mask is None else int(np.count_nonzero(mask.array))
    whole = values.shape == (len(values), n_voxels) and scores.shape == (n_voxels,)
    if not (whole and values.dtype == np.float32 and values.flags.c_contiguous):
        raise CorruptImageError(
            f"{folder / ARRAY} must hold {n_voxels} float32 values of each map, got shape "
            f"{values.shape} and {values.dtype}"
        )
    maps = FileMaps(folder / ARRAY, values.shape, offset=values.offset)
    return NullMaps(values, scores, math.nan if chance is None else float(chance), mask, maps)
