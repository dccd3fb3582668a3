"""The short functions: one decode pass behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from numpy.typing import NDArray

from boldstream.core.budget import find_budget
from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike, mask_name
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import VolumeSource
from boldstream.io.writing import NiftiImage, as_image
from boldstream.streaming.plan import Plan, make_plan
from boldstream.streaming.progress import Report, open_progress
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.reductions import Mean, Volumes, Voxels
from boldstream.streaming.run import run_pass

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
    source, bounds, made = _planned(image, reductions, memory_limit)
    with open_progress(progress, source.series.name) as report:
        return run_pass(source, bounds, made.block_volumes, report)


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
    return _planned(image, reductions, memory_limit)[2]


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
        If a mask is empty, or two masks have one name.

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


def read_volume(image: ImageLike, t: int, *, memory_limit: str | int | None = None) -> NiftiImage:
    """One volume of a 4-D image, as a 3-D image.

    Parameters
    ----------
    image : path, nibabel image, or list of either
    t : int
        Which volume, from 0; negative numbers count from the end.
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

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> image = nib.Nifti1Image(np.arange(16, dtype="i2").reshape(2, 2, 2, 2), np.eye(4))
    >>> float(bs.read_volume(image, -1).get_fdata()[0, 0, 0])
    1.0
    """
    source = open_image(image)
    (volumes,) = stream(source, Volumes([t]), memory_limit=memory_limit)
    return as_image(volumes[..., 0], source.series.grid)


def name_masks(masks: Masks) -> list[tuple[str, MaskLike]]:
    """Pairs of name and mask, the names made unique or refused."""
    if isinstance(masks, Mapping):
        return [(str(name), mask) for name, mask in masks.items()]
    listed = cast("list[MaskLike]", list(masks) if isinstance(masks, list | tuple) else [masks])
    if not listed:
        raise ParameterError("`masks` must hold at least one mask, got none")
    named = [(mask_name(mask) or f"mask_{i}", mask) for i, mask in enumerate(listed, 1)]
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            f"`masks` must have different names, got {', '.join(twice)} more than once; "
            "give a mapping of names to masks"
        )
    return named


def _planned(
    image: ImageLike, reductions: Sequence[Reduction], memory_limit: str | int | None
) -> tuple[VolumeSource, list[Bound[Any]], Plan]:
    """Open, bind and plan: everything short of reading the data."""
    if not reductions:
        raise ParameterError("`reductions` must hold at least one, such as bs.Mean(); got none")
    for reduction in reductions:
        if not isinstance(reduction, Reduction):
            raise ParameterError(
                f"`reductions` must be reductions such as bs.Mean(), got {reduction!r}"
            )
    source = open_image(image)
    bounds = [reduction.bind(source.series) for reduction in reductions]
    budget = find_budget(memory_limit)
    made = make_plan(source.series, source.reads, bounds, budget, source.buffer_bytes)
    return source, bounds, made
