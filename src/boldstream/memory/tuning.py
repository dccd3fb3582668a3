"""Measure what the threshold for mapping does to one image, and say which one serves it."""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Literal, TypeAlias

from boldstream.core.errors import MemoryBudgetError
from boldstream.core.limits import process_memory
from boldstream.memory.config import GB, MemoryConfig
from boldstream.memory.folders import find_folder
from boldstream.memory.loader import MemoryEfficientLoader
from boldstream.memory.temporary import TemporaryFolder
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Voxels

Way: TypeAlias = Literal["stored once", "read for each region", "one pass for all"]

# Below this, one way is no faster than another: repeats differ by as much.
_NOISE = 0.1


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to extract the regions, measured in a process of its own.

    Attributes
    ----------
    threshold_gb : float or None
        None for streaming, which has none.
    way : str
        What was done at this threshold.
    first_seconds : float
        Until the first region was there.
    seconds : float
        Until all were there.
    peak_bytes : int
        Most memory that the process held.
    """

    threshold_gb: float | None
    way: Way
    first_seconds: float
    seconds: float
    peak_bytes: int


def run_trials(
    images: Sequence[Path], masks: Sequence[Path], thresholds_gb: Sequence[float]
) -> Iterator[Trial]:
    """Extract all regions at each threshold, then by streaming, each in a new process.

    The files are read once before, so that none of the trials waits for the
    disk; nothing of what was stored is left.

    Raises
    ------
    ParameterError
        If a threshold is no size.
    BoldstreamError
        As for `MemoryEfficientLoader.extract_from`.
    """
    for threshold in thresholds_gb:
        MemoryConfig(MEMMAP_THRESHOLD_GB=threshold)
    for path in images:
        _read_through(path)
    for threshold in thresholds_gb:
        yield _in_a_new_process(partial(_trial_at, threshold, images, masks))
    yield _in_a_new_process(partial(_streamed_trial, images, masks))


def recommend(trials: Sequence[Trial]) -> str:
    """Say in a sentence which way serves best, and which thresholds lead to it."""
    ways = {trial.way: [one for one in trials if one.way == trial.way] for trial in trials}
    seconds = {way: statistics.median(one.seconds for one in ways[way]) for way in ways}
    peaks = {way: max(one.peak_bytes for one in ways[way]) for way in ways}
    fastest = min(seconds.values())
    close = [way for way in ways if seconds[way] <= fastest * (1 + _NOISE)]
    best = min(close, key=lambda way: peaks[way])
    how = " or ".join(
        "streaming (`boldstream extract`)"
        if one.threshold_gb is None
        else f"a threshold of {one.threshold_gb:g} GB"
        for one in ways[best]
    )
    why = "the fastest" if len(close) == 1 else "as fast as any within a tenth, in least memory"
    return f"{how}: {best}, {why}"


def _in_a_new_process(trial: Callable[[], Trial]) -> Trial:
    # Not forked: the peak of a forked process includes its parent's. And no
    # pool: its semaphores stay in /dev/shm when all are killed.
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(trial, sending))
    process.start()
    # The child's end alone: its death is then the end of the pipe.
    sending.close()
    try:
        outcome: Trial | Exception = receiving.recv()
    except EOFError as error:
        raise MemoryBudgetError(
            "a trial was ended by the system, for want of memory most likely"
        ) from error
    finally:
        process.join()
        receiving.close()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _send(trial: Callable[[], Trial], connection: Connection) -> None:
    try:
        connection.send(trial())
    except Exception as error:  # noqa: BLE001 - raised again by the parent
        connection.send(error)


def _trial_at(threshold_gb: float, images: Sequence[Path], masks: Sequence[Path]) -> Trial:
    config = MemoryConfig.for_system()
    config.MEMMAP_THRESHOLD_GB = threshold_gb
    # An empty store on the disk that would be used.
    folder = TemporaryFolder(find_folder(memmap_temp_dir=config.MEMMAP_TEMP_DIR).path)
    config.MEMMAP_TEMP_DIR = folder.path
    loader = MemoryEfficientLoader(None, config)
    began = perf_counter()
    times = []
    for mask in masks:
        loader.extract_from(images, mask, standardize=False)
        times.append(perf_counter() - began)
    stored = any(folder.path.rglob("data.npy"))
    loader.cleanup()
    folder.close()
    way: Way = "stored once" if stored else "read for each region"
    return Trial(threshold_gb, way, times[0], times[-1], process_memory().peak_rss_bytes)


def _streamed_trial(images: Sequence[Path], masks: Sequence[Path]) -> Trial:
    limit = int(MemoryConfig.for_system().MAX_MEMORY_PER_PROCESS_GB * GB)
    began = perf_counter()
    stream_once(images, [Voxels(mask) for mask in masks], memory_limit=limit)
    seconds = perf_counter() - began
    peak = process_memory().peak_rss_bytes
    return Trial(None, "one pass for all", seconds, seconds, peak)


def _read_through(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
