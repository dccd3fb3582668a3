"""Which samples may exchange their labels, and how many labellings that gives."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.randomness import random_numbers
from boldstream.decoding.task.labels import vector_of
from boldstream.decoding.task.problem import Folds

Rows = NDArray[np.intp]

AUTO = "auto"
# Draws of the test for block designs, and how few of them may be as extreme.
_N_DRAWS, _CHANCE = 1_999, 1e-3


@dataclass(frozen=True, eq=False)
class Exchange:
    """What may exchange its labels: units, which are samples or whole blocks, within cells.

    Attributes
    ----------
    labels : ndarray, shape (samples,)
        As given.
    units : tuple of ndarray of int
        Samples of each unit; all of them have one label.
    cells : tuple of ndarray of int
        Units that exchange labels with each other.
    """

    labels: NDArray[Any]
    units: tuple[Rows, ...]
    cells: tuple[Rows, ...]

    @cached_property
    def unit_labels(self) -> NDArray[Any]:
        return self.labels[[unit[0] for unit in self.units]]

    @cached_property
    def unit_of(self) -> Rows:
        """The unit of each sample."""
        out = np.empty(len(self.labels), np.intp)
        for number, unit in enumerate(self.units):
            out[unit] = number
        return out

    @cached_property
    def n_distinct(self) -> int:
        """Labellings there are at most, the given one included: p cannot be below 1 / `n_distinct`.

        Some may be left out by what `permute_labels` asks of folds.
        """
        total = 1
        for cell in self.cells:
            _, counts = np.unique(self.unit_labels[cell], return_counts=True)
            total *= math.factorial(len(cell))
            for count in counts[counts > 1].tolist():
                total //= math.factorial(count)
        return total

    def draw(self, n: int, random: np.random.Generator) -> NDArray[Any]:
        """Labellings (n, samples), each as likely as any other."""
        drawn = np.repeat(self.unit_labels[None], n, axis=0)
        for cell in self.cells:
            if len(cell) > 1:
                drawn[:, cell] = random.permuted(drawn[:, cell], axis=1)
        return drawn[:, self.unit_of]


def plan_exchange(
    labels: NDArray[Any],
    *,
    groups: Any = None,
    permutation_blocks: Any = None,
    folds: Folds,
    stratified: bool,
) -> Exchange:
    """Find what may exchange its labels; parameters and errors are those of `permute_labels`.

    Examples
    --------
    Two runs with two samples of each class:

    >>> import numpy as np
    >>> rows = np.arange(8)
    >>> folds = Folds((rows[:4], rows[4:]), (rows[4:], rows[:4]), 8)
    >>> labels, runs = np.array([0, 1, 1, 0, 1, 0, 1, 0]), [1] * 4 + [2] * 4
    >>> plan_exchange(labels, groups=runs, folds=folds, stratified=False).n_distinct
    36
    """
    runs = _numbered("groups", groups, len(labels))
    parts = _parts(runs)
    if isinstance(permutation_blocks, str) and permutation_blocks == AUTO:
        permutation_blocks = _stretches(labels, parts)
    units: Sequence[Rows] = list(np.arange(len(labels))[:, None])
    within = runs
    if permutation_blocks is not None:
        blocks = _numbered("permutation_blocks", permutation_blocks, len(labels))
        found = _parts(_combined(runs, blocks))
        if all(len(np.unique(labels[block])) == 1 for block in found):
            units = found
        else:
            within = _combined(runs, blocks)
    roles = _roles(folds) if stratified else np.zeros(folds.n_samples, np.intp)
    keys = [
        (int(within[unit[0]]), *sorted(roles[unit].tolist() if stratified else ()))
        for unit in units
    ]
    exchange = Exchange(labels, tuple(units), tuple(_parts(_codes(keys))))
    if exchange.n_distinct == 1:
        raise ParameterError(_nothing_to_exchange(groups, permutation_blocks, stratified))
    if permutation_blocks is None:
        _refuse_blocks(labels, parts)
    return exchange


def _nothing_to_exchange(groups: Any, blocks: Any, stratified: bool) -> str:
    inside = [
        text
        for text, there in (
            ("a group", groups is not None),
            ("a permutation block", blocks is not None),
            ("a test fold, since `cv` is stratified", stratified),
        )
        if there
    ]
    where = f"within {' and '.join(inside)}" if inside else "in all"
    return (
        f"labels must differ between samples (or whole blocks) that may exchange them; {where} "
        "they are equal, so that there is no other labelling to compare with"
    )


def _numbered(name: str, given: Any, n: int) -> Rows:
    """One number for each sample, equal where what was given is equal."""
    if given is None:
        return np.zeros(n, np.intp)
    # NaN differs from itself: each would be a block of its own.
    return _codes(vector_of(name, given, n).tolist())


def _codes(values: Iterable[Hashable]) -> Rows:
    """Numbers in the order of first appearance: what values are called changes nothing."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], np.intp)


def _combined(a: Rows, b: Rows) -> Rows:
    return _codes(zip(a.tolist(), b.tolist(), strict=True))


def _parts(codes: Rows) -> list[Rows]:
    """Positions of each code, ascending."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _stretches(labels: NDArray[Any], runs: Sequence[Rows]) -> Rows:
    """The number of each sample's maximal stretch of equal labels, from 0 in every run."""
    out = np.empty(len(labels), np.intp)
    for run in runs:
        out[run] = np.r_[0, np.cumsum(labels[run][1:] != labels[run][:-1])]
    return out


def _roles(folds: Folds) -> Rows:
    """One number for each sample, equal for those that all folds train on and test alike."""
    roles = np.zeros((folds.n_samples, len(folds.test)), np.int8)
    for fold, (train, test) in enumerate(zip(folds.train, folds.test, strict=True)):
        roles[train, fold] += 1
        roles[test, fold] += 2
    return _codes(row.tobytes() for row in roles)


def _refuse_blocks(labels: NDArray[Any], runs: Sequence[Rows]) -> None:
    """Raise where consecutive samples share labels so often that these were not given singly."""
    lengths = [np.diff(np.flatnonzero(_edges(labels[run]))).min() for run in runs]
    if min(lengths) < 2:
        given = _alikeness(labels[None], runs)[0]
        each = Exchange(labels, tuple(np.arange(len(labels))[:, None]), tuple(runs))
        # The same draws for any seed: a design is refused or it is not.
        random = random_numbers(0)
        drawn = np.concatenate(
            [_alikeness(each.draw(n, random), runs) for n in _batches(_N_DRAWS, 250)]
        )
        slack = 1e-9 * np.abs(drawn).max()
        if (np.count_nonzero(drawn >= given - slack) + 1) / (_N_DRAWS + 1) >= _CHANCE:
            return
    raise ParameterError(
        "`permutation_blocks` must be given: consecutive samples of a run share labels more than "
        "chance allows, as in a block design or where several volumes belong to one trial, and "
        "single samples that exchanged labels would make p too small. Give 'auto' (stretches of "
        "equal labels stay whole), or for each sample the block or trial that it belongs to: "
        "another one for each sample says that every sample was labelled singly, at random"
    )


def _edges(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a stretch of equal labels starts at each sample, and True at the end."""
    return np.concatenate([[True], labels[1:] != labels[:-1], [True]])


def _alikeness(labellings: NDArray[Any], runs: Sequence[Rows]) -> NDArray[np.float64]:
    """How alike neighbours in runs are: equal pairs of classes, minus squared steps of values."""
    out = np.zeros(len(labellings))
    for run in runs:
        part = labellings[:, run]
        if labellings.dtype.kind == "f":
            out -= (np.diff(part, axis=1) ** 2).sum(axis=1)
        else:
            out += np.count_nonzero(part[:, 1:] == part[:, :-1], axis=1)
    return out


def _batches(total: int, most: int) -> list[int]:
    return [stop - start for start, stop in pairwise([*range(0, total, most), total])]
