"""Many images: side by side where that fits, in memory bounded by the budget."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.io.source import Series
from boldstream.streaming.many import Demand, Schedule, Task, stream_each
from boldstream.streaming.reduction import Bound
from tests.streaming.mix import AFFINE, SHAPE, N, assert_same, reductions
from tests.streaming.ready import Notes, Scaled

MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def images(n: int) -> list[Any]:
    rng = np.random.default_rng(4)
    return [
        nib.Nifti1Image(rng.normal(1000, 10, (*SHAPE, N)).astype("f4"), AFFINE) for _ in range(n)
    ]


def keep(index: int, results: tuple[Any, ...]) -> tuple[Any, ...]:
    return results


@pytest.mark.parametrize("n_jobs", [1, 2, 5, -1])
def test_each_is_as_if_it_were_alone(n_jobs: int) -> None:
    tasks = [(image, reductions()) for image in images(4)]
    for (image, wanted), outcome in zip(
        tasks, stream_each(tasks, keep, n_jobs=n_jobs), strict=True
    ):
        assert_same(outcome, bs.stream(image, *wanted))


def test_outcomes_are_in_the_order_of_tasks() -> None:
    tasks: list[Task] = [
        (image, [Scaled(bs.Mean(), 1.0, seconds=seconds)])
        for image, seconds in zip(images(4), (0.4, 0, 0.2, 0), strict=True)
    ]
    ended: list[int] = []

    def note(index: int, results: tuple[Any, ...]) -> int:
        ended.append(index)
        return index

    assert stream_each(tasks, note, n_jobs=4) == [0, 1, 2, 3]
    assert ended != [0, 1, 2, 3]


def test_the_files_of_an_image_are_read_by_one_thread() -> None:
    notes, (one, other) = Notes(), images(2)
    task: Task = ([one, other], [Scaled(bs.Mean(), 1.0, notes)])
    stream_each([task], keep, n_jobs=3)
    assert notes.workers == 1


def test_no_task_is_no_outcome() -> None:
    assert stream_each([], keep) == []


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_so_many_run_at_a_time(n_jobs: int) -> None:
    """All of a group wait for each other in `finish`: it ends only if they run together."""
    together = threading.Barrier(n_jobs, timeout=30)
    names: set[int | None] = set()

    def meet(index: int, results: tuple[Any, ...]) -> int:
        names.add(threading.current_thread().ident)
        together.wait()
        return index

    tasks: list[Task] = [(image, [bs.Mean()]) for image in images(3)]
    assert stream_each(tasks, meet, n_jobs=n_jobs) == [0, 1, 2]
    assert threading.main_thread().ident not in names


@given(
    demands=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12),
    n_jobs=st.integers(1, 5),
    spare=st.integers(0, 200),
    draw=st.randoms(use_true_random=False),
)
def test_no_more_is_held_than_is_free(
    demands: list[tuple[int, int]], n_jobs: int, spare: int, draw: Any
) -> None:
    planned = [Demand(1, kept + more, kept) for kept, more in demands]
    before = [sum(x.kept_bytes for x in planned[:i]) for i in range(len(planned))]
    headroom = spare + max(
        (kept + x.working_bytes for kept, x in zip(before, planned, strict=True)), default=0
    )
    schedule = Schedule(planned, n_jobs, headroom)
    started, running, kept = list[int](), list[int](), 0
    while True:
        due = list(schedule.due())
        started, running = started + due, running + due
        assert len(running) <= n_jobs
        assert kept + sum(planned[i].working_bytes for i in running) <= headroom
        if not running:
            break
        ended = running.pop(draw.randrange(len(running)))
        kept += planned[ended].kept_bytes
        schedule.end(ended)
    assert started == list(range(len(planned)))


def test_what_fits_together_starts_together() -> None:
    schedule = Schedule([Demand(1, 10, 4)] * 4, n_jobs=3, headroom_bytes=30)
    assert list(schedule.due()) == [0, 1, 2]
    schedule.end(1)
    # Two at work and what one left take 24: a third would take 34.
    assert list(schedule.due()) == []
    schedule.end(0)
    assert list(schedule.due()) == [3]


# Says how many images were read at a time, at most.
LIMITED = """
import json, sys, threading
import numpy as np
import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.streaming.many import stream_each

slices, headroom, *paths = sys.argv[1:]
mask = np.zeros((64, 64, 40), bool)
mask[:, :, : int(slices)] = True
most, lock = [0, 0], threading.Lock()

class Counted(bs.Reduction):
    def bind(self, series):
        if threading.current_thread() is not threading.main_thread():
            with lock:
                most[0] += 1
                most[1] = max(most)
        return bs.Voxels(mask).bind(series)

def finish(index, results):
    with lock:
        most[0] -= 1
    return results[0]

bs.stream(paths[0], bs.Voxels(mask))
limit = process_memory().rss_bytes + int(headroom)
kept = stream_each(
    [(path, [Counted()]) for path in paths], finish, n_jobs=4, memory_limit=limit
)
print(json.dumps([most[1], process_memory().peak_rss_bytes / limit, [x.shape for x in kept]]))
"""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("subjects"), np.random.default_rng(0)
    paths = [folder / f"sub-{i}.nii.gz" for i in range(4)]
    for path in paths:
        values = rng.integers(0, 99, (64, 64, 40, 40)).astype("i2")
        nib.save(nib.Nifti1Image(values, AFFINE), path)
    return paths


# To read an image takes 11 MiB beside its series, of 12.5 MiB where that is of 20 slices.
@pytest.mark.parametrize(
    ("slices", "headroom", "expected"),
    [(1, 20, {1}), (20, 62, {1, 2}), (20, 400, {2, 3, 4})],
    ids=["one at a time", "few", "all"],
)
def test_as_many_run_as_fit(
    subjects: list[Path], slices: int, headroom: int, expected: set[int]
) -> None:
    command = [sys.executable, "-c", LIMITED, str(slices), str(headroom * MIB)]
    done = subprocess.run(
        [*command, *map(str, subjects)], capture_output=True, text=True, check=True
    )
    most, share, shapes = json.loads(done.stdout)
    assert most in expected
    assert share <= 1
    assert shapes == [[40, 64 * 64 * slices]] * 4


class Watched(bs.Reduction):
    """A mean that knows which of its kind are bound, and notes how many at once."""

    def __init__(self, alive: weakref.WeakSet[Any], most: list[int]) -> None:
        self._alive, self._most = alive, most

    def bind(self, series: Series) -> Bound[Any]:
        bound = bs.Mean().bind(series)
        self._most.append(len(self._alive))
        self._alive.add(bound)
        return bound


def test_what_is_loaded_for_a_plan_is_let_go_before_the_next() -> None:
    alive, before = weakref.WeakSet[Any](), list[int]()
    stream_each([(image, [Watched(alive, before)]) for image in images(3)], keep)
    assert before == [0] * 6
    assert not alive


def test_results_that_cannot_be_held_are_refused_before_the_first_is_read() -> None:
    notes = Notes()
    everything = np.ones((64, 64, 32), bool)
    data: NDArray[Any] = np.zeros((64, 64, 32, 40), "i2")
    image = nib.Nifti1Image(data, AFFINE)
    tasks: list[Task] = [(image, [Scaled(bs.Voxels(everything), 2.0, notes)])] * 8
    limit = process_memory().rss_bytes + 90 * MIB
    with pytest.raises(bs.MemoryBudgetError, match=r"the results of the \d images before it, of 8"):
        stream_each(tasks, keep, memory_limit=limit)
    assert notes.prepared == 0
    with pytest.raises(bs.MemoryBudgetError) as alone:
        stream_each(tasks, keep, memory_limit="1MiB")
    assert "images before it" not in str(alone.value)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_error_stops_the_others(n_jobs: int, tmp_path: Path) -> None:
    good, bad, _ = images(3)
    nib.save(bad, tmp_path / "bad.nii.gz")
    whole = (tmp_path / "bad.nii.gz").read_bytes()
    (tmp_path / "bad.nii.gz").write_bytes(whole[:-2000])
    notes, finished = Notes(), list[int]()
    slow: Task = (good, [Scaled(bs.Mean(), 2.0, notes, seconds=0.5)])
    with pytest.raises(bs.CorruptImageError, match=r"bad.nii.gz is truncated"):
        stream_each(
            [(tmp_path / "bad.nii.gz", [bs.Mean()]), *[slow] * 9],
            lambda index, results: finished.append(index),
            n_jobs=n_jobs,
        )
    assert finished == []
    assert notes.prepared <= n_jobs


def test_an_error_of_finish_is_raised() -> None:
    def fail(index: int, results: tuple[Any, ...]) -> None:
        raise ZeroDivisionError(index)

    with pytest.raises(ZeroDivisionError, match="0"):
        stream_each([(image, [bs.Mean()]) for image in images(3)], fail)


def test_a_stop_by_the_user_stops_all() -> None:
    notes = Notes()
    slow: list[Task] = [
        ([image, *images(5)], [Scaled(bs.Mean(), 2.0, notes, seconds=0.2)]) for image in images(4)
    ]
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            stream_each(slow, keep, n_jobs=2)
    finally:
        timer.join()
    assert notes.prepared < 12


@pytest.mark.parametrize("wrong", [0, "all"])
def test_the_number_of_jobs_is_checked(wrong: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`n_jobs`"):
        stream_each([], keep, n_jobs=wrong)
