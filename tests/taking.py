"""What work takes of memory, as numpy and Python tell it: the same in every run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any


def most_taken(work: Callable[[], Any]) -> int:
    """Most bytes that were held beside what was held before."""
    work()  # loads packages
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
