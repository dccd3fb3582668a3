"""What belongs to each run of a series beside its volumes: confounds, and the volumes to keep."""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.io.source import Series
from boldstream.io.tables import read_table
from boldstream.signal.confounds import begins_with_numbers, match_columns, read_confounds
from boldstream.signal.fmriprep import (
    fmriprep_confounds,
    merge_sample_masks,
    parse_confounds_strategy,
)

_NUMBERS = (numbers.Number, np.bool_)


@dataclass(frozen=True, eq=False)
class Run:
    """Confounds of one run, and what is kept of it.

    Attributes
    ----------
    confounds : ndarray of float64, shape (volumes, n), or None
    names : tuple of str
        Of the confounds; empty where they have none.
    kept : ndarray of int, or None
        Volumes that are kept, ascending; None keeps all.
    """

    confounds: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()
    kept: NDArray[np.intp] | None = None


def load_runs(
    image: Any,
    series: Series,
    *,
    confounds: Any = None,
    sample_mask: Any = None,
    columns: Sequence[str] | None = None,
) -> list[Run]:
    """Load and check what each run is cleaned with.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        As it was opened; confounds of fMRIPrep are found by its paths.
    series : Series
    confounds : array, data frame, path, list of these, or "fmriprep"
        As `read_confounds` takes them, of one run; of several a list with one
        entry for each, None for none. "fmriprep", or "fmriprep:scrubbing" and
        so on, stands for what lies beside each image, for all runs or as an
        entry of the list.
    sample_mask : array of bool or int, or list of these
        Volumes to keep of one run; of several a list with one entry for each,
        None for all volumes. What a strategy of fMRIPrep leaves out stays out.
    columns : sequence of str, optional
        Columns to take of tables of confounds; ``*`` stands for anything.

    Returns
    -------
    list of Run
        One for each run.

    Raises
    ------
    ParameterError
        If there are more or fewer entries than runs, or one is not what it
        should be.
    TableError
        If a table of confounds cannot be used, or fMRIPrep's is not there.

    Examples
    --------
    >>> from boldstream.core.grid import Grid
    >>> series = Series("bold", Grid((2, 2, 2), np.eye(4)), 4, np.dtype("f4"), 2.0, (4,))
    >>> (run,) = load_runs("bold.nii", series, sample_mask=[True, False, True, True])
    >>> run.kept
    array([0, 2, 3])
    """
    lengths = series.run_lengths
    confounds_of = _each("confounds", confounds, len(lengths))
    mask_of = _each("sample_mask", sample_mask, len(lengths))
    images = list(image) if isinstance(image, list | tuple) else [image]
    return [
        _load_run(
            # Volumes of one run in files of their own have no confounds beside each.
            images[i] if len(images) == len(lengths) else image,
            n_volumes,
            confounds_of[i],
            mask_of[i],
            columns,
            "confounds" if len(lengths) == 1 else f"confounds[{i}]",
        )
        for i, n_volumes in enumerate(lengths)
    ]


def _each(name: str, given: Any, n_runs: int) -> list[Any]:
    """One entry for each run."""
    if given is None or parse_confounds_strategy(given) is not None:
        return [given] * n_runs
    is_list = isinstance(given, list | tuple)
    if n_runs == 1:
        # A list of one number is a list of volumes, or the confound of a single one.
        is_entry = is_list and len(given) == 1 and not isinstance(given[0], _NUMBERS)
        return [given[0] if is_entry else given]
    if not is_list or len(given) != n_runs:
        got = f"{len(given)} entries" if is_list else type(given).__name__
        raise ParameterError(
            f"`{name}` must be a list with one entry for each of {n_runs} runs, got {got}"
        )
    return list(given)


def _load_run(
    image: Any,
    n_volumes: int,
    confounds: Any,
    sample_mask: Any,
    columns: Sequence[str] | None,
    name: str,
) -> Run:
    strategy, kept = parse_confounds_strategy(confounds), None
    if strategy is not None:
        confounds, kept = fmriprep_confounds(image, strategy)
    kept = merge_sample_masks(kept, sample_mask, n_volumes)
    if confounds is None:
        return Run(kept=kept)
    values = read_confounds(confounds, n_volumes, columns=columns, name=name)
    names = _names(confounds)
    # What a list holds side by side has no names.
    chosen = match_columns(names, columns, name) if columns and names else names
    return Run(values, tuple(chosen), kept)


def _names(confounds: Any) -> Sequence[str]:
    if hasattr(confounds, "columns"):
        return [str(column) for column in confounds.columns]
    if isinstance(confounds, str | os.PathLike) and not begins_with_numbers(confounds):
        return list(read_table(confounds).columns)
    return ()
