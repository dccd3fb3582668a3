"""`MemoryEfficientLoader`: the images of a study's subjects in little memory."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import find_budget, format_bytes
from boldstream.core.checks import one_of
from boldstream.core.errors import MemoryBudgetError, ParameterError, StorageError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import open_image
from boldstream.io.source import VolumeSource
from boldstream.io.study import OAKConfig, check_label, find_study
from boldstream.kernels.standardize import percent_change, zscore
from boldstream.memory.clearing import UNKEPT
from boldstream.memory.config import GB, MemoryConfig
from boldstream.memory.folders import Folder, find_folder
from boldstream.memory.mapped import MemoryMappedArray
from boldstream.memory.monitor import MemoryMonitor
from boldstream.memory.store import Store
from boldstream.memory.store.recipe import volumes_type
from boldstream.memory.temporary import TemporaryFolder
from boldstream.memory.whole import read_whole
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Voxels

Standardize: TypeAlias = bool | Literal["zscore_sample", "zscore_population", "psc"] | None

_KINDS = ("zscore_sample", "zscore_population", "psc")
# What is copied into a map at a time: its pages count as memory until they are dropped.
_COPIED_BYTES = 16 << 20
_log = logging.getLogger(__name__)


class MemoryEfficientLoader:
    """Gives subjects' images and the time courses of regions in bounded memory.

    Images that are large, as `memory_config` says, are decoded once into files
    that all processes of the machine share; small ones are read into memory.

    Parameters
    ----------
    config : OAKConfig, optional
        Where the subjects are. By default the study that ``BOLDSTREAM_STUDY``
        names, or the BIDS study in the current folder; it is looked for when a
        subject is loaded.
    memory_config : MemoryConfig, optional
        By default what suits this machine (`MemoryConfig.for_system`).

    Attributes
    ----------
    monitor : MemoryMonitor

    Examples
    --------
    >>> import tempfile, numpy as np, nibabel as nib, boldstream as bs
    >>> data = np.random.default_rng(0).normal(100, 5, (4, 4, 4, 20)).astype("f4")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.Nifti1Image(data, np.eye(4)).to_filename(f"{folder}/001.nii.gz")
    ...     study = bs.OAKConfig(root=folder, image_template="{subject}.nii.gz")
    ...     settings = bs.MemoryConfig(MEMMAP_TEMP_DIR=folder)
    ...     with bs.MemoryEfficientContext(study, settings) as loader:
    ...         whole = loader.load_fmri_memmap("sub-001")
    ...         series = loader.extract_roi_timeseries_memmap("sub-001", data[..., 0] > 100)
    >>> whole.shape, series.shape[0], bool(abs(series.mean(axis=0)).max() < 1e-6)
    ((4, 4, 4, 20), 20, True)
    """

    def __init__(
        self, config: OAKConfig | None = None, memory_config: MemoryConfig | None = None
    ) -> None:
        self.config = config
        self.memory_config = memory_config or MemoryConfig.for_system()
        self.monitor = MemoryMonitor(self.memory_config)
        self._temporary: TemporaryFolder | None = None
        self._making = threading.Lock()
        self._maps = weakref.WeakSet[MemoryMappedArray]()

    @property
    def temp_dir(self) -> Path:
        """A private folder (0700) of this loader; made when it is first asked for."""
        with self._making:
            if self._temporary is None:
                keep = not self.memory_config.CLEANUP_TEMP_FILES
                self._temporary = TemporaryFolder(self._folder.path, keep=keep)
            return self._temporary.path

    def load_fmri_memmap(self, subject_id: str) -> MemoryMappedArray | NDArray[Any]:
        """All volumes of a subject, its runs joined in order.

        Parameters
        ----------
        subject_id : str
            ``"sub-001"`` or ``"001"``.

        Returns
        -------
        MemoryMappedArray or ndarray, shape (x, y, z, volumes)
            Mapped where the data are larger than the threshold or do not fit,
            else in memory. In the type of the file where its values are not
            scaled, else in float32; a volume lies together.

        Raises
        ------
        MemoryBudgetError
            If they cannot be read within ``MAX_MEMORY_PER_PROCESS_GB``.
        StorageError
            If they have to be mapped and the disk has no room.
        ParameterError
            If it is not known where the subjects are, or `subject_id` is none.
        ImageFileError, CorruptImageError, UnsupportedImageError, GridMismatchError
            As for `open_image`.
        """
        source = open_image(self._images(subject_id))
        if self._stays_in_file(source):
            mapped = self._store().volumes(source, memory_limit=self._limit)
            self._maps.add(mapped)
            values: MemoryMappedArray | NDArray[Any] = mapped
        else:
            values = read_whole(source, volumes_type(source), self._limit)
        self.monitor.log_memory_usage(f"loaded {subject_id}")
        return values

    def extract_roi_timeseries_memmap(
        self, subject_id: str, roi_mask: MaskLike, standardize: Standardize = True
    ) -> NDArray[np.float32]:
        """Time courses of a region's voxels.

        The first region of a large image decodes it once; every other one is
        read from the file that was made of it.

        Parameters
        ----------
        subject_id : str
            ``"sub-001"`` or ``"001"``.
        roi_mask : boolean ndarray (x, y, z), path or nibabel image
            On the grid of the subject's images.
        standardize : {True, "zscore_sample", "zscore_population", "psc", False, None}
            Within each run: mean 0 and standard deviation 1, dividing by
            n - 1 (True, "zscore_sample", as nilearn) or by n; or percent
            change from the mean. False and None leave the values as they are.

        Returns
        -------
        ndarray, shape (volumes, voxels), float32
            Voxels in the order of ``data[mask]``.

        Raises
        ------
        MaskError
            If the mask is empty, or has another shape than the images.
        ParameterError
            If `standardize` is none of the above, or a run has one volume.
        MemoryBudgetError, GridMismatchError, ImageFileError, CorruptImageError
            As for `load_fmri_memmap`.
        """
        series = self.extract_from(self._images(subject_id), roi_mask, standardize)
        self.monitor.log_memory_usage(f"extracted {series.shape[1]} voxels of {subject_id}")
        return series

    def extract_from(
        self, images: Sequence[Path], roi_mask: MaskLike, standardize: Standardize = True
    ) -> NDArray[np.float32]:
        """Time courses as `extract_roi_timeseries_memmap` gives them, of runs in any files.

        Parameters
        ----------
        images : sequence of path
            The runs in order.
        roi_mask, standardize
            As for `extract_roi_timeseries_memmap`, and so are the errors.

        Returns
        -------
        ndarray, shape (volumes, voxels), float32
        """
        kind, source = _kind_of(standardize), open_image(images)
        if kind is not None and min(source.series.run_lengths) < 2:
            raise ParameterError(
                f"`standardize` must be False for a run of one volume, got {standardize!r}"
            )
        mask = load_mask(roi_mask, source.series.grid, name="roi_mask").array
        if self._stays_in_file(source):
            series = self._read_stored(source, mask)
        else:
            series = self._read_once(source, mask)
        if kind is not None:
            _standardize(series, source.series.run_lengths, kind)
        return series

    def create_shared_memmap(self, data: NDArray[Any], identifier: str) -> MemoryMappedArray:
        """Put an array into a file that other processes can map.

        Send them what is returned: it is pickled by its path. The file goes
        with this loader, or with this process however it ends.

        Parameters
        ----------
        data : ndarray
            Of numbers.
        identifier : str
            Names the file; letters, digits, ``-``, ``_`` and ``.``.

        Returns
        -------
        MemoryMappedArray
            Open for writing.

        Raises
        ------
        ParameterError
            If ``SHARED_MEMORY_PARALLEL`` is off, or `data` or `identifier`
            cannot be used.
        OutputExistsError
            If this loader has one of this name.
        StorageError
            If the disk has no room.
        MemoryBudgetError
            If the file lies in memory (a tmpfs) and does not fit there.
        """
        if not self.memory_config.SHARED_MEMORY_PARALLEL:
            raise ParameterError("`SHARED_MEMORY_PARALLEL` must be True to share arrays, got False")
        path = self.temp_dir / f"{check_label('identifier', identifier)}.dat"
        values = np.asarray(data)
        if self._folder.is_memory:
            self._require_room(values.nbytes)
        order: Literal["C", "F"] = "F" if values.flags.fnc else "C"
        shared = MemoryMappedArray(path, values.shape, values.dtype, order=order, mode="w+")
        _copy_into(shared, values)
        self._maps.add(shared)
        return shared

    def get_memory_usage_report(self) -> dict[str, Any]:
        """What is used now.

        Returns
        -------
        dict
            ``system_memory`` (as `MemoryMonitor.get_memory_info`),
            ``active_memmaps`` (arrays of this loader that are open),
            ``memmap_usage_gb`` (their size, in files and not in memory),
            ``temp_dir``, ``temp_dir_size_gb`` (what it takes of the disk).
        """
        active = [mapped for mapped in self._maps if not mapped.closed]
        return {
            "system_memory": self.monitor.get_memory_info(),
            "active_memmaps": len(active),
            "memmap_usage_gb": sum(mapped.size_gb for mapped in active),
            "temp_dir": str(self.temp_dir),
            "temp_dir_size_gb": _disk_bytes(self.temp_dir) / GB,
        }

    def cleanup(self) -> None:
        """Close what this loader opened and remove its temporary files; it can be used again.

        Views of its arrays stay valid. ``CLEANUP_TEMP_FILES`` and
        ``CACHE_MEMMAP_FILES`` say which files stay.
        """
        for mapped in list(self._maps):
            mapped.close()
        self._maps.clear()
        config = self.memory_config
        if config.CLEANUP_TEMP_FILES and not config.CACHE_MEMMAP_FILES:
            _clear_unkept(self._folder.path)
        if self._temporary is not None:
            self._temporary.close()
            self._temporary = None

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker's loader has a temporary folder and maps of its own.
        return type(self), (self.config, self.memory_config)

    @property
    def _folder(self) -> Folder:
        return find_folder(memmap_temp_dir=self.memory_config.MEMMAP_TEMP_DIR)

    @property
    def _limit(self) -> int:
        return int(self.memory_config.MAX_MEMORY_PER_PROCESS_GB * GB)

    def _store(self) -> Store:
        """Where images are kept: for good, as long as anyone uses them, or for this loader."""
        config = self.memory_config
        if not config.SHARED_MEMORY_PARALLEL:
            return Store(self.temp_dir / "store")
        folder = self._folder.path
        if not config.CACHE_MEMMAP_FILES:
            return Store(folder / UNKEPT)
        # Loaders that were killed could not clean up.
        _clear_unkept(folder)
        return Store(folder)

    def _images(self, subject_id: str) -> Sequence[Path]:
        study = find_study() if self.config is None else self.config
        return study.images(subject_id)

    def _stays_in_file(self, source: VolumeSource) -> bool:
        if not self.memory_config.USE_MEMMAP:
            return False
        series = source.series
        n_bytes = series.n_volumes * series.grid.n_voxels * volumes_type(source).itemsize
        fits = n_bytes <= find_budget(self._limit).headroom_bytes
        return not fits or self.monitor.suggest_memmap(n_bytes / GB)

    def _read_stored(self, source: VolumeSource, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """From the store of all voxels, so that any other region finds it made."""
        self._require_room(source.series.n_volumes * int(mask.sum()) * 4)
        everywhere = np.ones(source.series.grid.shape, np.bool_)
        try:
            stored = self._store().voxels(source, everywhere, memory_limit=self._limit)
        except (StorageError, MemoryBudgetError) as error:
            _log.warning("%s; the image is read anew for every region", error)
            return self._read_once(source, mask)
        with stored:
            return stored.read(mask)

    def _read_once(self, source: VolumeSource, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        (series,) = stream_once(source, [Voxels(mask)], memory_limit=self._limit)
        return np.asarray(series)

    def _require_room(self, n_bytes: int) -> None:
        budget = find_budget(self._limit)
        if n_bytes > budget.headroom_bytes:
            raise MemoryBudgetError(f"{format_bytes(n_bytes)} do not fit: {budget}")


def _kind_of(standardize: Standardize) -> str | None:
    if standardize is None or standardize is False:
        return None
    return one_of("standardize", "zscore_sample" if standardize is True else standardize, _KINDS)


def _standardize(series: NDArray[np.float32], run_lengths: Sequence[int], kind: str) -> None:
    if kind == "psc":
        percent_change(series, run_lengths)
    else:
        zscore(series, run_lengths, ddof=1 if kind == "zscore_sample" else 0)


def _copy_into(mapped: MemoryMappedArray, values: NDArray[Any]) -> None:
    """Copy in steps, in the order of the file; pages that were touched leave memory."""
    in_fortran_order = mapped.order == "F"
    target = mapped.array.T if in_fortran_order else mapped.array
    source = values.T if in_fortran_order else values
    step = max(1, _COPIED_BYTES // (mapped.nbytes // len(target)))
    for start in range(0, len(target), step):
        target[start : start + step] = source[start : start + step]
        mapped.drop_pages()


def _disk_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        # Other processes may remove files meanwhile.
        with suppress(FileNotFoundError):
            total += os.lstat(path).st_blocks * 512
    return total


def _clear_unkept(folder: Path) -> None:
    """Remove what is not to be kept and is not in use."""
    if (folder / UNKEPT).exists():
        Store(folder / UNKEPT).clear()
