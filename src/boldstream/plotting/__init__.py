"""Plots of what was measured and found: each function returns matplotlib axes.

What a plot needs is loaded when it is first used: bars need matplotlib alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boldstream.plotting.bars import plot_bars
    from boldstream.plotting.carpet import plot_carpet
    from boldstream.plotting.decoding import plot_decoding
    from boldstream.plotting.memory import plot_memory
    from boldstream.plotting.rdm import plot_rdm
    from boldstream.plotting.searchlight import plot_searchlight

__all__ = [
    "plot_bars",
    "plot_carpet",
    "plot_decoding",
    "plot_memory",
    "plot_rdm",
    "plot_searchlight",
]


def __getattr__(name: str) -> Any:
    if name == "style":
        return import_module(f"{__name__}.style")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{name.removeprefix('plot_')}")
    globals()[name] = getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted([*__all__, "style"])
