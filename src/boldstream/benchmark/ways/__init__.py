"""The ways that are compared: each is run in a process of its own, by `boldstream.benchmark.way`.

A module of ways has a mapping `WAYS` of names to `Way`. What a way needs is
imported there and nowhere else: the process that compares them imports
neither nilearn nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

Made: TypeAlias = Mapping[str, ArrayLike]
"""What a way made, by name; compared with what others made, and not timed any more."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do something.

    Attributes
    ----------
    function : callable
        Takes keyword arguments of plain JSON; timed.
    modules : tuple of str
        Imported before the clock runs.
    before : callable, optional
        Takes the same arguments; done before the clock runs.
    """

    function: Callable[..., Made]
    modules: tuple[str, ...] = ()
    before: Callable[..., Any] | None = None
