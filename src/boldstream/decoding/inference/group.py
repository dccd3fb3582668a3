"""Group maps: sign flips, and Stelzer's bootstrap of permuted maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, one_of
from boldstream.core.errors import MaskError, ParameterError
from boldstream.decoding.inference.group_maps import (
    MapOptions,
    SubjectMaps,
    subject_maps,
    tally_columns,
)
from boldstream.decoding.inference.null_maps import NullMaps, open_null_maps
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.stores import MemoryMaps
from boldstream.decoding.inference.t_statistics import t_of
from boldstream.decoding.permutations.randomness import random_numbers
from boldstream.io.masks import MaskLike

Floats = NDArray[np.float64]
Statistic: TypeAlias = Literal["mean", "t"]
NullMapsLike: TypeAlias = "NullMaps | NDArray[Any] | str | os.PathLike[str]"


def group_sign_flip(
    maps: SubjectMaps,
    mask_img: MaskLike | None = None,
    *,
    chance: float,
    n_permutations: int = 1000,
    statistic: Statistic = "mean",
    options: MapOptions = MapOptions(),  # noqa: B008 - a constant
    random_state: Any = 0,
) -> Inference:
    """Test whether the maps of a group are above chance, by flipping signs.

    Where no subject has an effect, a map less chance could as well have the
    other sign, all voxels together. The statistic of the group is compared
    with that after random flips, one-sided. If there are no more than
    `n_permutations` patterns of signs, each is taken once (p is at least
    1 / 2^subjects then), otherwise random ones.

    Parameters
    ----------
    maps : ndarray, shape (subjects, voxels), or sequence of path, image or ndarray (x, y, z)
        Scores; a voxel with NaN in any subject gets no p.
    mask_img : path, image or ndarray, optional
        Needed for images, and for TFCE and clusters without
        ``options.adjacency``. Voxels lie in the order of ``data[mask]``.
    chance : float
        What a subject without an effect has in expectation.
    n_permutations : int
    statistic : {"mean", "t"}
        "t" is more powerful where voxels differ in their variance over subjects.
    options : MapOptions
    random_state : int, Generator, RandomState or None

    Returns
    -------
    Inference
        ``scores`` are the statistic of maps less `chance`.

    Raises
    ------
    ParameterError
        If there are fewer than two subjects, or parameters do not fit each other.
    MaskError, GridMismatchError
        If images and mask do not fit.

    Notes
    -----
    Flips assume errors that are symmetric about chance, which cross-validated
    accuracies are only about. More than that: a true accuracy is never below
    chance, so a mean above chance says that *some* subjects of the group hold
    the information, and not that it is typical of the population, as a t-test
    of activation would say (Allefeld, Görgen and Haynes, NeuroImage 2016). To
    speak of most people takes their prevalence.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> maps = rng.normal([0.7, 0.5, 0.5], 0.05, size=(8, 3))
    >>> group_sign_flip(maps, chance=0.5).p_fwe.round(3)
    array([0.004, ...
    """
    inside, values = subject_maps(maps, mask_img)
    one_of("statistic", statistic, ("mean", "t"))
    if options.forming_p is not None:
        raise ParameterError("`forming_p` must be None for sign flips, which have no maps to rank")
    signs = _signs(len(values), integer_in("n_permutations", n_permutations, 1), random_state)

    def flipped(start: int, stop: int) -> Floats:
        some = values[:, start:stop].astype(np.float64) - chance
        means = (signs @ some).T / len(some)
        if statistic == "mean":
            return means
        # What flips leave as it is.
        squares = np.einsum("ij,ij->j", some, some)[:, None]
        return t_of(means, squares, len(some))

    return tally_columns(flipped, len(signs) - 1, values.shape[1], inside, options)


def group_bootstrap(
    maps: SubjectMaps,
    null_maps: Sequence[NullMapsLike],
    mask_img: MaskLike | None = None,
    *,
    chance: float,
    n_bootstraps: int = 10_000,
    options: MapOptions = MapOptions(),  # noqa: B008 - a constant
    random_state: Any = 0,
) -> Inference:
    """Test whether the mean map of a group is above what permuted labels give.

    One permuted map of every subject is drawn and these are averaged, again
    and again (Stelzer, Chen and Turner, NeuroImage 2013). Nothing is assumed
    of how scores are distributed, and chance is what permutation makes it.

    Parameters
    ----------
    maps : ndarray, shape (subjects, voxels), or sequence of path, image or ndarray (x, y, z)
        Scores of labels as given; a voxel with NaN in any subject gets no p.
    null_maps : sequence of NullMaps, path or ndarray (n_permutations, voxels)
        For each subject; some 100 permutations of each are enough for many
        bootstraps.
    mask_img : path, image or ndarray, optional
        As for `group_sign_flip`; by default that of the first `NullMaps`.
    chance : float
    n_bootstraps : int
    options : MapOptions
    random_state : int, Generator, RandomState or None

    Returns
    -------
    Inference
        ``scores`` are the mean of maps less `chance`.

    Raises
    ------
    ParameterError
        If there are fewer than two subjects, not as many null maps, or they
        have other voxels.
    MaskError, GridMismatchError
        If images and mask do not fit.

    Notes
    -----
    What is rejected is that *no* subject has an effect: see `group_sign_flip`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> null_maps = rng.normal(0.5, 0.05, size=(8, 100, 3))
    >>> maps = rng.normal([0.7, 0.5, 0.5], 0.05, size=(8, 3))
    >>> group_bootstrap(maps, list(null_maps), chance=0.5, n_bootstraps=999).p_fwe.round(3)
    array([0.001, ...
    """
    opened = [_opened(one) for one in null_maps]
    masks = [one.mask for one in opened if isinstance(one, NullMaps) and one.mask is not None]
    inside, values = subject_maps(maps, masks[0] if mask_img is None and masks else mask_img)
    for mask in masks:
        masks[0].grid.require_same(mask.grid, name="`null_maps`", other_name="those of others")
        if inside is None or not np.array_equal(mask.array, inside):
            raise MaskError("`null_maps` must lie on one mask, that of `maps`, got others")
    stores = [one.maps if isinstance(one, NullMaps) else MemoryMaps(one) for one in opened]
    if [store.shape[1] for store in stores] != [values.shape[1]] * len(values):
        raise ParameterError(
            f"`null_maps` must have {values.shape[1]} voxels for each of {len(values)} subjects, "
            f"got {[store.shape[1] for store in stores]}"
        )
    n = integer_in("n_bootstraps", n_bootstraps, 1)
    random = random_numbers(random_state)
    draws = [random.integers(store.shape[0], size=n) for store in stores]

    def bootstrapped(start: int, stop: int) -> Floats:
        out = np.zeros((n + 1, stop - start))
        out[0] = (values[:, start:stop].astype(np.float64) - chance).sum(axis=0)
        for store, drawn in zip(stores, draws, strict=True):
            out[1:] += (store.columns(start, stop).astype(np.float64) - chance)[drawn]
        return out.T / len(stores)

    return tally_columns(bootstrapped, n, values.shape[1], inside, options)


def _opened(maps: NullMapsLike) -> NullMaps | NDArray[np.float32]:
    if isinstance(maps, NullMaps):
        return maps
    if isinstance(maps, np.ndarray):
        return np.asarray(maps, np.float32)
    return open_null_maps(maps)


def _signs(n_subjects: int, n_permutations: int, random_state: Any) -> Floats:
    """Signs (labellings, subjects): the first ones as given, then all others or random ones."""
    if 2**n_subjects <= n_permutations:
        bits = np.arange(2**n_subjects)[:, None] >> np.arange(n_subjects) & 1
    else:
        bits = random_numbers(random_state).integers(2, size=(n_permutations + 1, n_subjects))
        bits[0] = 0
    return np.asarray(1.0 - 2.0 * bits, np.float64)
