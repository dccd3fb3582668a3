"""Confounds that fMRIPrep wrote beside an image."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import did_you_mean, one_of
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.tables import read_table
from boldstream.io.translate import expanded
from boldstream.signal.confounds import names_in_short, read_confounds

Strategy: TypeAlias = Literal["simple", "scrubbing", "compcor", "ica_aroma"]
STRATEGIES: tuple[Strategy, ...] = ("simple", "scrubbing", "compcor", "ica_aroma")

# What nilearn meets in tables and names that it does not expect.
_FOREIGN = (ValueError, KeyError, TypeError, IndexError, OSError)


def parse_confounds_strategy(confounds: object) -> Strategy | None:
    """Strategy that ``"fmriprep"`` or ``"fmriprep:scrubbing"`` asks for; None if it is neither.

    Raises
    ------
    ParameterError
        If what follows the colon is no strategy.

    Examples
    --------
    >>> parse_confounds_strategy("fmriprep"), parse_confounds_strategy("fmriprep:compcor")
    ('simple', 'compcor')
    >>> parse_confounds_strategy("motion.tsv") is None
    True
    """
    if not isinstance(confounds, str):
        return None
    source, colon, strategy = confounds.partition(":")
    if source != "fmriprep":
        return None
    if not colon:
        return "simple"
    one_of("confounds", confounds, tuple(f"fmriprep:{known}" for known in STRATEGIES))
    return cast("Strategy", strategy)


def fmriprep_confounds(
    image_path: str | os.PathLike[str],
    strategy: Strategy = "simple",
    *,
    options: Mapping[str, Any] | None = None,
) -> tuple[Any, NDArray[np.intp] | None]:
    """Confounds and volumes to keep, by one of nilearn's strategies for fMRIPrep.

    Parameters
    ----------
    image_path : path
        The image that fMRIPrep wrote, such as ``..._desc-preproc_bold.nii.gz``;
        the confounds are looked for beside it. It need not be there itself.
    strategy : {"simple", "scrubbing", "compcor", "ica_aroma"}
        See `nilearn.interfaces.fmriprep.load_confounds_strategy`.
    options : mapping, optional
        Its parameters for that strategy, such as ``{"motion": "basic"}``.

    Returns
    -------
    confounds : pandas.DataFrame, shape (volumes, n)
        Demeaned, unless `options` say otherwise; one row for each volume of
        the image, kept or not.
    sample_mask : ndarray of int, or None
        Volumes to keep, if any is to be left out.

    Raises
    ------
    TableError
        If there is no table of confounds beside the image, or more than one;
        if it lacks what the strategy takes; if no volume would be kept.
    ParameterError
        If `image_path` is no path, or a strategy or option is unknown.

    Examples
    --------
    >>> fmriprep_confounds("bold_desc-preproc_bold.nii.gz", "scrubing")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `strategy` must be ...; did you mean 'scrubbing'?
    """
    if not isinstance(image_path, str | os.PathLike):
        raise ParameterError(
            "confounds of fMRIPrep are found by the path of the image, got "
            f"{type(image_path).__name__}; give the path, or the confounds themselves"
        )
    strategy = one_of("strategy", strategy, STRATEGIES)
    options = dict(options or {})
    _check_options(strategy, options)
    image = expanded(image_path)
    table = _table_beside(image, strategy)
    confounds, mask = _load(image, table, strategy, options)
    if mask is not None and not mask.size:
        raise TableError(f"{table} marks every volume as an outlier, so that none would be kept")
    if confounds.shape[1]:
        try:
            read_confounds(confounds, len(confounds))
        except TableError as error:
            raise TableError(f"{table}: {error}") from error
    return confounds, mask


def merge_sample_masks(
    first: ArrayLike | None, second: ArrayLike | None, n_volumes: int
) -> NDArray[np.intp] | None:
    """Volumes that both masks keep; None keeps all.

    Parameters
    ----------
    first, second : array of bool, shape (n_volumes,), or of int, or None
    n_volumes : int

    Returns
    -------
    ndarray of int, or None
        In ascending order.

    Raises
    ------
    ParameterError
        If no volume is left, or a mask names one that is not there, or twice.

    Examples
    --------
    >>> merge_sample_masks([0, 1, 3], [False, True, True, True], 4)
    array([1, 3])
    """
    if first is None and second is None:
        return None
    kept = np.ones(n_volumes, dtype=np.bool_)
    for mask in (first, second):
        if mask is not None:
            kept &= _as_boolean(np.asarray(mask), n_volumes)
    if not kept.any():
        raise ParameterError(f"`sample_mask` must keep at least one of {n_volumes} volumes")
    return np.flatnonzero(kept)


def _as_boolean(mask: NDArray[Any], n_volumes: int) -> NDArray[np.bool_]:
    if mask.dtype == np.bool_ and mask.shape == (n_volumes,):
        return mask
    inside = mask.dtype.kind in "iu" and mask.ndim == 1
    if not inside or (mask.size and (mask.min() < 0 or mask.max() >= n_volumes)):
        raise ParameterError(
            f"`sample_mask` must be {n_volumes} of True and False, or volumes from 0 to "
            f"{n_volumes - 1}, got {mask.dtype} of shape {mask.shape}"
        )
    kept = np.zeros(n_volumes, dtype=np.bool_)
    kept[mask] = True
    if kept.sum() < mask.size:
        volume = int(np.argmax(np.bincount(mask)))
        raise ParameterError(
            f"`sample_mask` must name each volume at most once, got volume {volume} again; "
            "what to keep of every volume goes as True and False, not as 1 and 0"
        )
    return kept


def _check_options(strategy: Strategy, options: Mapping[str, Any]) -> None:
    from nilearn.interfaces.fmriprep.load_confounds_strategy import preset_strategies

    # For ICA-AROMA nilearn ignores the parameter of that name.
    known = sorted(set(preset_strategies[strategy]) - {"strategy", "ica_aroma"})
    for name in options:
        if name not in known:
            raise ParameterError(
                f"`options` of the strategy {strategy!r} must be among {', '.join(known)}, "
                f"got {name!r}{did_you_mean(name, known)}"
            )


def _table_beside(image: Path, strategy: Strategy) -> Path:
    from nilearn.interfaces.fmriprep.load_confounds_utils import get_confounds_file

    try:
        found = get_confounds_file(str(image), strategy == "ica_aroma", False)
    except _FOREIGN as error:
        there = sorted(path.name for path in image.parent.glob("*desc-confounds_*.tsv"))
        raise TableError(
            f"confounds of {image} cannot be found: {_words(error)} Looked in {image.parent} for "
            "a name of the image's own entities, desc-confounds, and _timeseries.tsv or "
            f"_regressors.tsv at its end; of that kind there is {', '.join(there) or 'nothing'}"
        ) from error
    return Path(found)


def _load(
    image: Path, table: Path, strategy: Strategy, options: Mapping[str, Any]
) -> tuple[Any, NDArray[np.intp] | None]:
    from nilearn.interfaces.fmriprep import load_confounds_strategy

    try:
        with warnings.catch_warnings():
            # That is an error here.
            warnings.filterwarnings("ignore", message="All volumes were marked")
            loaded: tuple[Any, NDArray[np.intp] | None] = load_confounds_strategy(
                str(image), denoise_strategy=strategy, **options
            )
    except _FOREIGN as error:
        names = names_in_short(read_table(table).columns)
        raise TableError(
            f"{table} does not serve the strategy {strategy!r}: {_words(error)}\n"
            f"its columns are {names}"
        ) from error
    return loaded


def _words(error: Exception) -> str:
    """What an error says, on one line; a KeyError says no more than the key."""
    said = f"missing is {error.args[0]}" if isinstance(error, KeyError) else str(error)
    said = " ".join(said.split())
    return said if said.endswith(".") else f"{said}."
