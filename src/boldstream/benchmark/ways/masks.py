"""Several regions of one image, as in nilearn's "Working with long time series fMRI images".

Four of the five are those of that example; joblib starts their jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from boldstream.benchmark.ways import Made, Way


def _masked_by_nilearn(image: Any, mask: Any) -> Any:
    from nilearn.maskers import NiftiMasker

    return NiftiMasker(mask_img=mask).fit_transform(image)


def _indexed(data: Any, mask: Any) -> Any:
    return data[mask].T


def _in_parallel(
    function: Callable[[Any, Any], Any], image: Any, masks: Sequence[Any], n_jobs: int
) -> Made:
    from joblib import Parallel, delayed

    series = Parallel(n_jobs=n_jobs)(delayed(function)(image, mask) for mask in masks)
    return _named(series)


def _named(series: Sequence[Any]) -> Made:
    return {f"region_{i}": values for i, values in enumerate(series, start=1)}


def nilearn_paths(bold: str, masks: Sequence[str], n_jobs: int = 4) -> Made:
    """NiftiMasker in several jobs, each of which reads the file."""
    return _in_parallel(_masked_by_nilearn, bold, masks, n_jobs)


def nilearn_memory(bold: str, masks: Sequence[str], n_jobs: int = 4) -> Made:
    """NiftiMasker in several jobs, all given the image that was loaded before."""
    from nilearn.image import load_img

    image = load_img(bold)
    return _in_parallel(_masked_by_nilearn, image, [load_img(mask) for mask in masks], n_jobs)


def _loaded(bold: str, masks: Sequence[str]) -> tuple[Any, list[Any]]:
    from nilearn.image import load_img

    inside = [load_img(mask).get_fdata().astype(bool) for mask in masks]
    return load_img(bold).get_fdata(), inside


def numpy_indexing(bold: str, masks: Sequence[str], n_jobs: int = 4) -> Made:
    """Several jobs that index one loaded array."""
    data, inside = _loaded(bold, masks)
    return _in_parallel(_indexed, data, inside, n_jobs)


def shared_memory(bold: str, masks: Sequence[str], n_jobs: int = 4) -> Made:
    """Several jobs that index one array in shared memory."""
    from multiprocessing.shared_memory import SharedMemory

    data, inside = _loaded(bold, masks)
    block = SharedMemory(create=True, size=data.nbytes)
    shared = np.ndarray(data.shape, data.dtype, buffer=block.buf)
    shared[...] = data
    del data
    series = _in_parallel(_indexed, shared, inside, n_jobs)
    del shared
    block.close()
    block.unlink()
    return series


def streamed(bold: str, masks: Sequence[str], memory_limit: int | None = None) -> Made:
    """One pass of `boldstream.extract` for all masks."""
    import boldstream as bs

    names = [f"region_{i}" for i in range(1, len(masks) + 1)]
    named = dict(zip(names, masks, strict=True))
    return bs.extract(bold, named, memory_limit=memory_limit)


_NILEARN = ("joblib", "nilearn.maskers", "nilearn.image")
WAYS = {
    "nilearn_paths": Way(nilearn_paths, _NILEARN),
    "nilearn_memory": Way(nilearn_memory, _NILEARN),
    "numpy_indexing": Way(numpy_indexing, _NILEARN),
    "shared_memory": Way(shared_memory, (*_NILEARN, "multiprocessing.shared_memory")),
    "streamed": Way(streamed, ("boldstream.api", "isal.igzip", "concurrent.futures.thread")),
}
