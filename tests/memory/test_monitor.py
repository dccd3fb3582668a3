"""`MemoryMonitor` against made-up limits, psutil, and memory that was really taken."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

import boldstream as bs
from boldstream.core.limits import Limit
from boldstream.memory.monitor import MemoryMonitor, Sample
from boldstream.memory.usage import held_bytes

GIB, MIB = 1024**3, 1024**2


def watching(*limits: Limit, **settings: object) -> MemoryMonitor:
    config = bs.MemoryConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    return MemoryMonitor(config, find_limits=lambda: limits)


def test_the_jobs_memory_counts_and_not_the_hosts() -> None:
    monitor = watching(Limit("RAM", 64 * GIB, 60 * GIB), Limit("cgroup", 16 * GIB, 6 * GIB))
    info = monitor.get_memory_info()
    assert (info["total_gb"], info["available_gb"], info["used_gb"]) == (16, 4, 12)
    assert info["percent"] == 75
    assert info["process_percent"] == pytest.approx(info["process_memory_gb"] / 16 * 100)
    assert set(info) == {
        *("total_gb", "available_gb", "used_gb", "percent"),
        *("process_memory_gb", "process_percent"),
    }


TWO_LOOKS = """
import json, psutil
import boldstream as bs

info = bs.MemoryMonitor(bs.MemoryConfig()).get_memory_info()
print(json.dumps([info, psutil.Process().memory_full_info().pss]))
"""


def test_this_machine_as_psutil_sees_it() -> None:
    # In a process of its own: what this one shares with others changes from look to look.
    done = subprocess.run([sys.executable, "-c", TWO_LOOKS], capture_output=True, check=True)
    info, pss = json.loads(done.stdout)
    assert info["total_gb"] <= psutil.virtual_memory().total / GIB
    assert info["process_memory_gb"] == pytest.approx(pss / GIB, rel=0.1)


def test_what_fits_leaves_the_buffer_free() -> None:
    monitor = watching(Limit("RAM", 20 * GIB, 10 * GIB), AVAILABLE_MEMORY_BUFFER=0.25)
    assert monitor.check_memory_threshold(7.5)
    assert not monitor.check_memory_threshold(7.51)
    monitor.config.AVAILABLE_MEMORY_BUFFER = 0.5
    assert not monitor.check_memory_threshold(5.01)


def test_a_map_is_suggested_above_the_threshold_or_where_it_does_not_fit() -> None:
    roomy = watching(Limit("RAM", 64 * GIB, 0), MEMMAP_THRESHOLD_GB=2)
    assert [roomy.suggest_memmap(size) for size in (0.1, 2.0, 2.01)] == [False, False, True]
    tight = watching(Limit("RAM", 64 * GIB, 63 * GIB), MEMMAP_THRESHOLD_GB=2)
    assert [tight.suggest_memmap(size) for size in (0.1, 0.8, 0.81)] == [False, False, True]


CHILD = """
import mmap, pathlib, sys
held = {held}
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def child_holding(expression: str) -> Iterator[None]:
    """Another process, of this one's, that holds something while the block runs."""
    command = [sys.executable, "-c", CHILD.format(held=expression)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        yield


def test_children_count() -> None:
    alone = held_bytes(children=True)
    with child_holding("b'x' * (100 << 20)"):
        assert held_bytes(children=True) - alone > 100 * MIB
        assert held_bytes() < alone + 20 * MIB


def test_pages_that_processes_share_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "shared.dat"
    path.write_bytes(b"x" * (64 * MIB))
    before = held_bytes(children=True)
    mapped = np.memmap(path, np.uint8, "r")
    assert mapped.sum(dtype=int) == 64 * MIB * ord("x")
    alone = held_bytes(children=True) - before
    opened = f"(file := open({str(path)!r}, 'rb'))"
    pages = "(pages := mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))"
    touch = f"[{opened}, {pages}, pages.find(b'y')]"
    with child_holding(touch):
        together = held_bytes(children=True) - before
    assert alone == pytest.approx(64 * MIB, abs=4 * MIB)
    # The child's interpreter, and not another 64 MiB.
    assert together - alone < 32 * MIB


def test_the_timeline_shows_what_was_taken_and_when() -> None:
    monitor = MemoryMonitor(bs.MemoryConfig(), interval=0.02)
    with monitor:
        time.sleep(0.1)
        held = np.ones(200 * MIB, np.uint8)
        monitor.log_memory_usage("took 200 MiB")
        time.sleep(0.1)
        del held
    n_samples = len(monitor.timeline)
    assert n_samples >= 4
    assert all(isinstance(sample, Sample) for sample in monitor.timeline)
    (marked,) = (sample for sample in monitor.timeline if sample.operation)
    assert marked.operation == "took 200 MiB"
    first = monitor.timeline[0]
    assert marked.process_gb - first.process_gb == pytest.approx(200 / 1024, rel=0.2)
    # A look at a process as large as that of all tests takes a while, too.
    assert 0 <= first.seconds < marked.seconds
    assert marked.seconds >= 0.1
    # The thread has ended with the block.
    assert "boldstream-memory" not in [thread.name for thread in threading.enumerate()]
    time.sleep(0.05)
    assert len(monitor.timeline) == n_samples


def test_a_new_recording_begins_a_new_timeline() -> None:
    monitor = MemoryMonitor(bs.MemoryConfig(), interval=10)
    with monitor:
        monitor.log_memory_usage("first")
    with monitor:
        monitor.log_memory_usage("second")
    assert [sample.operation for sample in monitor.timeline if sample.operation] == ["second"]


def test_without_monitoring_nothing_is_recorded_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "boldstream")
    quiet = MemoryMonitor(bs.MemoryConfig(MONITOR_MEMORY_USAGE=False), interval=0.01)
    with quiet:
        quiet.log_memory_usage("loading")
        time.sleep(0.03)
    assert (quiet.timeline, caplog.messages) == ([], [])
    monitor = MemoryMonitor(bs.MemoryConfig())
    monitor.log_memory_usage("loading")
    (message,) = caplog.messages
    found = re.match(r"loading: this process holds (\d+\.\d\d) GB, ", message)
    assert found is not None
    (sample,) = monitor.timeline
    assert float(found[1]) == pytest.approx(sample.process_gb, abs=0.005)


def test_no_config_means_the_tier_of_this_machine() -> None:
    assert MemoryMonitor().config == bs.MemoryConfig.for_system()


def test_an_interval_must_be_a_time() -> None:
    with pytest.raises(bs.ParameterError, match="`interval` must be a positive number of seconds"):
        MemoryMonitor(bs.MemoryConfig(), interval=0)
