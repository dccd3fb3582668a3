"""`Engine`: an estimator's fit and decision for every fold, labelling and sphere of a block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.task.problem import Folds, Targets


@dataclass(frozen=True, eq=False)
class Block:
    """Voxels that were read, and which of them each sphere holds.

    Attributes
    ----------
    values : ndarray, shape (voxels, samples), float32
        The samples of a voxel lie together.
    members : ndarray of int32
        Rows of `values`, sphere after sphere.
    starts : ndarray of int64, shape (spheres + 1,)
        Where each sphere starts in `members`.
    usual_size : float
        Voxels of a usual sphere of the whole search, by which engines choose
        their form, so that how spheres are cut into blocks changes nothing;
        0 where this block is all there is.
    """

    values: NDArray[np.float32]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]
    usual_size: float = 0.0

    def __len__(self) -> int:
        return len(self.starts) - 1

    def some(self, spheres: slice) -> Block:
        """Some of its spheres; nothing is copied but where they start."""
        starts = self.starts[spheres.start : spheres.stop + 1]
        members = self.members[starts[0] : starts[-1]]
        return Block(self.values, members, starts - starts[0], self.usual_size)


class Engine(ABC):
    """Solves, exactly, what an estimator of scikit-learn solves.

    An engine is a value: it holds hyperparameters and nothing that is learned.
    """

    title: ClassVar[str]
    """What a user is told: the estimator, and how it is solved."""

    spheres: ClassVar[int] = 64
    """How many spheres it is best given at a time: more where they share work on voxels."""

    bytes_per_value: ClassVar[int] = 24
    """Memory that it takes for each value of the sphere it works on: copies in float64."""

    ranks: bool = True
    """Whether decision values order samples as the estimator's ``decision_function`` (ROC AUC)."""

    @abstractmethod
    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        """Fill decision values (spheres, labellings, tests, columns).

        One column for values (predictions less ``targets.offset``) and for two
        classes (above 0: the second one), else one for each class (the largest
        one decides, the first of equal ones; of their sum only differences
        count, so that float32 can hold them). NaN where no solution was found.
        Called from several threads at a time, each with spheres of its own.
        """


Recogniser: TypeAlias = Callable[[Any, bool, Targets], Engine | str | None]
"""Called with an estimator, whether a StandardScaler stands before it, and targets.

Gives the engine that solves it exactly; why there is none, though the
estimator is of its family; or None if it is of another family.
"""
