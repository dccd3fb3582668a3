from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boldstream.study.executors.base import Job, Outcome
from boldstream.study.planning.plan import StudyPlan
from boldstream.study.planning.unit import Unit
from boldstream.study.running.schedule import Schedule


def make_plan(n_subjects: int = 2) -> StudyPlan:
    units = []
    for i in range(1, n_subjects + 1):
        subject = f"{i:02d}"
        betas = f"sub-{subject}/betas"
        units.append(Unit("betas", "betas", subject))
        units.append(Unit("decoding", "choices", subject, needs=(betas,)))
        units.append(Unit("searchlight", "light", subject, needs=(betas,)))
    for name in ("choices", "light"):
        needs = tuple(unit.id for unit in units if unit.name == name)
        units.append(Unit("group", f"group_{name}", needs=needs))
    return StudyPlan(Path("/data"), Path("/out"), {unit.id: unit for unit in units})


class Disk:
    """Units whose results are there."""

    def __init__(self, done: Iterable[str] = ()) -> None:
        self.done = set(done)

    def has(self, unit: Unit) -> bool:
        return unit.id in self.done


def open_schedule(plan: StudyPlan, disk: Disk, *, retries: int = 0, chains: bool) -> Schedule:
    files = {unit.subject: Path(f"{unit.subject}.json") for unit in plan.units.values()}
    return Schedule(plan, files, disk.has, retries=retries, chains=chains)


def do(job: Job, disk: Disk, fails: Callable[[str], bool]) -> Outcome:
    """What a worker does, without the work."""
    done: list[str] = []
    for name in job.units:
        if fails(name):
            return Outcome(job, tuple(done), name, "it broke", "Traceback ...")
        disk.done.add(name)
        done.append(name)
    return Outcome(job, tuple(done))


def run(schedule: Schedule, disk: Disk, fails: Callable[[str], bool], seed: int = 0) -> list[Job]:
    """Do all jobs, several at a time, that end in any order."""
    rng, running, jobs = random.Random(seed), list[Job](), list[Job]()
    while not schedule.is_over:
        for job in schedule.ready():
            running.append(job)
            jobs.append(job)
            for name in job.units:
                unit = schedule.units[name].unit
                before = job.units[: job.units.index(name)]
                if unit.subject:
                    assert all(need in disk.done or need in before for need in unit.needs)
        assert running, "the schedule waits for nothing"
        job = running.pop(rng.randrange(len(running)))
        schedule.settle(do(job, disk, fails))
    assert not running
    return jobs


def never(name: str) -> bool:
    return False


def states(schedule: Schedule) -> dict[str, str]:
    return {name: one.state for name, one in schedule.units.items()}


@pytest.mark.parametrize("chains", [False, True])
def test_all_units_are_done_once(chains: bool) -> None:
    plan, disk = make_plan(5), Disk()
    schedule = open_schedule(plan, disk, chains=chains)
    jobs = run(schedule, disk, never)
    given_out = [name for job in jobs for name in job.units]
    assert sorted(given_out) == sorted(plan.units)
    assert set(states(schedule).values()) == {"done"}
    assert len(jobs) == (5 + 2 if chains else 17)


@pytest.mark.parametrize("chains", [False, True])
def test_what_is_on_disk_is_not_done_again(chains: bool) -> None:
    plan = make_plan(3)
    disk = Disk(["sub-01/betas", "sub-01/choices", "sub-02/betas"])
    schedule = open_schedule(plan, disk, chains=chains)
    jobs = run(schedule, disk, never)
    given_out = {name for job in jobs for name in job.units}
    assert given_out == set(plan.units) - {"sub-01/betas", "sub-01/choices", "sub-02/betas"}
    assert states(schedule)["sub-02/betas"] == "cached"


@pytest.mark.parametrize("chains", [False, True])
def test_betas_that_were_removed_are_made_again_only_if_they_are_needed(chains: bool) -> None:
    plan = make_plan(2)
    disk = Disk(name for name in plan.units if not name.endswith("betas"))
    schedule = open_schedule(plan, disk, chains=chains)
    assert run(schedule, disk, never) == []
    assert schedule.units["sub-01/betas"].state == "unneeded"
    disk.done.remove("sub-02/light")
    schedule = open_schedule(plan, disk, chains=chains)
    given_out = [name for job in run(schedule, disk, never) for name in job.units]
    assert given_out == ["sub-02/betas", "sub-02/light"]


@pytest.mark.parametrize("chains", [False, True])
def test_a_subject_that_fails_does_not_stop_the_others(chains: bool) -> None:
    plan, disk = make_plan(3), Disk()
    schedule = open_schedule(plan, disk, retries=2, chains=chains)
    run(schedule, disk, lambda name: name == "sub-02/betas")
    found = states(schedule)
    assert found["sub-02/betas"] == "failed"
    assert schedule.units["sub-02/betas"].attempts == 3
    assert schedule.units["sub-02/betas"].traceback == "Traceback ..."
    assert found["sub-02/choices"] == found["sub-02/light"] == "blocked"
    assert {state for name, state in found.items() if "sub-02" not in name} == {"done"}
    assert schedule.meet("group/group_choices").needs == ("sub-01/choices", "sub-03/choices")


@pytest.mark.parametrize("chains", [False, True])
def test_other_analyses_of_a_subject_go_on(chains: bool) -> None:
    plan, disk = make_plan(2), Disk()
    schedule = open_schedule(plan, disk, chains=chains)
    run(schedule, disk, lambda name: name == "sub-01/choices")
    found = states(schedule)
    assert found["sub-01/choices"] == "failed"
    assert found["sub-01/light"] == found["group/group_choices"] == "done"


@pytest.mark.parametrize("chains", [False, True])
def test_a_lost_worker_is_retried_from_what_it_left_on_disk(chains: bool) -> None:
    plan, disk = make_plan(1), Disk()
    schedule = open_schedule(plan, disk, retries=1, chains=chains)
    (job,) = schedule.ready()
    disk.done.add("sub-01/betas")
    schedule.settle(Outcome(job, error="killed by signal 9", lost=True))
    run(schedule, disk, never)
    assert states(schedule)["sub-01/betas"] == "done"
    assert set(states(schedule).values()) == {"done"}


def test_a_unit_that_kills_its_workers_fails_in_the_end() -> None:
    plan, disk = make_plan(1), Disk()
    schedule = open_schedule(plan, disk, retries=1, chains=True)
    for _ in range(2):
        (job,) = schedule.ready()
        schedule.settle(Outcome(job, error="killed by signal 9", lost=True))
    run(schedule, disk, never)
    assert states(schedule)["sub-01/betas"] == "failed"
    assert schedule.units["sub-01/betas"].error == "killed by signal 9"


@settings(deadline=None, max_examples=60)
@given(
    n_subjects=st.integers(1, 6),
    chains=st.booleans(),
    retries=st.integers(0, 2),
    seed=st.integers(0, 10_000),
    share=st.floats(0, 0.9),
)
def test_every_run_ends_with_every_unit_settled(
    n_subjects: int, chains: bool, retries: int, seed: int, share: float
) -> None:
    plan, disk, rng = make_plan(n_subjects), Disk(), random.Random(seed)
    schedule = open_schedule(plan, disk, retries=retries, chains=chains)
    run(schedule, disk, lambda name: rng.random() < share, seed)
    assert set(states(schedule).values()) <= {"done", "failed", "blocked"}
    for name, one in schedule.units.items():
        assert (one.state == "done") == (name in disk.done)
        if one.state == "failed":
            assert one.attempts == retries + 1
    # A second run does what is left, and nothing that is done.
    done_before = set(disk.done)
    again = open_schedule(plan, disk, chains=chains)
    jobs = run(again, disk, never, seed)
    assert not done_before & {name for job in jobs for name in job.units}
    assert disk.done == set(plan.units)
