"""What is measured of searchlights, on how much of it, and how a row of the table is judged."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import asked
from benchmarks.rows import Row, figure
from benchmarks.searchlight_data import (
    CLASSES_8,
    LARGE,
    QUICK_CLASSES,
    QUICK_LARGE,
    QUICK_SMALL,
    QUICK_TRIALS,
    SMALL_SPHERES,
    TRIALS_56,
    TRIALS_216,
    TrialInputs,
    Trials,
    make_trials,
)
from benchmarks.settings import Settings

SUITE = "searchlight"
# Of the spheres that take long, every so many-th is done unless all are asked for.
SOME = 10
_DAY_MS = 86_400_000

row_of = partial(figure, SUITE)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured, and on how much of it.

    Attributes
    ----------
    few, many, classes, small, large : Trials
        With few and many samples, several classes, small spheres, and more
        than memory may hold.
    permutations, most_permutations : int
    n_spheres : int
        Of nilearn's.
    n_exact : int
        Spheres that scikit-learn solves to the end.
    n_permuted : int
        Spheres of which scikit-learn does the permutations, too.
    first_calls : tuple of str
        Estimators that are compiled anew.
    """

    few: Trials
    many: Trials
    classes: Trials
    small: Trials
    large: Trials
    permutations: int
    most_permutations: int
    n_spheres: int
    n_exact: int
    n_permuted: int
    first_calls: tuple[str, ...]


FULL = Sizes(
    TRIALS_56,
    TRIALS_216,
    CLASSES_8,
    SMALL_SPHERES,
    LARGE,
    permutations=1_000,
    most_permutations=10_000,
    n_spheres=200,
    n_exact=1_000,
    n_permuted=2,
    first_calls=("svc", "ridge", "ridge LDA", "LDA", "naive Bayes", "nearest centroid", "logistic"),
)
QUICK = Sizes(
    QUICK_TRIALS,
    QUICK_SMALL,
    QUICK_CLASSES,
    QUICK_SMALL,
    QUICK_LARGE,
    permutations=20,
    most_permutations=40,
    n_spheres=25,
    n_exact=25,
    n_permuted=1,
    first_calls=("ridge",),
)


@dataclass(frozen=True, slots=True)
class Study:
    """Where files are, what is measured, and how often."""

    folder: Path
    sizes: Sizes
    repeats: int

    @classmethod
    def of(cls, settings: Settings) -> Study:
        """What settings ask for."""
        return cls(settings.folder, QUICK if settings.quick else FULL, settings.repeats)

    def inputs(self, trials: Trials) -> TrialInputs:
        """The files of trials, made on first use."""
        return make_trials(self.folder, trials)


def n_voxels(trials: Trials) -> int:
    """How many voxels the mask has."""
    return int(np.count_nonzero(trials.mask()))


def every_of(trials: Trials, n_spheres: int) -> int:
    """Every which voxel to take for about so many spheres; a multiple of `SOME`."""
    return max(1, n_voxels(trials) // (n_spheres * SOME)) * SOME


def median(values: Sequence[float]) -> float:
    """Median; of one value, that one."""
    return float(statistics.median(values))


def same_row(
    image: str, what: str, ours: NDArray[Any], theirs: NDArray[Any], tests: int, *, judged: bool
) -> Row:
    """How many spheres differ, and by how many samples at most.

    Parameters
    ----------
    image, what : str
    ours, theirs : ndarray, shape (spheres,) or (spheres, folds)
        Accuracies.
    tests : int
        Samples that each accuracy counts.
    judged : bool
        Whether few may differ, and by a sample.
    """
    if ours.shape != theirs.shape:
        raise RuntimeError(f"the scores have the shapes {ours.shape} and {theirs.shape}")
    apart = np.rint(np.abs(ours - theirs) * tests).reshape(len(ours), -1).sum(axis=1)
    percent, most = 100 * float((apart > 0).mean()), float(apart.max())
    return row_of(
        image,
        what,
        percent,
        "%",
        ask=asked.SAME_SPHERES if judged else None,
        judged=percent if most <= 1 else np.inf,
        note=f"of {len(apart)} spheres, by {most:.0f} at most",
    )


def equal_row(image: str, what: str, ours: NDArray[Any], theirs: NDArray[Any]) -> Row:
    """How many of two arrays' values are not the same to the last bit."""
    apart = int(np.count_nonzero(ours != theirs)) if ours.shape == theirs.shape else ours.size
    note = f"of {ours.size} differ"
    return row_of(image, what, apart, "values", ask=asked.EQUAL, note=note)


def days(ms: float, n_spheres: int, n_labellings: int) -> str:
    """How long so many fits take, for people."""
    long = ms * n_spheres * n_labellings / _DAY_MS
    if long >= 1:
        return f"{long:.1f} days"
    return f"{24 * long:.1f} h" if 24 * long >= 1 else f"{1440 * long:.1f} min"
