"""`ClassSums`: sums over classes of volumes, standardised run by run, from one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.io.source import Block, Series
from boldstream.kernels.gather import gather_rows
from boldstream.streaming.cost import Cost
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.reduction import Accumulator, Bound, Reduction

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """Class and run of each volume.

    Attributes
    ----------
    codes : ndarray of int, shape (volumes,)
        Of classes; -1 for a volume that is left out.
    runs : ndarray of int, shape (volumes,)
        Codes of runs.
    classes : ndarray
    run_lengths : ndarray of int
        Volumes of each run that are taken.
    standardize : bool
    """

    codes: Codes
    runs: Codes
    classes: NDArray[Any]
    run_lengths: Codes
    standardize: bool

    @property
    def n_samples(self) -> tuple[int, ...]:
        """Volumes of each class."""
        return tuple(np.bincount(self.codes[self.codes >= 0]).tolist())

    @property
    def most_open(self) -> int:
        """Runs that have begun and not ended, at most."""
        taken = self.runs[self.codes >= 0]
        _, first = np.unique(taken, return_index=True)
        _, last = np.unique(taken[::-1], return_index=True)
        last = len(taken) - 1 - last
        begun = np.cumsum(np.bincount(first, minlength=len(taken)))
        ended = np.cumsum(np.bincount(last, minlength=len(taken)))
        return int((begun - np.concatenate([[0], ended[:-1]])).max())


@dataclass(eq=False)
class RunSums:
    """Sums of d = x − shift over some volumes of one run; the shift is the first of them."""

    n_samples: Codes
    shift: Floats
    classes: Floats
    squares: Floats

    def joined(self, other: RunSums) -> RunSums:
        """Of the volumes of both."""
        moved = other.shift - self.shift
        squares = other.squares + moved * (
            2 * other.classes.sum(axis=0) + other.n_samples.sum() * moved
        )
        classes = self.classes + other.classes + other.n_samples[:, None] * moved
        return RunSums(
            self.n_samples + other.n_samples, self.shift, classes, self.squares + squares
        )


@dataclass(eq=False)
class TotalSums:
    """Sums over the runs that are whole, of standardised values if that is asked.

    Attributes
    ----------
    classes : ndarray, shape (classes, voxels)
    squares : ndarray, shape (voxels,)
    open : dict of int to RunSums
        Runs that are not whole yet.
    """

    classes: Floats
    squares: Floats
    open: dict[int, RunSums] = field(default_factory=dict)

    def close(self, run: int, design: Design) -> None:
        """Add a run to the sums if all its volumes were seen."""
        sums = self.open[run]
        n = int(sums.n_samples.sum())
        if n < design.run_lengths[run]:
            return
        del self.open[run]
        total = sums.classes.sum(axis=0)
        squares = np.maximum(sums.squares - total**2 / n, 0.0)
        classes = sums.classes - sums.n_samples[:, None] * (total / n)
        if design.standardize:
            deviation = np.sqrt(squares / (n - 1))
            # nilearn's rule for a voxel that is constant.
            deviation[deviation < np.finfo(np.float64).eps] = 1.0
            classes /= deviation
            squares /= deviation**2
        self.classes += classes
        self.squares += squares


@dataclass(frozen=True, eq=False)
class ClassSums(Reduction):
    """Sums over classes of volumes, standardised run by run, from one pass."""

    mask: NDArray[np.bool_]
    design: Design
    nan_policy: NanPolicy

    def bind(self, series: Series) -> Bound[TotalSums]:
        # In the order of the mask; sorted they would be gathered faster, and have to be put back.
        rows = series.grid.rows_of(self.mask)
        rule = NonFiniteRule(self.nan_policy, series, rows, warns=False)
        accumulator = ClassAccumulator(self.design, rows, rule, series.dtype)
        # What `anova` takes: squares of the sums of classes, and F and p.
        result = 8 * len(rows) * (2 * len(self.design.classes) + 6)
        return Bound("f_scores", accumulator, lambda state: state, result)


class ClassAccumulator(Accumulator[TotalSums]):
    """Adds each volume to the sums of its class and run."""

    def __init__(
        self, design: Design, rows: NDArray[np.intp], rule: NonFiniteRule, stored: np.dtype[Any]
    ) -> None:
        self.design, self.rows, self.rule, self._stored = design, rows, rule, stored

    def cost(self) -> Cost:
        n_classes, row = len(self.design.classes), 8 * len(self.rows)
        state = row * (n_classes + 1 + self.design.most_open * (n_classes + 2))
        # A volume as stored and real, its difference, and what closing a run takes.
        scratch = row * (n_classes + 6) + self._stored.itemsize * len(self.rows)
        return Cost(state, scratch=scratch, loaded=self.rows.nbytes)

    def init(self, volumes: range) -> TotalSums:
        v = len(self.rows)
        return TotalSums(np.zeros((len(self.design.classes), v)), np.zeros(v))

    def update(self, state: TotalSums, block: Block) -> None:
        values = np.empty((1, len(self.rows)))
        for t in range(len(block.data)):
            volume = block.start + t
            code, run = int(self.design.codes[volume]), int(self.design.runs[volume])
            if code < 0:
                continue
            one = Block(block.data[t : t + 1], volume, block.scaling, block.run)
            gather_rows(values, one.data, self.rows, block.scaling.slope, block.scaling.inter)
            self.rule.apply(values, one)
            self._add(state, values[0], code, run)

    def _add(self, state: TotalSums, values: Floats, code: int, run: int) -> None:
        if run not in state.open:
            k, v = len(self.design.classes), len(values)
            state.open[run] = RunSums(
                np.zeros(k, np.int64), values.copy(), np.zeros((k, v)), np.zeros(v)
            )
        sums = state.open[run]
        sums.n_samples[code] += 1
        values -= sums.shift
        sums.classes[code] += values
        values *= values
        sums.squares += values
        state.close(run, self.design)

    def merge(self, first: TotalSums, second: TotalSums) -> TotalSums:
        first.classes += second.classes
        first.squares += second.squares
        for run, sums in second.open.items():
            mine = first.open.get(run)
            first.open[run] = sums if mine is None else mine.joined(sums)
            first.close(run, self.design)
        return first
