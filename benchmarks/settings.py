"""`Settings`: on how much figures are taken, and where the images are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.rows import Row

IMAGES = Path(__file__).parent / "images"
# What takes longer is run once: it meets slow and fast moments by itself.
PEER_SECONDS = 5.0
OWN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What all groups of figures are given.

    Attributes
    ----------
    folder : Path
        Keeps the images from run to run.
    quick : bool
        Small images, to see that it all works.
    repeats : int
        Of ours, if it takes less than 20 s, and of peers, if they take less than 5.
    """

    folder: Path
    quick: bool = False
    repeats: int = 3


Group: TypeAlias = Callable[[Settings], Iterator[Row]]
"""Figures that are taken together, each as soon as it is there."""
