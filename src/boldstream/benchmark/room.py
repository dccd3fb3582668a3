"""Whether there is memory and disk for a comparison, before anything is made."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection
from pathlib import Path

from boldstream.benchmark.inputs import Asked
from boldstream.core.budget import find_budget, format_bytes
from boldstream.core.errors import MemoryBudgetError, StorageError
from boldstream.io.opening import open_image

_VALUE_BYTES = 4
# Of an image as float32: the largest way of each comparison (measured), less its imports.
_MEMORY_SHARES = {"masks": 8.5, "loading": 3.5, "memory": 1.3, "searchlight": 3.0}
# What several interpreters with nilearn take.
_IMPORTS_BYTES = {"masks": 1 << 30, "loading": 1 << 28, "memory": 1 << 29, "searchlight": 1 << 29}
# Of the same: made-up images compressed (72 % of the voxels are 0), stores, and what ways make.
_DISK_SHARES = {"masks": 0.45, "loading": 1.45, "memory": 0.7, "searchlight": 2.0}


def check_room(asked: Asked, seeds: Collection[str], folder: Path) -> None:
    """Refuse what the machine has no room for.

    Parameters
    ----------
    asked : Asked
    seeds : collection of str
        Comparisons that are wanted.
    folder : Path
        Where images will be made.

    Raises
    ------
    StorageError
        If the disk is too full.
    MemoryBudgetError
        If the largest way would take more memory than is available. With a
        limit on each process nothing is refused: who goes beyond it runs out
        of memory there.
    """
    free = shutil.disk_usage(folder).free
    needed = needed_disk(asked, seeds)
    if needed > free:
        raise StorageError(
            f"the disk of {folder} has {format_bytes(free)} free, {format_bytes(needed)} needed; "
            "choose a smaller --size, or another folder with BOLDSTREAM_CACHE"
        )
    if asked.memory_limit is not None:
        return
    budget = find_budget()
    for seed in seeds:
        needed = needed_memory(asked, seed)
        if needed > budget.headroom_bytes:
            raise MemoryBudgetError(
                f"the ways of {seed} that load whole images take about {format_bytes(needed)}, "
                f"{format_bytes(budget.headroom_bytes)} may be taken ({budget.source}); choose a "
                "smaller --size or other comparisons (--seed), or hold each process with "
                "--memory-limit and see who runs out of memory"
            )


def needed_memory(asked: Asked, seed: str) -> int:
    """About what the largest way of a comparison takes, in bytes.

    Examples
    --------
    >>> from boldstream.benchmark.sizes import parse_size
    >>> round(needed_memory(Asked(size=parse_size("seed")), "masks") / 2**30)
    8
    """
    return _IMPORTS_BYTES[seed] + int(_MEMORY_SHARES[seed] * _image_bytes(asked, seed))


def needed_disk(asked: Asked, seeds: Collection[str]) -> int:
    """About what all files of some comparisons take, in bytes."""
    return sum(int(_DISK_SHARES[seed] * _image_bytes(asked, seed, total=True)) for seed in seeds)


def _image_bytes(asked: Asked, seed: str, *, total: bool = False) -> int:
    """Size of the largest image of a comparison as float32, or of all of them."""
    size = asked.size
    if asked.image is not None:
        series = open_image(asked.image).series
        return series.grid.n_voxels * series.n_volumes * _VALUE_BYTES
    if seed == "memory":
        return int(size.gib * (1 << 30)) * (7 if total else 4)
    if seed == "searchlight":
        return math.prod(size.light_shape) * size.light_volumes * _VALUE_BYTES
    return math.prod(size.shape) * size.n_volumes * _VALUE_BYTES
