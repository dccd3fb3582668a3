"""`group_bootstrap`: where the mean map of a group is above what permuted labels give."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import find_budget
from boldstream.core.checks import finite_number, integer_in
from boldstream.core.errors import MaskError, ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.core.randomness import random_numbers
from boldstream.decoding.group.reading import (
    GroupSource,
    SubjectMaps,
    find_adjacency,
    find_source,
)
from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.null_maps import NullMaps, open_null_maps
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.stores import MapsLike, MemoryMaps
from boldstream.decoding.inference.tally import Tally
from boldstream.io.masks import Mask, MaskLike

Floats = NDArray[np.float64]
NullMapsLike: TypeAlias = "NullMaps | NDArray[Any] | str | os.PathLike[str]"

# Of the averages of some voxels for all bootstraps.
_BLOCK_BYTES = 32 << 20


def group_bootstrap(
    maps: SubjectMaps,
    null_maps: Sequence[NullMapsLike],
    mask: MaskLike | Mask | None = None,
    *,
    chance: float,
    bootstraps: int = 10_000,
    tfce: bool = False,
    forming_threshold: float | None = None,
    forming_p: float | None = None,
    adjacency: Adjacency | None = None,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    random_state: Any = 0,
) -> Inference:
    """Test whether the mean map of a group is above what permuted labels give.

    One permuted map of every subject is drawn and these are averaged, again
    and again (Stelzer, Chen and Turner, NeuroImage 2013). Nothing is assumed
    of how scores are distributed, and chance is what permutation makes it.

    Parameters
    ----------
    maps : ndarray, shape (subjects, voxels), or sequence of path, image or ndarray (x, y, z)
        Scores of labels as given; a voxel with NaN or infinity in any subject gets no p.
    null_maps : sequence of NullMaps, path or ndarray (n_permutations, voxels)
        For each subject; some 100 permutations of each are enough for many
        bootstraps.
    mask : path, image or ndarray, shape (x, y, z), optional
        Needed for images, and for TFCE and clusters without `adjacency`; by
        default that of the first `NullMaps`. Voxels lie in the order of
        ``data[mask]``.
    chance : float
        What a subject without an effect has in expectation.
    bootstraps : int
        Averages that are drawn.
    tfce : bool
        Whether the mean less chance is enhanced (E = 0.5, H = 2), and tested.
    forming_threshold : float, optional
        Neighbours whose mean less chance is above it are a cluster.
    forming_p : float, optional
        In its place: the threshold of each voxel is what this share of its own
        averages exceeds (Stelzer et al. use 0.001).
    adjacency : Adjacency, optional
        Which voxels are neighbours; by default those of the mask that share a face.
    n_jobs : int
        Threads; -1 for all cores.
    memory_limit : str or int, optional
        Most memory that this process may hold, as ``"2GB"``.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    Inference
        ``scores`` are the mean of maps less `chance`.

    Raises
    ------
    ParameterError
        If there are fewer than two subjects, not as many null maps, ones
        without a row or of other voxels, or parameters do not fit each other.
    MaskError, GridMismatchError, ImageFileError
        If images and mask do not fit.

    Notes
    -----
    What is rejected is that *no* subject has an effect: see `group_maps`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> null_maps = rng.normal(0.5, 0.05, size=(8, 100, 3))
    >>> maps = rng.normal([0.7, 0.5, 0.5], 0.05, size=(8, 3))
    >>> group_bootstrap(maps, list(null_maps), chance=0.5, bootstraps=999).p_fwe.round(3)
    array([0.001, ...
    """
    chance, n = finite_number("chance", chance), integer_in("bootstraps", bootstraps, 1)
    of_maps = OfMaps(tfce=tfce, forming_threshold=forming_threshold, forming_p=forming_p)
    opened = [_opened(one) for one in null_maps]
    source = _source_of(maps, opened, mask)
    if of_maps.needed:
        adjacency = find_adjacency(source, adjacency)
    stores = _stores_of(opened, source)
    values = np.empty((len(stores), source.n_voxels), np.float32)
    for row, one in zip(values, source.rows(may_lack=True), strict=True):
        row[:] = one
    random = random_numbers(random_state)
    draws = [random.integers(store.shape[0], size=n) for store in stores]

    def averaged(start: int, stop: int) -> Floats:
        out = np.zeros((n + 1, stop - start))
        out[0] = (values[:, start:stop].astype(np.float64) - chance).sum(axis=0)
        for store, drawn in zip(stores, draws, strict=True):
            out[1:] += (store.columns(start, stop).astype(np.float64) - chance)[drawn]
        return out.T / len(stores)

    return tally_averages(
        averaged,
        n,
        source.n_voxels,
        of_maps,
        adjacency=adjacency if of_maps.needed else None,
        n_jobs=resolve_n_jobs(n_jobs),
        memory_limit=memory_limit,
    )


def _opened(maps: NullMapsLike) -> NullMaps | NDArray[np.float32]:
    if isinstance(maps, NullMaps):
        return maps
    if isinstance(maps, np.ndarray):
        if maps.ndim != 2 or not len(maps):
            raise ParameterError(
                f"`null_maps` must hold arrays (n_permutations, voxels), got shape {maps.shape}"
            )
        return np.asarray(maps, np.float32)
    return open_null_maps(maps)


def _source_of(
    maps: SubjectMaps, opened: Sequence[NullMaps | NDArray[Any]], mask: MaskLike | Mask | None
) -> GroupSource:
    """Maps and the voxels of them that are taken, which are those of all null maps."""
    masks = [one.mask for one in opened if isinstance(one, NullMaps) and one.mask is not None]
    source = find_source(maps, masks[0] if mask is None and masks else mask)
    for other in masks:
        masks[0].grid.require_same(other.grid, name="`null_maps`", other_name="those of others")
        if source.mask is None or not np.array_equal(other.array, source.mask.array):
            raise MaskError("`null_maps` must lie on one mask, that of `maps`, got others")
    return source


def _stores_of(
    opened: Sequence[NullMaps | NDArray[np.float32]], source: GroupSource
) -> list[MapsLike]:
    stores: list[MapsLike] = [
        one.maps if isinstance(one, NullMaps) else MemoryMaps(one) for one in opened
    ]
    found = [store.shape[1] for store in stores]
    if found != [source.n_voxels] * len(source.maps):
        raise ParameterError(
            f"`null_maps` must have {source.n_voxels} voxels for each of {len(source.maps)} "
            f"subjects, got {found}"
        )
    return stores


def tally_averages(
    averages: Callable[[int, int], Floats],
    n_bootstraps: int,
    n_voxels: int,
    of_maps: OfMaps,
    *,
    adjacency: Adjacency | None,
    n_jobs: int,
    memory_limit: str | int | None,
) -> Inference:
    """Tally averages (voxels, bootstraps and the first) of blocks of voxels; see above."""
    thresholds = np.empty(n_voxels)
    budget = find_budget(memory_limit).headroom_bytes
    step = max(1, _BLOCK_BYTES // (8 * (n_bootstraps + 1)))
    with Tally(
        n_voxels, n_bootstraps, keep_maps=adjacency is not None, memory_bytes=budget // 2
    ) as tally:
        for start in range(0, n_voxels, step):
            stop = min(start + step, n_voxels)
            some = averages(start, stop)
            if of_maps.forming_p is not None:
                thresholds[start:stop] = np.quantile(
                    some[:, 1:], 1 - of_maps.forming_p, axis=1, method="higher"
                )
            tally.put(start, some)
        forming = of_maps.forming_threshold if of_maps.forming_p is None else thresholds
        return tally.finish(
            chance=0.0,
            adjacency=adjacency,
            tfce=of_maps.tfce,
            forming_threshold=forming,
            n_jobs=n_jobs,
        )
