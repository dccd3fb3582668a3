"""Open anything that is an image as a source of volumes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.brikhead import AFNIArrayProxy
from nibabel.filebasedimages import FileBasedImage

from boldstream.core.errors import ParameterError
from boldstream.core.optional import import_optional
from boldstream.io.flat import FlatFile, open_flat
from boldstream.io.headers import Header, check_type, read_header
from boldstream.io.loading import load_image
from boldstream.io.parts import JoinedSource, Part
from boldstream.io.sliced import ArrayPart, ProxyPart
from boldstream.io.source import Scaling, Series, VolumeSource
from boldstream.io.translate import (
    HDF5_MAGIC,
    check_has_header,
    expanded,
    read_head,
    translated,
)

OneImage: TypeAlias = str | os.PathLike[str] | FileBasedImage
ImageLike: TypeAlias = OneImage | VolumeSource | Sequence[OneImage]


def open_image(image: ImageLike) -> VolumeSource:
    """Open an image, or a list of images, without reading its data.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs, joined in order; a list of 3-D
        images is one run. An image that is handed in is left as it was found;
        where its ``get_fdata`` was called, what that returned is read. A
        `VolumeSource` is returned as it is.

    Returns
    -------
    VolumeSource
        With `series` (grid, volumes, type, repetition time) and `blocks`.

    Raises
    ------
    ImageFileError
        If a file is missing, unreadable or no image.
    CorruptImageError
        If it is empty or too small for what its header asks for.
    UnsupportedImageError
        If it does not hold volumes of real numbers.
    GridMismatchError
        If the images of a list lie on different grids.
    MissingDependencyError
        If reading its format needs a package that is not installed.
    ParameterError
        If `image` is nothing of the kind, or a list mixes 3-D and 4-D images.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> image = nib.Nifti1Image(np.zeros((2, 3, 4, 5), "i2"), np.eye(4))
    >>> source = open_image([image, image])
    >>> source.series.grid.shape, source.series.run_lengths
    ((2, 3, 4), (5, 5))
    >>> [len(block.data) for block in source.blocks(3)]
    [3, 2, 3, 2]
    """
    if isinstance(image, VolumeSource):
        return image
    if isinstance(image, Sequence) and not isinstance(image, str):
        return _join([_open_part(one) for one in image])
    return _join([_open_part(image)])


def is_image(image: Any) -> bool:
    """Whether `open_image` takes it, as far as its type tells."""
    if isinstance(image, Sequence) and not isinstance(image, str):
        return all(is_image(one) for one in image)
    return isinstance(image, str | os.PathLike | FileBasedImage | VolumeSource)


def _open_part(image: Any) -> Part:
    if isinstance(image, str | os.PathLike):
        path = expanded(image)
        return _part_of(_load(path), str(path))
    if isinstance(image, FileBasedImage):
        return _part_of(image, image.get_filename() or "the image in memory")
    raise ParameterError(
        f"`image` must be a path, a nibabel image or a list of these, got {type(image).__name__}"
    )


def _load(path: Path) -> Any:
    if read_head(path).startswith(HDF5_MAGIC):
        import_optional("h5py", extra="minc", purpose="MINC-2 images")
    check_has_header(path)
    return load_image(path)


def _part_of(image: Any, name: str) -> Part:
    with translated(name):
        header = read_header(image, name)
    # What get_fdata() would return: it may have been edited since it was read.
    cached = image._fdata_cache
    data = image.dataobj if cached is None else cached
    if not nib.is_proxy(data):
        array = np.asarray(data)
        check_type(array.dtype, name)
        return ArrayPart(header, array)
    dtype = image.get_data_dtype()
    check_type(dtype, name)
    flat = _flat_file(data)
    if flat is not None:
        return open_flat(flat, header)
    stored = math.prod(data.shape) * dtype.itemsize
    # These two hold, or read again for every slice, the whole of the stored data.
    whole = isinstance(image, nib.parrec.PARRECImage) or type(image) is nib.Minc1Image
    return ProxyPart(header, data, stored_bytes=stored, held_bytes=stored if whole else 0)


def _flat_file(proxy: Any) -> FlatFile | None:
    """Where nibabel would read, if that is one flat run of bytes in a named file."""
    if type(proxy) not in (ArrayProxy, AFNIArrayProxy) or proxy.order != "F":
        return None
    if not isinstance(proxy.file_like, str | os.PathLike):
        return None
    scalings = [Scaling(float(proxy.slope), float(proxy.inter))]
    if isinstance(proxy, AFNIArrayProxy) and proxy.scaling is not None:
        scalings = [Scaling(float(factor)) for factor in proxy.scaling]
    return FlatFile(Path(proxy.file_like), int(proxy.offset), proxy.dtype, scalings)


def _join(parts: Sequence[Part]) -> VolumeSource:
    if not parts:
        raise ParameterError("`image` must hold at least one image, got an empty list")
    headers = [part.header for part in parts]
    first = headers[0]
    for header in headers[1:]:
        header.grid.require_same(first.grid, name=header.name, other_name=first.name)
    one_run = _is_one_run(headers)
    lengths = [header.n_volumes for header in headers]
    series = Series(
        name=first.name if len(parts) == 1 else f"{first.name} and {len(parts) - 1} more",
        grid=first.grid,
        n_volumes=sum(lengths),
        dtype=max((part.dtype for part in parts), key=lambda dtype: dtype.itemsize),
        # Runs that disagree have no repetition time in common.
        tr=first.tr if all(header.tr == first.tr for header in headers) else None,
        run_lengths=(sum(lengths),) if one_run else tuple(lengths),
    )
    return JoinedSource(series, parts, [0 if one_run else i for i in range(len(parts))])


def _is_one_run(headers: Sequence[Header]) -> bool:
    volumes = [header.name for header in headers if header.kind == "3-D"]
    runs = [header.name for header in headers if header.kind == "4-D"]
    if volumes and runs:
        raise ParameterError(
            "`image` must be a list of 3-D images (one run) or of 4-D images (runs), got both: "
            f"{volumes[0]} is 3-D, {runs[0]} is 4-D"
        )
    return not runs
