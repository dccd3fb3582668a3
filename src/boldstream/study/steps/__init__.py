"""What is done for each subject, step by step.

A step is a function that reads what its `Context` names and writes files to
its folder. Its version grows when it gives other results for the same input,
so that those on disk are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from boldstream.study.steps.context import Context


@dataclass(frozen=True)
class Step:
    """A function of this package, imported when it is first done.

    Attributes
    ----------
    module, function : str
    version : int
    """

    module: str
    function: str
    version: int = 1

    def do(self, context: Context) -> None:
        """Write the results of a unit."""
        module = import_module(f"{__name__}.{self.module}")
        done: Callable[[Context], None] = getattr(module, self.function)
        done(context)


STEPS: Mapping[str, Step] = {
    "betas": Step("volumes", "estimate_betas"),
    "extraction": Step("volumes", "extract_courses", version=2),
    "behaviour": Step("behaviour", "fit_behaviour"),
    "decoding": Step("decoding", "decode_regions", version=3),
    "searchlight": Step("decoding", "search", version=3),
    "geometry": Step("geometry", "describe_geometry", version=3),
    "rdm_searchlight": Step("rdm_searchlight", "search_models"),
    "contrasts": Step("contrasts", "estimate_contrasts"),
    "quality": Step("quality", "describe_quality"),
    "group": Step("group", "infer_group", version=2),
}
