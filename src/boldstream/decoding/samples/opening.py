"""`open_samples`: whatever holds samples, to be read for some voxels at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import find_budget
from boldstream.core.checks import one_of
from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.samples.base import Samples, SamplesNanPolicy, usable_voxels
from boldstream.decoding.samples.betas import ArraySamples, FileSamples
from boldstream.decoding.samples.memory import MemorySamples, VoxelMajor
from boldstream.decoding.samples.selected import Selected, SelectedSamples
from boldstream.decoding.samples.stored import StoredSamples
from boldstream.io.betas import betas_folder_of, is_whole_map, open_betas_folder
from boldstream.io.betas_source import open_volumes
from boldstream.io.headers import check_type
from boldstream.io.masks import Mask, MaskLike, load_mask, mask_among
from boldstream.io.selecting import check_kept, select_volumes
from boldstream.io.source import VolumeSource
from boldstream.io.stored import image_files
from boldstream.io.surfaces import is_gifti, read_surface_data
from boldstream.memory.store import Store, StoredVoxels
from boldstream.streaming.once import stream_once
from boldstream.streaming.progress import Report

# Of the memory that may be taken, for samples; the rest is for what is done with them.
_SHARE = 0.5


def open_samples(
    imgs: Any,
    mask: MaskLike | Mask | None = None,
    *,
    mask_name: str = "mask",
    resample: Literal["mask"] | None = None,
    memory_limit: str | int | None = None,
    store: Store | None = None,
    nan_policy: SamplesNanPolicy = "raise",
    n_jobs: int = 1,
    progress: bool | Report = False,
) -> Samples:
    """Open samples of the voxels of a mask.

    An image is decoded once: into memory where half of what may be taken holds
    it, else into the store, which other processes share.

    Parameters
    ----------
    imgs : path, nibabel image, list of either, folder, Betas, StoredVoxels, or ndarray
        Volumes are samples; a list of runs or of 3-D images is joined in
        order. A folder holds betas as `trial_betas` writes them. GIFTI files
        hold a data array for each sample. An array has the shape (samples,
        voxels). `Selected` is some samples of one of these.
    mask : mask or Mask, optional
        The voxels to take, by default all there are. For an array its voxels
        are the columns; for an array or GIFTI files it may be one bool for
        each column or vertex.
    mask_name : str
        What errors call the mask.
    resample : {None, "mask"}
        Whether a mask on another grid is refused, or resampled.
    memory_limit : str or int, optional
        Most memory that this process may hold.
    store : Store, optional
        Where to keep what does not fit memory; by default the user's.
    nan_policy : {"raise", "exclude", "zero"}
        What becomes of voxels of the mask that hold NaN or infinity in any
        sample, of `Selected` in any that is kept: they are refused; belong
        to no sphere; or NaN and infinity count as 0, as in nilearn.
    n_jobs : int
        Threads that decode the files of a list side by side.
    progress : bool or callable
        As for `stream`.

    Returns
    -------
    Samples

    Raises
    ------
    NonFiniteError
        If there is NaN or infinity in the mask and `nan_policy` is "raise".
    MemoryBudgetError
        If an image cannot be decoded within the limit.
    ImageFileError, CorruptImageError, UnsupportedImageError, TableError
        If a file cannot be read.
    GridMismatchError, MaskError
        If the mask does not fit.
    ParameterError
        If `imgs` is nothing of the kind, or of `Selected` a sample that is
        kept is not there.
    StorageError
        If the disk has no room.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> data = np.arange(4 * 4 * 4 * 6, dtype="f4").reshape(4, 4, 4, 6)
    >>> with open_samples(nib.Nifti1Image(data, np.eye(4)), data[..., 0] > 300) as samples:
    ...     samples.n_voxels, samples.n_samples, samples.read(np.array([0, 1])).tolist()[1]
    (13, 6, [312.0, 313.0, 314.0, 315.0, 316.0, 317.0])
    """
    one_of("nan_policy", nan_policy, get_args(SamplesNanPolicy))
    kept = None
    if isinstance(imgs, Selected):
        imgs, kept = imgs.imgs, imgs.kept
    asked = _Asked(mask, mask_name, resample, nan_policy, kept)
    every = _in_place(imgs, asked)
    if every is None:
        source = open_volumes(imgs)
        inside = asked.voxels_among(source.inside, source.series.grid)
        some = source if kept is None else select_volumes(source, kept)
        if _fits(some, inside, memory_limit) or not _is_in_files(source):
            reduction = VoxelMajor(inside, zero=nan_policy == "zero")
            ((values, finite),) = stream_once(
                some, [reduction], n_jobs=n_jobs, memory_limit=memory_limit, progress=progress
            )
            usable = usable_voxels(finite, nan_policy, source.series.name)
            return MemorySamples(values, inside, usable)
        kept_in = Store() if store is None else store
        voxels = kept_in.voxels(source, inside.array, memory_limit=memory_limit, progress=progress)
        try:
            every = StoredSamples(voxels, inside, nan_policy, kept=kept)
        except BaseException:
            voxels.close()
            raise
    return every if kept is None else SelectedSamples(every, kept)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked of samples, wherever they are."""

    mask: MaskLike | Mask | None
    mask_name: str
    resample: Literal["mask"] | None
    nan_policy: SamplesNanPolicy
    kept: NDArray[np.intp] | None

    def voxels_among(self, there: NDArray[np.bool_] | None, grid: Grid) -> Mask:
        return mask_among(there, grid, self.mask, resample=self.resample, name=self.mask_name)

    def kept_of(self, n_samples: int, name: str) -> NDArray[np.intp] | None:
        """What is kept of so many samples; refuses what is not among them."""
        return None if self.kept is None else check_kept(self.kept, f"samples of {name}", n_samples)


def _in_place(imgs: Any, asked: _Asked) -> Samples | None:
    """Samples that are read where they are; None for images."""
    if isinstance(imgs, StoredVoxels):
        return _of_stored(imgs, asked)
    folder = betas_folder_of(imgs)
    if folder is not None:
        betas = open_betas_folder(folder)
        inside, columns = _part_of(betas.mask, asked)
        return _sample_major(betas.values, inside, columns, asked, str(betas.path))
    if isinstance(imgs, np.ndarray):
        return _of_array(imgs, asked)
    if _is_surface(imgs):
        return _of_array(read_surface_data(imgs), asked)
    return None


def _fits(source: VolumeSource, inside: Mask, memory_limit: str | int | None) -> bool:
    """Whether the samples take no more than their share of the memory that may be taken."""
    n_bytes = 4 * source.series.n_volumes * int(np.count_nonzero(inside.array))
    return n_bytes <= _SHARE * find_budget(memory_limit).headroom_bytes


def _is_surface(imgs: Any) -> bool:
    return is_gifti(imgs) or (_is_list(imgs) and bool(imgs) and all(map(is_gifti, imgs)))


def _is_list(imgs: Any) -> bool:
    return isinstance(imgs, Sequence) and not isinstance(imgs, str)


def _is_in_files(source: VolumeSource) -> bool:
    """Whether the store can take it: what is in memory only is held already."""
    try:
        image_files(source)
    except ParameterError:
        return False
    return True


def _of_stored(voxels: StoredVoxels, asked: _Asked) -> Samples:
    stored = np.zeros(voxels.grid.n_voxels, np.bool_)
    stored[voxels.voxels] = True
    stored_mask = Mask("mask", voxels.grid, stored.reshape(voxels.grid.shape))
    inside, rows = _part_of(stored_mask, asked)
    kept = asked.kept_of(voxels.n_volumes, f"the image in {voxels.path}")
    return StoredSamples(voxels, inside, asked.nan_policy, rows, kept)


def _part_of(kept: Mask, asked: _Asked) -> tuple[Mask, NDArray[np.intp]]:
    """The voxels that are asked for, and their positions among those that are kept."""
    wanted = asked.voxels_among(kept.array, kept.grid)
    return wanted, np.flatnonzero(wanted.array[kept.array])


def _of_array(values: NDArray[Any], asked: _Asked) -> Samples:
    if values.ndim != 2 or not values.size:
        raise ParameterError(
            f"`imgs` must be images or an array (samples, voxels), got the shape {values.shape}"
        )
    check_type(values.dtype, "`imgs`")
    n, mask, name = values.shape[1], asked.mask, asked.mask_name
    if mask is None:
        return _sample_major(values, None, None, asked, "`imgs`")
    if isinstance(mask, np.ndarray) and mask.ndim == 1:
        if mask.dtype != np.bool_ or mask.shape != (n,) or not mask.any():
            raise MaskError(
                f"`{name}` must be {n} booleans, one for each column of `imgs`, not all False; "
                f"got {np.count_nonzero(mask)} of {mask.dtype} {mask.shape}"
            )
        return _sample_major(values, None, np.flatnonzero(mask), asked, "`imgs`")
    inside = mask if isinstance(mask, Mask) else load_mask(mask, name=name)
    n_inside = np.count_nonzero(inside.array)
    if n_inside != n:
        raise MaskError(
            f"`imgs` must have a column for each of {n_inside} voxels of `{name}`, got {n}"
        )
    return _sample_major(values, inside, None, asked, "`imgs`")


def _sample_major(
    values: NDArray[Any],
    mask: Mask | None,
    columns: NDArray[np.intp] | None,
    asked: _Asked,
    name: str,
) -> Samples:
    """Samples of an array; one that is a mapped file is read without its map."""
    made = FileSamples if is_whole_map(values) else ArraySamples
    samples = made(values, mask, columns)
    try:
        samples.apply(asked.nan_policy, name, asked.kept_of(samples.n_samples, name))
    except BaseException:
        samples.close()
        raise
    return samples
