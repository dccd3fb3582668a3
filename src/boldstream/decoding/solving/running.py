"""One pass over all spheres: threads solve and score, the caller takes what they found."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

from boldstream.core.blas import one_blas_thread
from boldstream.core.jobs import together
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.solving.scored import Scored, chunk_length, score_spheres
from boldstream.decoding.task.problem import Problem

Item = TypeVar("Item")
Found = tuple[int, Scored]


def run_engine(
    blocks: Iterable[tuple[int, Block]],
    engine: Engine,
    problem: Problem,
    *,
    keep_decisions: bool,
    n_jobs: int,
) -> Iterator[Found]:
    """Scores of spheres as they are found, each with the number of its first sphere.

    Parameters
    ----------
    blocks : iterable of (first sphere, Block)
        Read one after the other, when a thread has no work left.
    engine : Engine
    problem : Problem
    keep_decisions : bool
    n_jobs : int
        Threads.
    """
    step = chunk_length(problem, engine)
    spans = _Shared(_cut(blocks, step))

    def work() -> Generator[Found, None, None]:
        for start, block in spans:
            yield start, score_spheres(block, engine, problem, keep_decisions=keep_decisions)

    with one_blas_thread(), closing(together([work() for _ in range(n_jobs)])) as found:
        yield from found


def without_empty(blocks: Iterable[tuple[int, Block]]) -> Iterator[tuple[int, Block]]:
    """Stretches of spheres that hold voxels; the others are passed over."""
    for first, block in blocks:
        held = np.concatenate([[False], np.diff(block.starts) > 0, [False]])
        for start, stop in np.flatnonzero(np.diff(held)).reshape(-1, 2).tolist():
            yield first + start, block.some(slice(start, stop))


def _cut(blocks: Iterable[tuple[int, Block]], step: int) -> Iterator[tuple[int, Block]]:
    for first, block in blocks:
        for start in range(0, len(block), step):
            yield first + start, block.some(slice(start, min(start + step, len(block))))


class _Shared(Generic[Item]):
    """An iterator that several threads take from."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._lock = Lock()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._lock:
            return next(self._items)
