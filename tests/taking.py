"""What work takes of memory, as numpy and Python tell it: the same in every run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np


def most_taken(work: Callable[[], Any]) -> int:
    """Most bytes that were held beside what was held before."""
    work()  # loads packages
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def cast_buffers() -> int:
    """What numpy holds while it casts: 64 KiB, or twice that before it spared its own results."""
    given = np.ones((1000, 300), np.float32)
    held = most_taken(lambda: np.add.reduce(given, axis=0, dtype=np.float64))
    return held >> 16 << 16
