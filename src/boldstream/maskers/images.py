"""What nilearn calls ``imgs``: opened for streaming, and described to nilearn without its data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from nilearn._utils.niimg import load_niimg
from nilearn.exceptions import DimensionError
from nilearn.image import new_img_like
from nilearn.image.image import _get_imgs_as_filenames
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.io.opening import open_image
from boldstream.io.source import VolumeSource
from boldstream.io.writing import NiftiImage, as_image


@dataclass(frozen=True)
class Images:
    """One series of volumes, as nilearn's maskers take it.

    Attributes
    ----------
    given : object
        What the user handed in.
    parts : list
        nibabel images with their data still on disk, where they are there.
    paths : list
        For each part its path where it was given by that, else None.
    is_list : bool
        Whether several 3-D images make up the series.
    """

    given: Any
    parts: list[Any]
    paths: list[str | None]
    is_list: bool

    @cached_property
    def source(self) -> VolumeSource:
        """The volumes, to be streamed."""
        return open_image(self.readable if self.is_list else self.readable[0])

    @property
    def readable(self) -> list[Any]:
        """Each part by its path, or as it is where it was given so."""
        return [path or part for path, part in zip(self.paths, self.parts, strict=True)]

    @property
    def grid(self) -> Grid:
        return Grid(tuple(self.parts[0].shape[:3]), self.parts[0].affine)

    @property
    def n_volumes(self) -> int:
        shape = self.parts[0].shape
        return len(self.parts) if self.is_list else (shape[3] if len(shape) > 3 else 1)

    @property
    def is_single_volume(self) -> bool:
        """Whether one 3-D image was given, for which nilearn's maskers return a 1-D array."""
        return not self.is_list and len(self.parts[0].shape) == 3

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Of the data as nilearn would load them: scaled ones are float64."""
        return dtype_of(self.parts[0])

    @cached_property
    def stand_in(self) -> Any:
        """A 4-D image of zeros on the same grid that takes no memory: for checks of shape."""
        zeros = np.broadcast_to(np.zeros((), np.float32), (*self.grid.shape, self.n_volumes))
        return self.like(zeros)

    @cached_property
    def typed(self) -> Any:
        """A NIfTI image from which nilearn can tell the type of the data."""
        part = self.parts[0]
        if isinstance(part, NiftiImage):
            return part
        return self.like(np.zeros((1, 1, 1), self.dtype))

    @property
    def fingerprint(self) -> list[Any]:
        """What changes when the data do, for the keys of a cache."""
        return [_state_of(part) for part in self.parts]

    def is_from(self, other: Images) -> bool:
        """Whether these are the images that `other` was opened from."""
        pairs = zip(self.readable, other.readable, strict=False)
        return len(self.parts) == len(other.parts) and all(
            a == b if isinstance(a, str) else a is b for a, b in pairs
        )

    def like(self, values: NDArray[Any]) -> Any:
        """An image of values on the same grid; NIfTI, where nilearn needs it to be."""
        part = self.parts[0]
        if not isinstance(part, NiftiImage):
            part = as_image(np.zeros((1, 1, 1)), self.grid)
        # With the header nilearn would look for the extremes, of the stand-in's zeros too.
        return new_img_like(part, values, part.affine, copy_header=False)

    def volume(self, index: int) -> NDArray[Any] | None:
        """One volume, where that costs no decoding of others; else None."""
        data = self.parts[index if self.is_list else 0].dataobj
        if not self.is_list and _is_compressed(data):
            return None
        several = not self.is_list and len(data.shape) > 3
        volume: NDArray[Any] = np.asanyarray(data[..., index] if several else data)
        return volume


def open_images(imgs: Any) -> Images:
    """Open images for a masker: a path, an image, a pattern, or a list of 3-D ones.

    Raises
    ------
    nilearn.exceptions.DimensionError
        If it is not one series of volumes, as where nilearn raises it.
    """
    if isinstance(imgs, str | os.PathLike):
        imgs = _get_imgs_as_filenames(str(imgs))
    if isinstance(imgs, str) or not hasattr(imgs, "__iter__"):
        images = _load(imgs, [imgs], is_list=False)
        if len(images.parts[0].shape) not in (3, 4):
            raise DimensionError(len(images.parts[0].shape), 4)
        return images
    images = _load(imgs, list(imgs), is_list=True)
    for part in images.parts:
        if len(part.shape) != 3 and part.shape[3:] != (1,):
            error = DimensionError(len(part.shape), 3)
            error.increment_stack_counter()
            raise error
    return images


def dtype_of(image: Any) -> np.dtype[Any]:
    """Of the data as nilearn would load them."""
    data = image.dataobj
    first: NDArray[Any] = np.asanyarray(data[(slice(0, 1),) * len(data.shape)])
    return first.dtype


def _is_compressed(data: Any) -> bool:
    """Whether data lie in a file in which what comes before must be decoded, too."""
    file = getattr(data, "file_like", None)
    return isinstance(file, str | os.PathLike) and not str(file).endswith((".nii", ".img"))


class _Unfiled:
    """Data that lie in no file, such as those of `from_bytes`, for the hash of joblib alone.

    They are read when that is made, volume by volume: not where nothing is cached.
    """

    def __init__(self, image: Any) -> None:
        self._image = image

    def __reduce__(self) -> tuple[Any, ...]:
        blocks = open_image(self._image).blocks(1)
        return _Unfiled, tuple(joblib.hash(block.data) for block in blocks)


def _state_of(image: Any) -> Any:
    """The data of an image in memory; where they are on disk, the state of its files."""
    # As `open_image` reads it: what get_fdata() gave may have been edited.
    data = image.dataobj if image._fdata_cache is None else image._fdata_cache
    if isinstance(data, np.ndarray):
        return data, dtype_of(image), image.affine
    files = [Path(holder.filename) for holder in image.file_map.values() if holder.filename]
    # One made of bytes that was saved since names a file, and does not read it.
    if not files or hasattr(getattr(data, "file_like", None), "read"):
        return _Unfiled(image), image.shape, dtype_of(image), image.affine
    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    # The affine may have been changed since it was read.
    return states, image.shape, image.affine


def _load(given: Any, images: Sequence[Any], *, is_list: bool) -> Images:
    if not images:
        raise TypeError("Cannot concatenate empty objects")
    paths = [_path_of(image) for image in images]
    return Images(given, [load_niimg(image) for image in images], paths, is_list)


def _path_of(image: Any) -> str | None:
    """Absolute path of a path or of an image that has its data on disk."""
    if isinstance(image, str | os.PathLike):
        return str(Path(image).expanduser().absolute())
    return None
