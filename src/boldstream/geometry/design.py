"""`Design`: which samples are averaged, by condition and fold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.geometry.labels import Labels, encode_labels

Floats = NDArray[np.float64]
Metric: TypeAlias = Literal["crossnobis", "correlation", "euclidean"]


@dataclass(frozen=True, eq=False)
class Design:
    """Samples in cells, of one condition and one fold each.

    Attributes
    ----------
    metric : {"crossnobis", "correlation", "euclidean"}
    conditions : tuple of str
        Sorted.
    folds : tuple of str
    cell : ndarray of int, shape (samples,)
        The cell of each sample.
    of_cells : ndarray of int, shape (cells,)
        ``fold * len(conditions) + condition``, ascending; with crossnobis all
        there are.
    """

    metric: Metric
    conditions: tuple[str, ...]
    folds: tuple[str, ...]
    cell: NDArray[np.intp]
    of_cells: NDArray[np.intp]

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Samples of each cell."""
        return np.bincount(self.cell, minlength=len(self.of_cells))

    @property
    def n_patterns(self) -> int:
        """Mean patterns that the metric compares."""
        return len(self.of_cells) if self.metric == "crossnobis" else len(self.conditions)

    @property
    def pools(self) -> bool:
        """Whether means of cells are averaged over folds before they are compared."""
        return self.metric != "crossnobis" and len(self.folds) > 1

    @property
    def dof(self) -> int:
        """Degrees of freedom of samples about the mean of their cell."""
        return len(self.cell) - len(self.of_cells)

    def weights(self) -> Floats:
        """What makes means of cells out of samples, shape (cells, samples)."""
        out = np.zeros((len(self.of_cells), len(self.cell)))
        out[self.cell, np.arange(len(self.cell))] = 1 / self.counts[self.cell]
        return out

    def means(self, samples: NDArray[Any]) -> Floats:
        """Mean of each cell, shape (cells, voxels), of samples (samples, voxels)."""
        n_cells = len(self.of_cells)
        out = np.empty((n_cells, samples.shape[1]))
        for cell in range(n_cells):
            samples[self.cell == cell].mean(axis=0, dtype=np.float64, out=out[cell])
        return out

    def patterns(self, means: Floats) -> Floats:
        """What the metric compares, of the means of cells: those, or means of conditions."""
        if not self.pools:
            return means
        n = len(self.conditions)
        pool = np.zeros((n, len(self.of_cells)))
        pool[self.of_cells % n, np.arange(len(self.of_cells))] = self.counts
        pooled: Floats = (pool / pool.sum(axis=1, keepdims=True)) @ means
        return pooled


def make_design(
    metric: str, conditions: Any, folds: Any, n_samples: int, *, noise_in_folds: bool
) -> Design:
    """Check labels of samples, and find their cells.

    Parameters
    ----------
    metric : {"crossnobis", "correlation", "euclidean"}
    conditions, folds : sequence, shape (samples,), or None
        Without conditions every sample is one, called by its number from 0.
    n_samples : int
    noise_in_folds : bool
        Whether folds matter where the metric does not cross-validate: noise
        is then what samples differ by within a fold.

    Raises
    ------
    ParameterError
        If there are fewer than two conditions; with crossnobis also if there
        are fewer than two folds, or one lacks a condition.
    """
    one_of("metric", metric, get_args(Metric))
    named: Metric = metric  # type: ignore[assignment]
    given = np.arange(n_samples) if conditions is None else conditions
    labels = encode_labels("conditions", given, n_samples)
    if len(labels.names) < 2:
        raise ParameterError(
            f"`conditions` must be at least two different ones, got only {labels.names[0]!r}"
        )
    crossed = metric == "crossnobis"
    in_folds = Labels(("",), np.zeros(n_samples, np.intp))
    if folds is not None and (crossed or noise_in_folds):
        in_folds = encode_labels("folds", folds, n_samples)
    if crossed:
        _check_folds(labels, in_folds, given=folds is not None)
    of_cells, cell = np.unique(
        in_folds.codes * len(labels.names) + labels.codes, return_inverse=True
    )
    return Design(named, labels.names, in_folds.names, cell.astype(np.intp), of_cells)


def _check_folds(conditions: Labels, folds: Labels, *, given: bool) -> None:
    """Raise unless folds are partitions of their own that each have every condition."""
    if len(folds.names) < 2:
        got = f"only {folds.names[0]!r}" if given else "None"
        raise ParameterError(
            "`folds` must be at least two, such as the run of each sample, for crossnobis, "
            f"got {got}"
        )
    there = np.zeros((len(folds.names), len(conditions.names)), np.bool_)
    there[folds.codes, conditions.codes] = True
    if not there.all():
        lacking = [
            f"{folds.names[fold]!r} has no {conditions.names[condition]!r}"
            for fold, condition in np.argwhere(~there)[:5]
        ]
        raise ParameterError(
            f"`folds` must each hold every condition for crossnobis; {', '.join(lacking)}"
        )
