"""What a process holds: memory after all that can be freed was, files, threads, children."""

from __future__ import annotations

import gc
import multiprocessing
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from boldstream.core.freed import return_freed


def settled_bytes() -> int:
    """Memory of this process once garbage is collected and the heap is trimmed.

    What is left is in use: pages that malloc merely keeps, or that wait for the
    collector, would hide a leak or look like one. It is the proportional share
    (PSS) as if no one else ran: pages of libraries count whole. Divided by those
    who map them, they would grow by tens of MiB when another program ends.
    """
    gc.collect()
    return_freed()
    text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    sizes = {name: int(kib) << 10 for name, kib in re.findall(r"^(\w+): +(\d+) kB$", text, re.M)}
    return sizes["Pss_Anon"] + sizes["Rss"] - sizes["Anonymous"]


@dataclass(frozen=True)
class Holdings:
    """What a process has besides memory, by name, so that a difference tells what it is."""

    files: frozenset[str]
    threads: frozenset[str]
    children: frozenset[str]
    shared: frozenset[str]
    folders: frozenset[str]


def holdings(folders: Path) -> Holdings:
    """Find all that this process holds; `folders` is where temporary ones are made."""
    gc.collect()
    multiprocessing.active_children()
    files = [_target(entry) for entry in Path("/proc/self/fd").iterdir()]
    children = [
        path.read_text(encoding="ascii") for path in Path("/proc/self/task").glob("*/children")
    ]
    return Holdings(
        files=frozenset(file for file in files if file),
        threads=frozenset(thread.name for thread in threading.enumerate()),
        children=frozenset("".join(children).split()),
        shared=frozenset(_shared()),
        folders=frozenset(path.name for path in folders.iterdir()),
    )


def _shared() -> Iterator[str]:
    """Entries of /dev/shm that bear the id of this process, or that it maps: others have theirs."""
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    for path in Path("/dev/shm").iterdir():
        if str(os.getpid()) in re.split(r"[^0-9]+", path.name) or str(path) in mapped:
            yield path.name


def _target(entry: Path) -> str:
    """What a descriptor stands for; none for that of the list itself, which is closed by now."""
    try:
        return f"{entry.name} {entry.readlink()}"
    except FileNotFoundError:
        return ""


def growth(values: list[int]) -> float:
    """How much values grow from first to last: the median slope of all pairs, times their span.

    A line through all of them does not mind one odd value at either end, as a
    difference of two does (Theil 1950; Sen 1968).
    """
    y = np.asarray(values, float)
    first, second = np.triu_indices(len(y), 1)
    return float(np.median((y[second] - y[first]) / (second - first)) * (len(y) - 1))
