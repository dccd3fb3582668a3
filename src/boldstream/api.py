"""The short functions: one decode pass behind each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike
from boldstream.io.masks import load_mask as read_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.writing import NiftiImage, as_image
from boldstream.memory.cache import CacheConfig
from boldstream.memory.store import Store
from boldstream.signal.cleaning import Cleaning
from boldstream.signal.confounds import ConfoundsLike
from boldstream.signal.extracting import extract_signals
from boldstream.signal.runs import load_runs
from boldstream.streaming.naming import check_names, name_masks
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.once import plan_once, stream_once
from boldstream.streaming.plan import Plan
from boldstream.streaming.preparations import Prepared
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Mean, Volumes, Voxels

OneMask: TypeAlias = MaskLike | Reduction
Masks: TypeAlias = OneMask | Sequence[OneMask] | Mapping[str, OneMask]


def stream(
    image: ImageLike,
    *reductions: Reduction,
    n_jobs: int = 1,
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
        `TSNR`, `Volumes`, `Project`, in any mix; in `Prepared` to resample
        or smooth volumes first.
    n_jobs : int
        Runs of a list that are read at the same time, as far as memory
        allows; −1 takes all cores.
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
    return stream_once(
        image, reductions, n_jobs=n_jobs, memory_limit=memory_limit, progress=progress
    )


def plan(
    image: ImageLike,
    *reductions: Reduction,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
) -> Plan:
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
    return plan_once(image, reductions, n_jobs=n_jobs, memory_limit=memory_limit)[2]


def extract(
    image: ImageLike,
    masks: Masks,
    *,
    resample: Literal["mask"] | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    target: ImageLike | None = None,
    smoothing_fwhm: float | Sequence[float | None] | Literal["fast"] | None = None,
    nan_policy: NanPolicy = "propagate",
    detrend: bool = False,
    standardize: Literal["zscore_sample", "psc"] | None = None,
    low_pass: float | None = None,
    high_pass: float | None = None,
    t_r: float | None = None,
    filter: Literal["butterworth", "cosine"] = "butterworth",  # noqa: A002 - nilearn's name
    confounds: ConfoundsLike | None = None,
    standardize_confounds: bool = True,
    sample_mask: ArrayLike | Sequence[ArrayLike | None] | None = None,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> dict[str, Any]:
    """Time courses of one mask or many, in one pass, and clean if that is asked.

    The order is: resample, smooth, extract, censor, detrend, filter, regress,
    standardise; with the Butterworth filter censored volumes are interpolated
    first and left out after it. Numbers are those of nilearn's maskers, and
    so are the names of the parameters. An image is decoded, resampled and
    smoothed once, however many masks there are.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs, joined in order. Every run is
        cleaned for itself.
    masks : path, image, boolean array, list of these, or mapping of names to these
        Without names, a file's own name without its ending is used, and
        ``mask_1``, ``mask_2``, ... for what has no file. In the place of a
        mask may stand a reduction that gives one row for each volume:
        `Voxels`, `Labels`, `Spheres` or `Maps`, with options of its own; its
        name is that of its mask, atlas or maps.
    resample : {None, "mask"}
        Resample masks that lie on another grid to the image (nearest).
    dtype : {"float32", "float64"}
        Of voxels, and of volumes that are resampled or smoothed.
    target : path or nibabel image, optional
        Resample every volume to the grid of this image (cubic splines).
        Masks lie on that grid then.
    smoothing_fwhm : float, sequence of three float or None, or "fast", optional
        Full width at half maximum in mm.
    nan_policy : {"propagate", "zero", "nilearn", "raise"}
        What becomes of NaN and infinity: in masks they stay, count as 0
        ("nilearn" too), or are refused.
    detrend : bool
        Take out a straight line.
    standardize : {None, "zscore_sample", "psc"}
        Mean 0 and standard deviation 1 (ddof 1), or percent of the mean.
    low_pass, high_pass : float, optional
        Cutoff frequencies in Hz.
    t_r : float, optional
        Repetition time in seconds; by default what the image says.
    filter : {"butterworth", "cosine"}
        "cosine" regresses slow cosines out: a high-pass.
    confounds : array, data frame, path, list of these, or "fmriprep", optional
        What to regress out, a row for each volume; of several runs a list
        with one entry for each. "fmriprep" takes what fMRIPrep wrote beside
        each image, by nilearn's strategy "simple"; "fmriprep:scrubbing",
        "fmriprep:compcor" and "fmriprep:ica_aroma" take the others.
    standardize_confounds : bool
        Bring confounds to mean 0 and standard deviation 1 first.
    sample_mask : array of bool or int, optional
        Volumes to keep; of several runs a list with one entry for each.
    n_jobs : int
        Threads that read the files of a list; -1 for one for each core.
    memory_limit, progress
        As for `stream`.

    Returns
    -------
    dict
        By name: ndarray (volumes, voxels) with voxels in the order of
        ``data[mask]``, or what the reduction gives (`RegionSeries`). Volumes
        are those that are kept. Regions without a voxel stay NaN, and take no
        part in cleaning.

    Raises
    ------
    GridMismatchError
        If a mask lies on another grid and `resample` is None.
    MaskError
        If a mask is empty.
    TableError
        If confounds cannot be used.
    NonFiniteError
        If there is NaN or infinity and `nan_policy` is "raise", or volumes
        that were censored would have to be interpolated between such values.
    ParameterError
        If there is no mask, or two masks have one name; if a parameter is
        none of its values; if a filter needs a repetition time and the image
        has none. All these before anything is read.

    Examples
    --------
    >>> import numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.random.default_rng(0).normal(size=(4, 4, 4, 10)).astype("f4")
    >>> image = nib.Nifti1Image(data, np.eye(4))
    >>> series = bs.extract(image, {"left": data[..., 0] > 0, "right": data[..., 0] < 0})
    >>> sorted(series), len(series["left"])
    (['left', 'right'], 10)

    Smoothed, without its drift and without three volumes:

    >>> clean = bs.extract(
    ...     image,
    ...     {"left": data[..., 0] > 0},
    ...     smoothing_fwhm=2,
    ...     detrend=True,
    ...     standardize="zscore_sample",
    ...     sample_mask=np.arange(3, 10),
    ... )
    >>> len(clean["left"]), bool(abs(clean["left"].mean(axis=0)).max() < 1e-6)
    (7, True)
    """
    source = open_image(image)
    grid = None if target is None else open_image(target).series.grid
    named: list[tuple[str, OneMask]] = name_masks(masks, parameter="masks")
    check_names(
        (name for name, _ in named),
        parameter="masks",
        hint="give a mapping of names to masks",
    )
    reductions = {
        name: Prepared(
            mask
            if isinstance(mask, Reduction)
            else Voxels(mask, resample, dtype, name, nan_policy),
            target=grid,
            smoothing_fwhm=smoothing_fwhm,
            nan_policy=nan_policy,
            dtype=dtype,
        )
        for name, mask in named
    }
    cleaning = Cleaning(
        detrend=detrend,
        standardize=standardize,
        low_pass=low_pass,
        high_pass=high_pass,
        t_r=t_r,
        filter=filter,
        standardize_confounds=standardize_confounds,
    )
    return extract_signals(
        source,
        reductions,
        cleaning=cleaning,
        runs=load_runs(image, source.series, confounds=confounds, sample_mask=sample_mask),
        n_jobs=n_jobs,
        memory_limit=memory_limit,
        progress=progress,
    )


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


def _open_store(cache: object) -> Store:
    if isinstance(cache, Store):
        return cache
    if isinstance(cache, CacheConfig):
        return cache.open_store()
    if isinstance(cache, str | os.PathLike) and os.fspath(cache):
        return Store(cache)
    raise ParameterError(f"`cache` must be a bs.Store, a bs.CacheConfig or a path, got {cache!r}")
