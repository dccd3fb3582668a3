"""What is kept of every sphere, filled as scores come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.budget import format_bytes
from boldstream.core.errors import MemoryBudgetError, ParameterError
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.task import Task

KEEP = ("scores", "fold_scores", "predictions", "confusion")


@dataclass(eq=False)
class Kept:
    """Arrays with a row for each sphere; NaN, or −1 for codes, where a sphere has no voxel.

    Attributes
    ----------
    scores : ndarray, shape (spheres,), float64
        Mean over folds.
    fold_scores : ndarray, shape (spheres, folds), float32, or None
    predictions : ndarray, shape (spheres, tests), or None
        Codes of classes (int16), or values (float32), of all tests, fold after fold.
    confusion : ndarray, shape (spheres, classes, classes), int32, or None
        Tests of each class (rows) by the class that was predicted.
    """

    task: Task
    scores: NDArray[np.float64]
    fold_scores: NDArray[np.float32] | None = None
    predictions: NDArray[Any] | None = None
    confusion: NDArray[np.int32] | None = None
    _truth: NDArray[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _, _, test, _ = self.task.problem.folds.arrays
        self._truth = self.task.targets.labellings[0][test]

    @property
    def needs_predictions(self) -> bool:
        return self.predictions is not None or self.confusion is not None

    def put(self, start: int, scored: Scored) -> None:
        """Keep what was found of the spheres from `start`."""
        rows = slice(start, start + len(scored.means))
        self.scores[rows] = scored.means[:, 0]
        if self.fold_scores is not None:
            self.fold_scores[rows] = scored.folds
        if not self.needs_predictions:
            return
        predicted = scored.predicted(self.task.targets)
        if self.predictions is not None:
            self.predictions[rows] = predicted
        if self.confusion is not None:
            n = self.task.targets.n_classes
            # 182 classes make more cells than codes, which are int16, can count.
            row = self._truth.astype(np.int64) * n
            for sphere, codes in zip(self.confusion[rows], predicted, strict=True):
                sphere += np.bincount(row + codes, minlength=n * n).reshape(n, n)


def make_kept(task: Task, n_spheres: int, keep: Any, headroom_bytes: int) -> Kept:
    """Arrays for what is to be kept.

    Raises
    ------
    ParameterError
        If `keep` names something else, or a confusion of values.
    MemoryBudgetError
        If they take more than `headroom_bytes`.
    """
    wanted = check_keep(keep)
    targets, folds = task.targets, task.problem.folds
    if "confusion" in wanted and targets.classes is None:
        raise ParameterError("`keep` must not hold 'confusion' for a regressor, got it")
    code = np.dtype(np.int16 if targets.classes is not None else np.float32)
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "fold_scores": ((n_spheres, len(folds.test)), np.dtype(np.float32)),
        "predictions": ((n_spheres, folds.n_tests), code),
        "confusion": ((n_spheres, targets.n_classes, targets.n_classes), np.dtype(np.int32)),
    }
    asked = {name: shapes[name] for name in shapes if name in wanted}
    n_bytes = 8 * n_spheres + sum(int(np.prod(s)) * d.itemsize for s, d in asked.values())
    if n_bytes > headroom_bytes:
        raise MemoryBudgetError(
            f"`keep` asks for {format_bytes(n_bytes)} of results, and "
            f"{format_bytes(headroom_bytes)} may be taken; keep less, or raise `memory_limit`"
        )
    empty = {"fold_scores": np.nan, "confusion": 0}
    unpredicted = -1 if targets.classes is not None else np.nan
    arrays: dict[str, Any] = {
        name: np.full(shape, empty.get(name, unpredicted), dtype)
        for name, (shape, dtype) in asked.items()
    }
    return Kept(task, np.full(n_spheres, np.nan), **arrays)


def check_keep(keep: Any) -> tuple[str, ...]:
    """The names in `keep`; raises `ParameterError` if there is another one."""
    names = (keep,) if isinstance(keep, str) else tuple(keep)
    for name in names:
        if name not in KEEP:
            raise ParameterError(
                f"`keep` must hold names among {', '.join(map(repr, KEEP))}, got {name!r}"
            )
    return names
