"""Load an image, take its mean over time, take one volume of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from boldstream.benchmark.ways import Made, Way


def _shape(image: Any) -> Made:
    return {"shape": np.array(image.shape), "affine": image.affine}


def nibabel_load(bold: str) -> Made:
    """Only the header."""
    import nibabel as nib

    return _shape(nib.load(bold))


def nilearn_load(bold: str) -> Made:
    """All data, in memory."""
    from nilearn.image import load_img

    return _shape(load_img(bold))


def open_image(bold: str) -> Made:
    """Only the header, ours."""
    import boldstream as bs

    series = bs.open_image(bold).series
    return {"shape": np.array([*series.grid.shape, series.n_volumes]), "affine": series.grid.affine}


def _values(image: Any) -> Made:
    # A view of what the image holds, whatever its type: nothing more is loaded.
    return {"values": np.asanyarray(image.dataobj)}


def mean_of_loaded(bold: str) -> Made:
    """`mean_img` of what `load_img` loaded."""
    from nilearn.image import load_img, mean_img

    return _values(mean_img(load_img(bold), copy_header=True))


def mean_of_proxy(bold: str) -> Made:
    """`mean_img` of what `nib.load` opened."""
    import nibabel as nib
    from nilearn.image import mean_img

    return _values(mean_img(nib.load(bold), copy_header=True))


def mean_streamed(bold: str, memory_limit: int | None = None) -> Made:
    """Our mean, in one pass."""
    import boldstream as bs

    return _values(bs.mean_image(bold, memory_limit=memory_limit))


def volume_of_loaded(bold: str, t: int) -> Made:
    """`index_img` of what `load_img` loaded."""
    from nilearn.image import index_img, load_img

    return _values(index_img(load_img(bold), t))


def volume_of_proxy(bold: str, t: int) -> Made:
    """`index_img` of what `nib.load` opened."""
    import nibabel as nib
    from nilearn.image import index_img

    return _values(index_img(nib.load(bold), t))


def volume_read(bold: str, t: int, memory_limit: int | None = None) -> Made:
    """Our volume, out of one pass."""
    import boldstream as bs

    return _values(bs.read_volume(bold, t, memory_limit=memory_limit))


def volume_stored(bold: str, t: int, store: str) -> Made:
    """Our volume, out of the store; the image is stored if it is not there."""
    import boldstream as bs

    return _values(bs.read_volume(bold, t, cache=store))


def _clear(bold: str, t: int, store: str) -> None:
    from boldstream.memory.store import Store

    Store(store).clear()


_NILEARN = ("nibabel", "nilearn.image")
_OURS = ("boldstream.api", "isal.igzip", "concurrent.futures.thread")
WAYS = {
    "nibabel_load": Way(nibabel_load, _NILEARN[:1]),
    "nilearn_load": Way(nilearn_load, _NILEARN),
    "open_image": Way(open_image, _OURS),
    "mean_of_loaded": Way(mean_of_loaded, _NILEARN),
    "mean_of_proxy": Way(mean_of_proxy, _NILEARN),
    "mean_streamed": Way(mean_streamed, _OURS),
    "volume_of_loaded": Way(volume_of_loaded, _NILEARN),
    "volume_of_proxy": Way(volume_of_proxy, _NILEARN),
    "volume_read": Way(volume_read, _OURS),
    "volume_first": Way(volume_stored, _OURS, before=_clear),
    "volume_again": Way(volume_stored, _OURS),
}
