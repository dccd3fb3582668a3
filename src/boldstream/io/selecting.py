"""Some volumes of a source, as a source of its own: the others are decoded and never held."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import accumulate
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.io.source import Block, Read, Series, VolumeSource

Volumes = NDArray[np.intp]


def select_volumes(source: VolumeSource, kept: Volumes) -> VolumeSource:
    """A source of some volumes of another.

    Parameters
    ----------
    source : VolumeSource
        As `boldstream.open_image` gives it.
    kept : ndarray of int
        Volumes of the series, ascending. Runs of which none is kept are gone.

    Returns
    -------
    VolumeSource
        `source` itself where all volumes are kept.

    Raises
    ------
    ParameterError
        If `kept` is empty, does not ascend, or names a volume that is not there.

    Examples
    --------
    >>> import nibabel as nib
    >>> from boldstream.io.opening import open_image
    >>> run = nib.Nifti1Image(np.zeros((2, 3, 4, 5), "i2"), np.eye(4))
    >>> select_volumes(open_image([run, run]), np.array([0, 3, 4, 7])).series.run_lengths
    (3, 1)
    """
    n = source.series.n_volumes
    kept = check_kept(kept, f"volumes of {source.series.name}", n)
    if len(kept) == n:
        return source
    return SelectedSource(source, kept, _series_of(source.series, kept))


def check_kept(kept: Any, of: str, n: int | None = None) -> Volumes:
    """Return positions of what is kept as an array.

    Parameters
    ----------
    kept : array_like of int
    of : str
        What they are positions of.
    n : int, optional
        How many of these there are; by default that is not known yet.

    Raises
    ------
    ParameterError
        If `kept` is empty, does not ascend, or names what is not there.

    Examples
    --------
    >>> check_kept([3, 20], "samples of `imgs`", 20)
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `kept` must hold some of the 20 samples of `imgs`, ...
    """
    try:
        found = np.asarray(kept)
    except ValueError:  # lists of different lengths
        found = np.array(kept, object)
    ascends = (
        (found.ndim == 1 and found.dtype.kind in "iu" and len(found) > 0)
        # Differences of unsigned integers are never below 0.
        and bool((found[1:] > found[:-1]).all())
    )
    if ascends and found[0] >= 0 and (n is None or found[-1] < n):
        return found.astype(np.intp, copy=False)
    some = "positions of" if n is None else f"some of the {n}"
    got = f"{found[0]} to {found[-1]}" if ascends else shortened(found.tolist())
    raise ParameterError(f"`kept` must hold {some} {of}, ascending, got {got}")


def _series_of(series: Series, kept: Volumes) -> Series:
    counts = np.bincount(_runs_of(series)[kept])
    return replace(
        series,
        n_volumes=len(kept),
        # Volumes that are left lie at no common distance.
        tr=None,
        run_lengths=tuple(counts[counts > 0].tolist()),
    )


def _runs_of(series: Series) -> Volumes:
    """The run of each volume."""
    return np.repeat(np.arange(len(series.run_lengths)), series.run_lengths)


class SelectedSource(VolumeSource):
    """Some volumes of a source, made by `select_volumes`.

    Files of a list that hold none of them are not read where several are read
    side by side.
    """

    def __init__(self, source: VolumeSource, kept: Volumes, series: Series) -> None:
        self.series, self._source, self._kept = series, source, kept
        self.inside = source.inside

    @property
    def volumes(self) -> range:
        inside = self._source.volumes
        start, stop = np.searchsorted(self._kept, (inside.start, inside.stop)).tolist()
        return range(start, stop)

    def split(self, n: int) -> Sequence[VolumeSource]:
        pieces = [SelectedSource(piece, self._kept, self.series) for piece in self._source.split(n)]
        return [piece for piece in pieces if len(piece.volumes)]

    @property
    def reads(self) -> tuple[Read, ...]:
        return self._source.reads

    def buffer_bytes(self, block_volumes: int) -> int:
        # Volumes that do not follow one another are copied out of their block.
        return self._source.buffer_bytes(block_volumes) + block_volumes * self.series.volume_bytes

    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        lengths = self.series.run_lengths
        ends = list(accumulate(lengths))
        for block in self._source.blocks(block_volumes):
            start, stop = np.searchsorted(self._kept, (block.start, block.stop)).tolist()
            if start == stop:
                continue
            inside = self._kept[start:stop] - block.start
            first, last = int(inside[0]), int(inside[-1])
            follow = last - first + 1 == len(inside)
            data = block.data[first : last + 1] if follow else block.data[inside]
            run = int(np.searchsorted(ends, start, side="right"))
            yield Block(data, start, block.scaling, run)
