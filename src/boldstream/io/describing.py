"""Describe an image file from its headers, for people."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from boldstream.io.loading import load_image
from boldstream.io.opening import open_image
from boldstream.io.source import Scaling, Series
from boldstream.io.translate import expanded, translated

_KINDS = {
    "Nifti1Image": "NIfTI-1",
    "Nifti1Pair": "NIfTI-1 pair",
    "Nifti2Image": "NIfTI-2",
    "Nifti2Pair": "NIfTI-2 pair",
    "AnalyzeImage": "ANALYZE 7.5",
    "Spm99AnalyzeImage": "ANALYZE of SPM99",
    "Spm2AnalyzeImage": "ANALYZE of SPM2",
    "MGHImage": "FreeSurfer MGH",
    "AFNIImage": "AFNI",
    "PARRECImage": "Philips PAR/REC",
    "Minc1Image": "MINC 1",
    "Minc2Image": "MINC 2",
}


@dataclass(frozen=True)
class Description:
    """What the headers of an image file say, and how it would be read.

    Attributes
    ----------
    path : str
    kind : str
        The file format.
    shape : tuple of int
        As stored, all dimensions.
    series : Series
        Grid, volumes and repetition time as boldstream takes them.
    dtype : numpy.dtype
        As stored.
    scaling : Scaling or None
        None where the format scales volumes or slices one by one.
    orientation : str
        Where the axes point to, such as "RAS".
    stored_bytes, decoded_bytes : int
        Size on disk, of all files of the image, and of the volumes as stored
        after decompression.
    how : str
        By what means it would be read.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    series: Series
    dtype: np.dtype[Any]
    scaling: Scaling | None
    orientation: str
    stored_bytes: int
    decoded_bytes: int
    how: str


def describe_image(path: str | os.PathLike[str]) -> Description:
    """Read the headers of an image file, and none of its data.

    Parameters
    ----------
    path : path

    Returns
    -------
    Description

    Raises
    ------
    ImageFileError, UnsupportedImageError, MissingDependencyError
        As `open_image`.

    Examples
    --------
    >>> import tempfile
    >>> import nibabel as nib, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.save(nib.Nifti1Image(np.zeros((2, 3, 4, 5), "i2"), np.eye(4)), f"{folder}/a.nii")
    ...     found = describe_image(f"{folder}/a.nii")
    >>> found.kind, found.shape, found.orientation, found.decoded_bytes
    ('NIfTI-1', (2, 3, 4, 5), 'RAS', 240)
    """
    source = open_image(path)
    (read,) = source.reads
    image = load_image(expanded(path))
    with translated(path):
        dtype, orientation = image.get_data_dtype(), nib.aff2axcodes(source.series.grid.affine)
        stored_bytes = _bytes_on_disk(image)
    shape = tuple(int(n) for n in image.shape)
    return Description(
        path=os.fspath(path),
        kind=_KINDS.get(type(image).__name__, type(image).__name__),
        shape=shape,
        series=source.series,
        dtype=dtype,
        scaling=_scaling(image.dataobj),
        # An axis that no direction of space claims has no name.
        orientation="".join(axis or "?" for axis in orientation),
        stored_bytes=stored_bytes,
        decoded_bytes=int(np.prod(shape, dtype=object)) * dtype.itemsize,
        how=read.how,
    )


def _bytes_on_disk(image: Any) -> int:
    paths = {holder.filename for holder in image.file_map.values() if holder.filename}
    return sum(Path(path).stat().st_size for path in paths if Path(path).exists())


def _scaling(proxy: Any) -> Scaling | None:
    if getattr(proxy, "scaling", None) is not None or not hasattr(proxy, "slope"):
        return None
    return Scaling(float(proxy.slope), float(proxy.inter))
