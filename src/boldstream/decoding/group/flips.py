"""Sign flips of subjects: all of them, or random ones made anew whenever they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.randomness import random_numbers

Floats = NDArray[np.float64]

_WORD = 64


@dataclass(frozen=True)
class Flips:
    """Patterns of signs, the first of them without a flip.

    None is held: random bits are read from any place of one long stream, so
    that patterns of many subjects take no memory, and those of every block of
    voxels are the same.

    Attributes
    ----------
    n_subjects : int
    n_patterns : int
        The one without a flip included.
    seed : int or None
        Of random ones; None where every pattern comes once.

    Examples
    --------
    >>> make_flips(2, 10).signs(0, 4).tolist()
    [[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]
    """

    n_subjects: int
    n_patterns: int
    seed: int | None

    @property
    def is_exact(self) -> bool:
        """Whether every pattern comes once."""
        return self.seed is None

    def signs(self, start: int, stop: int) -> Floats:
        """Some patterns (patterns, subjects), of 1 and −1."""
        signs = self._bits(start, stop).astype(np.float64)
        signs *= -2
        signs += 1
        return signs

    def _bits(self, start: int, stop: int) -> NDArray[Any]:
        """Which subjects are flipped."""
        if self.seed is None:
            numbers = np.arange(start, stop, dtype="<i8").view(np.uint8).reshape(-1, 8)
            return np.unpackbits(numbers, axis=1, count=self.n_subjects, bitorder="little")
        n_words = -(-self.n_subjects // _WORD)
        stream = np.random.PCG64(self.seed)
        stream.advance(start * n_words)
        words = stream.random_raw((stop - start) * n_words)
        # Everywhere the same bits, whatever the order of bytes in a word.
        rows = words.astype("<u8", copy=False).view(np.uint8).reshape(stop - start, -1)
        bits = np.unpackbits(rows, axis=1, count=self.n_subjects)
        if start == 0:
            bits[:1] = 0
        return bits


def make_flips(n_subjects: int, permutations: int, random_state: Any = 0) -> Flips:
    """All patterns of signs if they are no more than `permutations`, else random ones.

    Parameters
    ----------
    n_subjects, permutations : int
    random_state : int, Generator, RandomState or None
    """
    if 2**n_subjects <= permutations:
        return Flips(n_subjects, 2**n_subjects, None)
    seed = int(random_numbers(random_state).integers(2**63))
    return Flips(n_subjects, permutations + 1, seed)
