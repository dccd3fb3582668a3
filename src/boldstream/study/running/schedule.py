"""`Schedule`: which units wait, which can be done now, and what became of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from boldstream.study.executors.base import Job, Outcome
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.planning.unit import BETAS, Unit

State: TypeAlias = Literal["waiting", "running", "done", "cached", "unneeded", "failed", "blocked"]

_GOOD = ("done", "cached")


@dataclass
class Progress:
    """What became of a unit.

    Attributes
    ----------
    unit : Unit
    state : State
        "cached": done by an earlier run; "unneeded": betas that were removed
        after all that needs them was done; "blocked": one that it needs failed.
    attempts : int
    error, traceback, worker : str
        Of the last attempt.
    """

    unit: Unit
    state: State = "waiting"
    attempts: int = 0
    error: str = ""
    traceback: str = ""
    worker: str = ""


class Schedule:
    """Gives jobs in an order in which all that they need is done, and takes their outcomes.

    Parameters
    ----------
    plan : StudyPlan
    files : mapping of str to Path
        The files of the plan, by subject.
    is_done : callable
        Whether the results of a unit are on disk.
    retries : int
        How often a unit that failed is tried again.
    memory : int
        Bytes that each worker may hold; 0 for what it finds.
    chains : bool
        Whether a job is all units of a subject, rather than one.
    """

    def __init__(
        self,
        plan: StudyPlan,
        files: Mapping[str, Path],
        is_done: Callable[[Unit], bool],
        *,
        retries: int = 0,
        memory: int = 0,
        chains: bool = False,
    ) -> None:
        self.units = {name: Progress(unit) for name, unit in plan.units.items()}
        self._files, self._is_done = files, is_done
        self._retries, self._memory, self._chains = retries, memory, chains
        self._n_jobs, self._n_over = 0, 0
        self._missing = {name: len(unit.needs) for name, unit in plan.units.items()}
        self._needed_by: dict[str, list[str]] = {name: [] for name in self.units}
        for name, unit in plan.units.items():
            for need in unit.needs:
                self._needed_by[need].append(name)
        self._queue: deque[list[str]] = deque()
        self._begin()

    def _begin(self) -> None:
        chains: dict[str, list[str]] = {}
        done = {name for name, one in self.units.items() if self._is_done(one.unit)}
        unneeded = unneeded_units((one.unit for one in self.units.values()), done)
        for name, one in self.units.items():
            if name in done:
                self._settle(one, "cached")
            elif name in unneeded:
                self._settle(one, "unneeded")
            elif self._chains and one.unit.subject:
                chains.setdefault(one.unit.subject, []).append(name)
            elif not one.unit.needs:
                self._queue.append([name])
        self._queue.extend(chains.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self._n_over == len(self.units)

    @property
    def n_over(self) -> int:
        """Units that are done, or never will be."""
        return self._n_over

    def ready(self) -> Iterator[Job]:
        """Jobs that can be done now; each is given out once."""
        while self._queue:
            # What was queued may have been blocked since.
            names = [name for name in self._queue.popleft() if self._is_open(name)]
            if names:
                yield self._give_out(names)

    def settle(self, outcome: Outcome) -> None:
        """Take note of how a job ended."""
        names = outcome.job.units
        for name in names:
            one = self.units[name]
            one.worker = outcome.worker
            # A worker may be lost after it has written its results.
            if name in outcome.done or (outcome.lost and self._is_done(one.unit)):
                one.attempts += 1
                self._settle(one, "done")
        left = [name for name in names if self._is_open(name)]
        if left and (outcome.failed or outcome.lost):
            self._fail(self.units[outcome.failed or left[0]], outcome)
        left = [name for name in left if self._is_open(name)]
        for name in left:
            self.units[name].state = "waiting"
        if left:
            self._queue.append(left)

    def meet(self, name: str) -> Unit:
        """A unit of the group with the needs that were met: the subjects that it is about."""
        one = self.units[name]
        met = [need for need in one.unit.needs if self.units[need].state in _GOOD]
        one.unit = replace(one.unit, needs=tuple(met))
        return one.unit

    def _fail(self, one: Progress, outcome: Outcome) -> None:
        one.attempts += 1
        one.error, one.traceback = outcome.error, outcome.traceback
        if one.attempts > self._retries:
            self._settle(one, "failed")
            self._block_those_that_need(one)

    def _block_those_that_need(self, failed: Progress) -> None:
        for name in self._needed_by[failed.unit.id]:
            one = self.units[name]
            # The group is what is left of it.
            if one.unit.subject and self._is_open(name):
                one.error = f"needs {failed.unit.id}, which failed"
                self._settle(one, "blocked")
                self._block_those_that_need(one)

    def _settle(self, one: Progress, state: State) -> None:
        one.state = state
        self._n_over += 1
        for name in self._needed_by[one.unit.id]:
            self._missing[name] -= 1
            needing = self.units[name]
            in_chain = self._chains and needing.unit.subject
            if not self._missing[name] and needing.state == "waiting" and not in_chain:
                self._queue.append([name])

    def _is_open(self, name: str) -> bool:
        return self.units[name].state in ("waiting", "running")

    def _give_out(self, names: list[str]) -> Job:
        for name in names:
            self.units[name].state = "running"
        self._n_jobs += 1
        subject = self.units[names[0]].unit.subject
        plan = str(self._files[subject])
        return Job(f"{names[0]}#{self._n_jobs}", plan, tuple(names), self._memory)


def unneeded_units(units: Iterable[Unit], done: Collection[str]) -> set[str]:
    """Betas that are not on disk, and that nothing is left to be done with.

    Examples
    --------
    >>> betas = Unit("betas", "betas", "01")
    >>> regions = Unit("decoding", "regions", "01", needs=(betas.id,))
    >>> unneeded_units([betas, regions], {regions.id}), unneeded_units([betas, regions], set())
    ({'sub-01/betas'}, set())
    """
    betas: set[str] = set()
    used: set[str] = set()
    needed: set[str] = set()
    for unit in units:
        (used if unit.id in done else needed).update(unit.needs)
        if unit.step == BETAS:
            betas.add(unit.id)
    return (betas & used) - needed - set(done)
