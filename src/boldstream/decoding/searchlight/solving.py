"""The pass over all spheres: read, solve, keep, count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from boldstream.core.budget import find_budget
from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block
from boldstream.decoding.inference.null_maps import MapsFolder
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.tally import Tally
from boldstream.decoding.samples import plan_blocks
from boldstream.decoding.searchlight.collecting import Kept, make_kept
from boldstream.decoding.searchlight.space import Space
from boldstream.decoding.solving.fallback import Refit, find_scorer, run_sklearn
from boldstream.decoding.solving.ready import make_ready
from boldstream.decoding.solving.running import run_engine, without_empty
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.task import Task
from boldstream.streaming.progress import Report

# Shares of the memory that may be taken.
_KEPT_SHARE, _MAPS_SHARE, _BLOCKS_SHARE = 0.25, 0.35, 0.3


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is asked for beside scores.

    Attributes
    ----------
    of_maps : OfMaps
    keep : sequence of str
    chance : float or None
        None where it is not known, which TFCE needs.
    null_maps : path or None
        Folder for the maps of all permutations.
    """

    of_maps: OfMaps
    keep: Any = ("scores",)
    chance: float | None = None
    null_maps: str | os.PathLike[str] | None = None

    def check(self, n_permutations: int) -> None:
        """Raise `ParameterError` if something is asked for that permutations give, without any."""
        asked = {
            "tfce": self.of_maps.tfce,
            "forming_threshold": self.of_maps.clusters,
            "null_maps": self.null_maps is not None,
        }
        for name, is_asked in asked.items():
            if is_asked and n_permutations == 0:
                raise ParameterError(f"`permutations` must be above 0 for `{name}`, got 0")
        if self.of_maps.tfce and self.chance is None:
            raise ParameterError("`chance` must be given for `tfce` with this scoring")


@dataclass(frozen=True, eq=False)
class Solved:
    """Scores of all spheres, and what permutations say of them."""

    kept: Kept
    inference: Inference | None


def solve(
    space: Space,
    task: Task,
    wanted: Wanted,
    *,
    n_jobs: int,
    memory_limit: str | int | None,
    report: Report,
) -> Solved:
    """Score all spheres, by the engine of the task or by scikit-learn."""
    n_spheres, size = space.neighbourhoods.n_centres, _usual_size(space)
    if task.engine is not None:
        make_ready(task.engine, task.problem, size)
    headroom = find_budget(memory_limit).headroom_bytes
    kept = make_kept(task, n_spheres, wanted.keep, int(headroom * _KEPT_SHARE))
    tally = _make_tally(space, task, wanted, int(headroom * _MAPS_SHARE))
    room = int(headroom * _BLOCKS_SHARE)
    plans = plan_blocks(space.neighbourhoods, space.samples, room, n_jobs=max(2, n_jobs))
    blocks = ((plan.start, replace(plan.read(space.samples), usual_size=size)) for plan in plans)
    with tally if tally is not None else nullcontext():
        take = _Taking(kept, tally, report, n_spheres)
        for start, scored in _scores(task, without_empty(blocks), kept, n_jobs):
            take(start, scored)
        take.rest()
        inference = None
        if tally is not None:
            inference = tally.finish(
                chance=wanted.chance if wanted.chance is not None else np.nan,
                adjacency=space.centres.adjacency if wanted.of_maps.needed else None,
                tfce=wanted.of_maps.tfce,
                forming_threshold=wanted.of_maps.forming_threshold,
                n_jobs=n_jobs,
            )
    return Solved(kept, inference)


def _usual_size(space: Space) -> float:
    """Mean number of voxels of the first spheres, whatever the blocks are."""
    members, starts = space.neighbourhoods.members(0, min(space.neighbourhoods.n_centres, 256))
    return len(members) / (len(starts) - 1)


def _scores(
    task: Task, blocks: Iterator[tuple[int, Block]], kept: Kept, n_jobs: int
) -> Iterator[tuple[int, Scored]]:
    if task.engine is not None:
        return run_engine(
            blocks, task.engine, task.problem, keep_decisions=kept.needs_predictions, n_jobs=n_jobs
        )
    work = Refit(
        task.estimator,
        find_scorer(task.estimator, task.scoring),
        task.problem.folds,
        task.targets,
        groups=task.groups,
        keep_decisions=kept.needs_predictions,
    )
    return run_sklearn(blocks, work, n_jobs=n_jobs)


def _make_tally(space: Space, task: Task, wanted: Wanted, memory_bytes: int) -> Tally | None:
    if task.n_permutations == 0:
        return None
    folder = None
    if wanted.null_maps is not None:
        folder = MapsFolder(wanted.null_maps, space.centres.mask)
    return Tally(
        space.neighbourhoods.n_centres,
        task.n_permutations,
        keep_maps=wanted.of_maps.needed,
        memory_bytes=memory_bytes,
        folder=folder,
    )


class _Taking:
    """Keeps and counts what is found of spheres, and says how many are done."""

    def __init__(self, kept: Kept, tally: Tally | None, report: Report, n_spheres: int) -> None:
        self._kept, self._tally, self._report = kept, tally, report
        self._taken = np.zeros(n_spheres, np.bool_)
        self._n_taken = 0
        report(0, n_spheres)

    def __call__(self, start: int, scored: Scored) -> None:
        self._kept.put(start, scored)
        if self._tally is not None:
            self._tally.put(start, scored.means)
        self._taken[start : start + len(scored.means)] = True
        self._n_taken += len(scored.means)
        self._report(self._n_taken, len(self._taken))

    def rest(self) -> None:
        """Count the spheres without a voxel, which have no score."""
        n_labellings = len(self._kept.task.targets.labellings)
        if self._tally is not None:
            for sphere in np.flatnonzero(~self._taken).tolist():
                self._tally.put(sphere, np.full((1, n_labellings), np.nan))
        self._report(len(self._taken), len(self._taken))
