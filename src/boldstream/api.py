"""The short functions: one decode pass behind each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike, mask_name
from boldstream.io.masks import load_mask as read_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.writing import NiftiImage, as_image
from boldstream.memory.cache import CacheConfig
from boldstream.memory.store import Store
from boldstream.streaming.once import plan_once, stream_once
from boldstream.streaming.plan import Plan
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Mean, Volumes, Voxels

Masks: TypeAlias = MaskLike | Sequence[MaskLike] | Mapping[str, MaskLike]


def stream(
    image: ImageLike,
    *reductions: Reduction,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> tuple[Any, ...]:
    """Read an image once and compute any number of reductions from that one pass.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs, joined in order; a list of
        3-D images is one run. Images are left as they were found.
    *reductions : Reduction
        What to compute: `Voxels`, `Labels`, `Spheres`, `Maps`, `Mean`, `Std`,
        `TSNR`, `Volumes`, `Project`, in any mix.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, what it holds
        already included, as ``"500MiB"`` or in bytes. By default what RAM,
        cgroup, SLURM and ulimit leave.
    progress : bool or callable
        True shows a bar on standard error; a function is called with volumes
        done and volumes in all.

    Returns
    -------
    tuple
        The results, in the order of the reductions.

    Raises
    ------
    MemoryBudgetError
        Before anything is read, if it cannot be done within the limit.
    CorruptImageError
        If a file turns out truncated or damaged; nothing is returned then.
    ImageFileError, UnsupportedImageError, GridMismatchError, MaskError, ParameterError

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.arange(4 * 4 * 4 * 10, dtype="f4").reshape(4, 4, 4, 10)
    >>> image = nib.Nifti1Image(data, np.eye(4))
    >>> mean, voxels = bs.stream(image, bs.Mean(), bs.Voxels(data[..., 0] > 300))
    >>> mean.shape, voxels.shape
    ((4, 4, 4), (10, 33))
    """
    return stream_once(image, reductions, memory_limit=memory_limit, progress=progress)


def plan(image: ImageLike, *reductions: Reduction, memory_limit: str | int | None = None) -> Plan:
    """Say how `stream` would read the image and what memory it would take.

    Reads headers and masks only. Parameters and errors are those of `stream`.

    Returns
    -------
    Plan
        With `peak_bytes`, `block_volumes` and `reads`; ``print(plan)``
        explains it.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> image = nib.Nifti1Image(np.zeros((4, 4, 4, 10), "f4"), np.eye(4))
    >>> bs.plan(image, bs.Mean()).block_volumes
    10
    """
    return plan_once(image, reductions, memory_limit=memory_limit)[2]


def extract(
    image: ImageLike,
    masks: Masks,
    *,
    resample: Literal["mask"] | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> dict[str, NDArray[Any]]:
    """Time courses of the voxels of one mask or many, in one pass.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs, joined in order.
    masks : path, image, boolean array, list of these, or mapping of names to these
        Without names, a file's own name without its ending is used, and
        ``mask_1``, ``mask_2``, ... for what has no file.
    resample : {None, "mask"}
        Resample masks that lie on another grid to the image (nearest).
    dtype : {"float32", "float64"}
    memory_limit, progress
        As for `stream`.

    Returns
    -------
    dict of str to ndarray, shape (volumes, voxels)
        Voxels in the order of ``data[mask]``.

    Raises
    ------
    GridMismatchError
        If a mask lies on another grid and `resample` is None.
    MaskError
        If a mask is empty.
    ParameterError
        If there is no mask, or two masks have one name.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.random.default_rng(0).normal(size=(4, 4, 4, 10)).astype("f4")
    >>> image = nib.Nifti1Image(data, np.eye(4))
    >>> series = bs.extract(image, {"left": data[..., 0] > 0, "right": data[..., 0] < 0})
    >>> sorted(series), len(series["left"])
    (['left', 'right'], 10)
    """
    named = name_masks(masks)
    voxels = [Voxels(mask, resample=resample, dtype=dtype, name=name) for name, mask in named]
    series = stream(image, *voxels, memory_limit=memory_limit, progress=progress)
    return {name: values for (name, _), values in zip(named, series, strict=True)}


def mean_image(
    image: ImageLike,
    *,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> NiftiImage:
    """Mean over time, as a 3-D image; the mean of a 3-D image is the image.

    Parameters
    ----------
    image : path, nibabel image, or list of either
    memory_limit, progress
        As for `stream`.

    Returns
    -------
    nibabel.Nifti1Image
        float32, on the grid of `image`.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> image = nib.Nifti1Image(np.ones((2, 2, 2, 5), "i2"), np.eye(4))
    >>> float(bs.mean_image(image).get_fdata().max())
    1.0
    """
    source = open_image(image)
    (mean,) = stream(source, Mean(), memory_limit=memory_limit, progress=progress)
    return as_image(mean, source.series.grid)


def read_volume(
    image: ImageLike,
    t: int,
    *,
    cache: Store | CacheConfig | str | os.PathLike[str] | None = None,
    memory_limit: str | int | None = None,
) -> NiftiImage:
    """One volume of a 4-D image, as a 3-D image.

    A compressed file is decoded to its end, so that damage is noticed. With
    `cache` that happens once: the volumes are stored, and any of them is read
    from there afterwards.

    Parameters
    ----------
    image : path, nibabel image, or list of either
    t : int
        Which volume, from 0; negative numbers count from the end.
    cache : Store, CacheConfig or path, optional
        Where to store volumes; nothing is stored by default.
    memory_limit
        As for `stream`.

    Returns
    -------
    nibabel.Nifti1Image
        float32, on the grid of `image`.

    Raises
    ------
    ParameterError
        If there is no such volume.
    StorageError
        If `cache` has no room for the volumes.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> image = nib.Nifti1Image(np.arange(16, dtype="i2").reshape(2, 2, 2, 2), np.eye(4))
    >>> float(bs.read_volume(image, -1).get_fdata()[0, 0, 0])
    1.0
    """
    source = open_image(image)
    n = source.series.n_volumes
    index = integer_in("t", t, -n, n - 1)
    if cache is None:
        (volumes,) = stream(source, Volumes([index]), memory_limit=memory_limit)
        return as_image(volumes[..., 0], source.series.grid)
    with _open_store(cache).volumes(source, memory_limit=memory_limit) as stored:
        volume = np.array(stored[..., index], dtype=np.float32, order="F")
    return as_image(volume, source.series.grid)


def load_mask(mask: MaskLike) -> NDArray[np.bool_]:
    """Voxels of a mask, as an array.

    Parameters
    ----------
    mask : path or nibabel image
        Holds 0 and one other value.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        On the mask's own grid. An array does not know where it lies: what
        takes it checks the shape alone, so give the path where one will do.

    Raises
    ------
    MaskError
        If the mask is empty, or holds more than one value besides 0.
    ImageFileError
        If the file is missing or no image.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> values = np.array([0, 1, 1, 0], "u1").reshape(2, 2, 1)
    >>> bs.load_mask(nib.Nifti1Image(values, np.eye(4)))[..., 0].tolist()
    [[False, True], [True, False]]
    """
    return read_mask(mask).array


def name_masks(masks: Masks) -> list[tuple[str, MaskLike]]:
    """Pairs of name and mask, the names made unique or refused."""
    if isinstance(masks, Mapping):
        named = [(str(name), mask) for name, mask in masks.items()]
    else:
        listed = cast("list[MaskLike]", list(masks) if isinstance(masks, list | tuple) else [masks])
        named = [(mask_name(mask) or f"mask_{i}", mask) for i, mask in enumerate(listed, 1)]
    if not named:
        raise ParameterError("`masks` must hold at least one mask, got none")
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            f"`masks` must have different names, got {', '.join(twice)} more than once; "
            "give a mapping of names to masks"
        )
    return named


def _open_store(cache: object) -> Store:
    if isinstance(cache, Store):
        return cache
    if isinstance(cache, CacheConfig):
        return cache.open_store()
    if isinstance(cache, str | os.PathLike) and os.fspath(cache):
        return Store(cache)
    raise ParameterError(f"`cache` must be a bs.Store, a bs.CacheConfig or a path, got {cache!r}")
