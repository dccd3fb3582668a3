"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def return_freed() -> None:
    """Hand freed memory back to the system now.

    glibc keeps an arena for every thread that allocates, and in each what was
    freed last: tens of MiB that nobody plans for once threads come and go.
    Other libraries have no such function, and less of a need for it.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
