"""`LaggedSums`: all that a GLM with autoregressive noise asks of the data, in one pass.

For the data d of a voxel, relative to its first volume: weighted sums over
time (see `functionals`), the sums of ``d_t d_{t-l}`` for lags l up to the
order of the noise, and the first and the last volumes. Lags count kept
volumes: where some are censored, they run across the gap, as in nilearn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.functionals import Functionals
from boldstream.io.source import Block
from boldstream.streaming.cost import Cost
from boldstream.streaming.reduction import Accumulator
from boldstream.streaming.stage import TILE, Stage, Staged, Staging

Floats = NDArray[np.float64]


@dataclass
class Sums:
    """Sums over some volumes in a row.

    Attributes
    ----------
    n : int
        Volumes so far.
    reference : ndarray, shape (voxels,)
        The first volume: it stands for d = 0.
    projected : ndarray, shape (functionals, voxels)
    squares : ndarray, shape (order + 1, voxels)
        By lag: of ``d_t d_{t-l}``.
    head, tail : ndarray, shape (order, voxels)
        d of the first and of the last volumes in order; 0 for those that
        would come before the first or after the last.
    """

    n: int
    reference: Floats
    projected: Floats
    squares: Floats
    head: Floats
    tail: Floats

    @classmethod
    def empty(cls, order: int, functionals: int, voxels: int) -> Sums:
        sizes = functionals, order + 1, order, order
        return cls(0, np.zeros(voxels), *(np.zeros((size, voxels)) for size in sizes))

    @property
    def order(self) -> int:
        return len(self.head)

    def of(self, voxels: slice | NDArray[np.intp]) -> Sums:
        """Those of some voxels; views where these are a slice."""
        some = (self.projected, self.squares, self.head, self.tail)
        return Sums(self.n, self.reference[voxels], *(array[:, voxels] for array in some))

    def rescaled(
        self, scale: Floats, offset: Floats, functionals: Functionals, volumes: range
    ) -> Sums:
        """The sums of ``scale * d + offset``.

        Parameters
        ----------
        scale, offset : ndarray, shape (voxels,)
        functionals : Functionals
        volumes : range
            Those that the sums are over.
        """
        total = functionals.total(self.projected)
        weights = functionals.weights[:, volumes.start : volumes.stop]
        squares = scale**2 * self.squares
        for lag in range(self.order + 1):
            # d_t has no partner in the first `lag` volumes, nor d_{t-lag} in the last ones.
            alone = self.head[:lag].sum(axis=0) + self.tail[self.order - lag :].sum(axis=0)
            squares[lag] += scale * offset * (2 * total - alone)
            squares[lag] += max(0, self.n - lag) * offset**2
        early = np.arange(self.order)[:, None]
        return Sums(
            self.n,
            self.reference,
            scale * self.projected + weights.sum(axis=1)[:, None] * offset,
            squares,
            np.where(early < self.n, scale * self.head + offset, 0.0),
            np.where(early >= self.order - self.n, scale * self.tail + offset, 0.0),
        )

    def followed_by(self, second: Sums) -> Sums:
        """The sums over these volumes and those of `second`, which has the same reference."""
        order = self.order
        squares = self.squares + second.squares
        for lag in range(1, order + 1):
            pairs = min(lag, second.n)
            before = self.tail[order - lag : order - lag + pairs]
            squares[lag] += np.einsum("tv,tv->v", second.head[:pairs], before)
        head = self.head.copy()
        head[self.n :] = second.head[: max(0, order - self.n)]
        kept = min(second.n, order)
        return Sums(
            self.n + second.n,
            self.reference,
            self.projected + second.projected,
            squares,
            head,
            np.concatenate([self.tail[kept:], second.tail[order - kept :]]),
        )


@dataclass
class State:
    """Sums so far, the volumes that wait, and the mean of each volume where it is divided by."""

    kept: range
    sums: Sums
    stage: Stage | None
    volume_means: Floats


class LaggedSums(Accumulator[State]):
    """Accumulates `Sums`.

    Parameters
    ----------
    functionals : Functionals
    staging : Staging
    by_volume : bool
        Whether every volume is brought to percent of its own mean first.
    """

    multiplies = True

    def __init__(self, functionals: Functionals, staging: Staging, *, by_volume: bool) -> None:
        self.functionals, self.staging, self._by_volume = functionals, staging, by_volume

    def cost(self) -> Cost:
        order, weights = self.functionals.order, self.functionals.weights
        voxels = len(self.staging.rows)
        # Of a volume with NaN, which voxels have none and their values.
        finite = 9 * voxels if self._by_volume else 0
        return Cost(
            self._sums_bytes + self.staging.bytes(),
            scratch=min(TILE, voxels) * 8 * (order + self.staging.depth + len(weights)) + finite,
            loaded=weights.nbytes + self.functionals.by_lag.nbytes + self.staging.rows.nbytes,
        )

    @property
    def _sums_bytes(self) -> int:
        rows = len(self.functionals.weights) + 3 * self.functionals.order + 2
        return rows * len(self.staging.rows) * 8

    def fork_bytes(self, n: int) -> int:
        # To join two parts takes two more of them; their stages are empty by then.
        most = n * self._sums_bytes + max(self.staging.bytes(n), 2 * self._sums_bytes)
        # The system gives no memory for the state that is forked: it is never written to.
        return most - self._sums_bytes - self.staging.bytes()

    def init(self, volumes: range) -> State:
        kept = self.staging.taken(volumes)
        sizes = self.functionals.order, len(self.functionals.weights), len(self.staging.rows)
        return State(kept, Sums.empty(*sizes), self.staging.open(volumes), np.ones(len(kept)))

    def update(self, state: State, block: Block) -> None:
        assert state.stage is not None  # it was not merged yet
        for staged, tile in state.stage.take(block):
            ready = self._in_percent(state, staged, tile) if self._by_volume else staged
            weights = self.functionals.weights[:, staged.start : staged.stop]
            _add(state.sums, ready, staged.start - state.kept.start, tile, weights)
            if tile.stop == len(self.staging.rows):
                state.sums.n += len(staged.stored)

    def _in_percent(self, state: State, staged: Staged, tile: slice) -> Staged:
        """Each volume as 100 times its share of its mean over voxels, as nilearn limits it."""
        first = staged.start - state.kept.start
        means = state.volume_means[first : first + len(staged.stored)]
        if tile.start == 0:
            stored = _means_of_finite(staged.stored)
            means[:] = stored * staged.slope + staged.inter
        percent = 100 / np.maximum(means, 1)
        return Staged(staged.start, staged.stored, staged.slope * percent, staged.inter * percent)

    def merge(self, first: State, second: State) -> State:
        if not first.sums.n or not second.sums.n:
            return first if first.sums.n else second
        moved = second.sums.reference - first.sums.reference
        rebased = second.sums.rescaled(np.ones(len(moved)), moved, self.functionals, second.kept)
        return State(
            range(first.kept.start, second.kept.stop),
            first.sums.followed_by(rebased),
            None,
            np.concatenate([first.volume_means, second.volume_means]),
        )


def _means_of_finite(stored: NDArray[Any]) -> Floats:
    """Mean of each volume over voxels; one with NaN would take all others with it."""
    means: Floats = stored.mean(axis=1, dtype=np.float64)
    for t in np.flatnonzero(~np.isfinite(means)):
        finite = stored[t][np.isfinite(stored[t])]
        # Without one there is nothing to divide by.
        means[t] = finite.mean(dtype=np.float64) if finite.size else np.nan
    return means


def _add(sums: Sums, staged: Staged, before: int, tile: slice, weights: Floats) -> None:
    """Add volumes of some voxels, that come after so many others."""
    order = sums.order
    lines = np.empty((order + len(staged.stored), tile.stop - tile.start))
    lines[:order] = sums.tail[:, tile]
    d = staged.real_into(lines[order:], tile)
    if before == 0:
        sums.reference[tile] = d[0]
    d -= sums.reference[tile]
    sums.projected[:, tile] += weights @ d
    for lag in range(order + 1):
        sums.squares[lag, tile] += np.einsum("tv,tv->v", d, lines[order - lag : len(lines) - lag])
    new = d[: max(0, order - before)]
    sums.head[before : before + len(new), tile] = new
    sums.tail[:, tile] = lines[len(lines) - order :]
