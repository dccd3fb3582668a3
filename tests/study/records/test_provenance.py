"""What is noted of memory: this process' own, that of everybody, limits, and when."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psutil
import pytest

from boldstream.core.limits import Limit, process_memory
from boldstream.study.records import provenance
from boldstream.study.records.provenance import MemoryTimeline

GB = 1 << 30


def test_a_timeline_tells_process_system_limit_and_start() -> None:
    before = time.time()
    with MemoryTimeline(3 * GB) as timeline:
        held = bytearray(64 << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(0.25)
    note = timeline.note()
    seconds, process, system = zip(*note["memory_timeline"], strict=True)
    assert list(seconds) == sorted(seconds)
    assert max(process) - process[0] >= 60 << 20
    assert abs(process[-1] - psutil.Process().memory_info().rss) < 64 << 20
    assert note["memory_limit_bytes"] == 3 * GB
    assert 0 < max(system) <= note["memory_system"]["limit_bytes"]
    assert before - 1 <= note["memory_started"] <= time.time()
    started = datetime.fromtimestamp(note["memory_started"], UTC)
    assert abs((datetime.now(UTC) - started).total_seconds()) < 60


def test_the_system_is_what_is_nearest_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one all the time; the job's own variables and ulimit are not everybody's."""
    monkeypatch.setattr(provenance, "_SYSTEM_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(provenance, "_MOST_OF_CORE", math.inf)  # looked at each time, however slow
    numbers = count(1)

    def limits() -> list[Limit]:
        used = next(numbers) * 100
        return [
            Limit("RAM", 64 * GB, 10 * GB),
            Limit("cgroup v2 /sys/fs/cgroup/job", 8 * GB, 7 * GB + used),
            Limit("SLURM_MEM_PER_NODE", 1 * GB, 1 * GB),
            Limit("RLIMIT_AS (ulimit -v)", 1 * GB, 1 * GB),
        ]

    with MemoryTimeline(find_limits=limits) as timeline:
        time.sleep(0.25)
    note = timeline.note()
    assert note["memory_limit_bytes"] is None
    assert note["memory_system"] == {
        "source": "cgroup v2 /sys/fs/cgroup/job",
        "limit_bytes": 8 * GB,
    }
    used = [point[2] for point in timeline.points]
    assert used[0] > 7 * GB
    assert used == sorted(set(used))


def test_the_system_is_looked_at_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_EVERY_SECONDS", 0.01)
    calls = count()

    def limits() -> list[Limit]:
        next(calls)
        return [Limit("RAM", GB, 0)]

    with MemoryTimeline(find_limits=limits) as timeline:
        time.sleep(0.75)
    # However long a busy machine let it sleep.
    seconds = timeline.points[-1][0]
    assert next(calls) <= 1 + seconds / provenance._SYSTEM_EVERY_SECONDS < len(timeline.points)


def test_looking_takes_less_than_half_a_percent_of_a_core() -> None:
    """By the time of the thread itself, whatever else the machine does."""
    timeline = MemoryTimeline()
    with timeline:
        timeline._end.set()
        timeline._thread.join()
        with_system, _, pauses_of_system = _looks(timeline, looked=-1.0)  # as if it were due
        without, pauses, _ = _looks(timeline, looked=1e9)
    assert without / pauses + max(0.0, with_system - without) / pauses_of_system < 0.005


def _looks(timeline: MemoryTimeline, *, looked: float) -> tuple[float, float, float]:
    """Seconds of fifty looks, and of the pauses after them."""
    pauses = pauses_of_system = 0.0
    began = time.thread_time()
    for _ in range(50):
        timeline._looked = looked
        timeline._sample()
        pauses += timeline._every
        pauses_of_system += timeline._system_every
    return time.thread_time() - began, pauses, pauses_of_system


def test_one_look_that_took_long_delays_the_next_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = MemoryTimeline()
    with timeline:
        timeline._end.set()
        timeline._thread.join()

        def slowly() -> Any:
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            return process_memory()

        with monkeypatch.context() as slow:
            slow.setattr(provenance, "process_memory", slowly)
            timeline._sample()
        assert timeline._every >= 0.01 * 500
        timeline._sample()
        assert timeline._every < 0.01 * 500


def test_a_slow_system_is_looked_at_less_often() -> None:
    calls = count()

    def slowly() -> list[Limit]:
        until = time.thread_time() + 0.01 * (next(calls) > 0)
        while time.thread_time() < until:
            pass
        return [Limit("RAM", GB, 0)]

    with MemoryTimeline(find_limits=slowly) as timeline:
        time.sleep(1.3)
    # Once at the start, once after half a second; the next would be due 5 s later.
    assert timeline.points[-1][0] > 5 or next(calls) == 2
    assert timeline._system_every >= 0.01 * 500


def test_points_are_thinned_and_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_MOST_POINTS", 10)
    monkeypatch.setattr(provenance, "_EVERY_SECONDS", 0.005)
    before = threading.active_count()
    with MemoryTimeline() as timeline:
        time.sleep(0.4)
    assert 3 <= len(timeline.points) <= 10 + 1
    assert timeline.points[-1][0] >= 0.4
    assert threading.active_count() == before
