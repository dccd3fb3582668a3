"""Write a 4-D NIfTI image one volume at a time, in the memory of one volume."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.source import Scaling

_LONGEST_NIFTI1_AXIS = np.iinfo(np.int16).max


class VolumeWriter:
    """Takes the volumes of an image in order; made by `open_volume_writer`."""

    def __init__(
        self, stream: IO[bytes], grid: Grid, n_volumes: int, dtype: np.dtype[Any], scaling: Scaling
    ) -> None:
        self._stream = stream
        self._grid = grid
        self._dtype = dtype
        self._scaling = scaling
        self.n_volumes = n_volumes
        self.n_written = 0

    def write(self, volume: NDArray[Any]) -> None:
        """Append one volume of real values.

        Parameters
        ----------
        volume : ndarray, shape (x, y, z)

        Raises
        ------
        ParameterError
            The volume has another shape, is one too many, or holds values
            that the stored type cannot hold.
        """
        if volume.shape != self._grid.shape:
            raise ParameterError(
                f"`volume` must have the shape {self._grid.shape} of the image, got {volume.shape}"
            )
        if self.n_written == self.n_volumes:
            raise ParameterError(f"the image takes {self.n_volumes} volumes, got one more")
        stored = self._stored(volume)
        # Flat in Fortran order: the transpose of a Fortran array is its bytes, without a copy.
        self._stream.write(np.ascontiguousarray(stored.T).data)
        self.n_written += 1

    def _stored(self, volume: NDArray[Any]) -> NDArray[Any]:
        if not self._scaling.is_identity:
            volume = (volume - self._scaling.inter) / self._scaling.slope
        if self._dtype.kind not in "iu" or volume.dtype == self._dtype:
            return volume.astype(self._dtype, copy=False)
        rounded = np.rint(volume)
        limits = np.iinfo(self._dtype)
        # Written so that NaN, which compares false, is refused as well.
        if not (rounded.min() >= limits.min and rounded.max() <= limits.max):
            raise ParameterError(
                f"`volume` must hold values that {self._dtype} can store "
                f"({limits.min} to {limits.max}), got {rounded.min():g} to {rounded.max():g}"
            )
        return np.asarray(rounded, dtype=self._dtype)


@contextmanager
def open_volume_writer(
    path: str | os.PathLike[str],
    grid: Grid,
    n_volumes: int,
    dtype: DTypeLike,
    *,
    tr: float | None = None,
    scaling: Scaling | None = None,
) -> Iterator[VolumeWriter]:
    """Open a NIfTI image for writing, volume by volume.

    The file appears under its name when the block is left, whole, and not at
    all when the block raises.

    Parameters
    ----------
    path : path
        Ends in ``.nii`` or ``.nii.gz``.
    grid : Grid
    n_volumes : int
        Exactly this many volumes must be written; one makes a 3-D image.
    dtype : dtype
        Type on disk.
    tr : float, optional
        Repetition time in seconds.
    scaling : Scaling, optional
        Stored values to real ones; what is written is stored as
        ``(real - inter) / slope``.

    Raises
    ------
    ParameterError
        The name or the number of volumes does not fit.

    Examples
    --------
    >>> import tempfile
    >>> import nibabel as nib
    >>> import numpy as np
    >>> from boldstream.core.grid import Grid
    >>> grid = Grid((4, 5, 6), np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_volume_writer(f"{folder}/bold.nii.gz", grid, 3, "int16", tr=2.0) as writer:
    ...         for t in range(3):
    ...             writer.write(np.full(grid.shape, t))
    ...     nib.load(f"{folder}/bold.nii.gz").get_fdata()[0, 0, 0]
    array([0., 1., 2.])
    """
    path = Path(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ParameterError(f"`path` must end in .nii or .nii.gz, got {str(path)!r}")
    stored_type, scaling = np.dtype(dtype), scaling or Scaling()
    n_volumes = integer_in("n_volumes", n_volumes, 1)
    header = _header(grid, n_volumes, stored_type, tr, scaling)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            with _compressed(file) if path.suffix == ".gz" else nullcontext(file) as stream:
                header.write_to(stream)
                writer = VolumeWriter(stream, grid, n_volumes, stored_type, scaling)
                yield writer
            if writer.n_written != n_volumes:
                raise ParameterError(
                    f"{path} takes {n_volumes} volumes, only {writer.n_written} were written"
                )
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _compressed(file: IO[bytes]) -> IO[bytes]:
    # Where isal cannot be imported, as reading does.
    compressed: Any = GzipFile
    with suppress(ImportError):
        from isal.igzip import IGzipFile

        compressed = IGzipFile
    # No name and no time in the gzip header: the same volumes make the same bytes.
    gz = compressed(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
    return cast("IO[bytes]", gz)


def _header(
    grid: Grid, n_volumes: int, dtype: np.dtype[Any], tr: float | None, scaling: Scaling
) -> Any:
    import nibabel as nib

    shape = grid.shape if n_volumes == 1 else (*grid.shape, n_volumes)
    kind: Any = nib.Nifti2Header if max(shape) > _LONGEST_NIFTI1_AXIS else nib.Nifti1Header
    header = kind(endianness=">" if dtype.str.startswith(">") else "<")
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header.set_sform(grid.affine, code="scanner")
    header.set_qform(grid.affine, code="scanner")
    header.set_xyzt_units("mm", "sec")
    header.set_slope_inter(scaling.slope, scaling.inter)
    if len(shape) == 4:
        header.set_zooms((*grid.voxel_sizes, tr or 0.0))
    return header
