"""The work of `group_maps`: read every map once, test some voxels at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.blas import one_blas_thread
from boldstream.core.budget import find_budget
from boldstream.core.jobs import together
from boldstream.decoding.group.flips import Flips
from boldstream.decoding.group.plan import plan_group
from boldstream.decoding.group.reading import GroupSource
from boldstream.decoding.group.statistics import Statistic, flipped_statistics
from boldstream.decoding.group.tiles import Tiles, open_tiles
from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.clusters import Forming
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.p_values import less_chance
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.t_statistics import t_of
from boldstream.decoding.inference.tally import Tally
from boldstream.decoding.inference.tfce import Enhancement
from boldstream.streaming.progress import Report

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MapTest:
    """What is tested, and how.

    Attributes
    ----------
    flips : Flips
    chance : float
    statistic : {"t", "mean"}
    adjacency : Adjacency or None
        Needed for TFCE and clusters.
    of_maps : OfMaps
    """

    flips: Flips
    chance: float
    statistic: Statistic
    adjacency: Adjacency | None
    of_maps: OfMaps

    def warm_up(self) -> None:
        """Compile what will run: that takes memory, which is no part of the plan."""
        nothing = np.zeros(1, np.float32)
        alone = Adjacency(np.zeros(2, np.int32), np.zeros(0, np.int32))
        if self.of_maps.tfce:
            Enhancement(alone, 0.0)(nothing)
        if self.of_maps.clusters:
            Forming(alone, 0.0).largest(nothing)


def run_group(
    source: GroupSource,
    test: MapTest,
    *,
    n_jobs: int,
    memory_limit: str | int | None,
    report: Report,
) -> tuple[Floats, Floats, Inference]:
    """Mean and t of every voxel, and what flips say; see `group_maps`."""
    n_subjects, n_voxels, flips = len(source.maps), source.n_voxels, test.flips
    test.warm_up()
    plan = plan_group(
        n_voxels,
        source.n_grid,
        flips,
        find_budget(memory_limit),
        keeps_maps=test.of_maps.needed,
        n_jobs=n_jobs,
    )
    mean, t = np.empty(n_voxels), np.empty(n_voxels)
    with ExitStack() as opened:
        opened.enter_context(one_blas_thread())
        tiles = opened.enter_context(
            open_tiles(n_subjects, n_voxels, plan.width, memory_bytes=plan.tiles_bytes)
        )
        tally = opened.enter_context(
            Tally(
                n_voxels,
                flips.n_patterns - 1,
                keep_maps=test.of_maps.needed,
                memory_bytes=plan.maps_bytes,
            )
        )
        total = n_subjects + len(tiles)
        for number, row in enumerate(source.rows()):
            tiles.put(number, row)
            report(number + 1, total)
        tiles.store.flush()

        def some(first: int) -> Generator[None, None, None]:
            for number in range(first, len(tiles), n_jobs):
                start, away = _away(tiles, number, test.chance)
                span = slice(start, start + len(away))
                means = away.mean(axis=1)
                mean[span] = means + test.chance
                t[span] = t_of(means, np.einsum("ij,ij->i", away, away), n_subjects)
                tally.put(
                    start,
                    flipped_statistics(away, n_subjects, flips, test.statistic, step=plan.step),
                )
                del away
                yield

        jobs = [some(first) for first in range(min(n_jobs, len(tiles)))]
        for done, _ in enumerate(together(jobs), n_subjects + 1):
            report(done, total)
        inference = tally.finish(
            chance=0.0,
            adjacency=test.adjacency,
            tfce=test.of_maps.tfce,
            forming_threshold=test.of_maps.forming_threshold,
            n_jobs=n_jobs,
        )
    return mean, t, inference


def _away(tiles: Tiles, number: int, chance: float) -> tuple[int, Floats]:
    """The first voxel of a tile, and values (voxels, subjects) less chance."""
    start, values = tiles.read(number)
    return start, less_chance(values.T, chance)
