"""What is to be predicted, and by which folds: the same for every sphere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Folds:
    """Samples to train on and samples to test, fold by fold.

    Test samples of all folds, one after the other, are called tests: a sample
    that several folds test counts as often.

    Attributes
    ----------
    train, test : tuple of ndarray of int
        Positions of samples.
    n_samples : int
    """

    train: tuple[Rows, ...]
    test: tuple[Rows, ...]
    n_samples: int

    @property
    def n_tests(self) -> int:
        return sum(map(len, self.test))

    @cached_property
    def arrays(self) -> tuple[Rows, Rows, Rows, Rows]:
        """For kernels: train, where each fold starts in it, test, where each fold starts in it."""
        return *_joined(self.train), *_joined(self.test)

    @cached_property
    def complementary(self) -> bool:
        """Whether each fold trains on all samples that it does not test."""
        everyone = np.arange(self.n_samples)
        return all(
            np.array_equal(np.sort(train), np.setdiff1d(everyone, test))
            and len(np.unique(test)) == len(test)
            for train, test in zip(self.train, self.test, strict=True)
        )


def _joined(parts: Sequence[Rows]) -> tuple[Rows, Rows]:
    at = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=at[1:])
    return np.concatenate(parts).astype(np.int64), at


@dataclass(frozen=True, eq=False)
class Targets:
    """What is predicted, and the same permuted.

    Attributes
    ----------
    labellings : ndarray, shape (n_labellings, samples)
        The first is what was given. Codes of classes from 0 (int16), or
        values (float64).
    classes : ndarray, shape (n_classes,), or None
        What each code stands for, sorted; None for values.
    offset : float
        About the mean of values: predictions are given without it, so that
        float32 can hold them.
    """

    labellings: NDArray[Any]
    classes: NDArray[Any] | None
    offset: float = 0.0

    @property
    def n_classes(self) -> int:
        return 0 if self.classes is None else len(self.classes)

    @property
    def n_columns(self) -> int:
        """Decision values of a sample: one for values and two classes, else one for each class."""
        return self.n_classes if self.n_classes > 2 else 1

    @cached_property
    def regressed(self) -> NDArray[np.float64]:
        """What least squares fit: values, or a class as 1 and the others as −1.

        A row for each labelling; with more than two classes, for each
        labelling and class.
        """
        given = self.labellings
        if self.classes is None:
            return np.ascontiguousarray(given - self.offset)
        if self.n_columns == 1:
            return given.astype(np.float64) * 2 - 1
        codes = np.arange(self.n_classes)[:, None]
        ones = np.where(given[:, None, :] == codes, 1.0, -1.0)
        return ones.reshape(-1, given.shape[1])

    @cached_property
    def regressed_singles(self) -> NDArray[np.float32]:
        """`regressed` as float32."""
        return self.regressed.astype(np.float32)

    def some(self, labellings: slice) -> Targets:
        """These targets with some of their labellings."""
        return Targets(self.labellings[labellings], self.classes, self.offset)


@dataclass(frozen=True, eq=False)
class Problem:
    """Folds, targets, and which score is asked for.

    Attributes
    ----------
    folds : Folds
    targets : Targets
    metric : int
        One of `boldstream.kernels.decoding.scores`.
    """

    folds: Folds
    targets: Targets
    metric: int
