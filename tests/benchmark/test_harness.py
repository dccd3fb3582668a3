"""The harness measures what a process and its children really take, and ends all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import pytest

from boldstream.benchmark import harness
from boldstream.benchmark.harness import MIB, Times, python, stop_family, watch_process

# Long enough for a sample of it on a busy machine.
ALLOCATE = "import time; data = bytearray(b'1') * {size}; time.sleep(1)"
IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
# A process with a block of shared memory, and a child that ignores what ends it.
STUBBORN = """
import signal, subprocess, sys, time
from multiprocessing.shared_memory import SharedMemory
block = SharedMemory(create=True, size=1000)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code])
print(block.name, child.pid, flush=True)
time.sleep(60)
"""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)


@needs_proc
@pytest.mark.parametrize("wrapped", [False, True])
def test_peak_counts_children(wrapped: bool) -> None:
    code = ALLOCATE.format(size=200 * MIB)
    command = python("-c", IN_A_CHILD, code) if wrapped else python("-c", code)
    done = watch_process(command, sample_memory=True)
    assert 200 <= done.peak_bytes / MIB <= 240
    assert 200 <= done.largest_hwm_bytes / MIB <= 240
    assert len(done.hwm_bytes) == 1 + wrapped


@needs_proc
def test_a_thread_that_ends_meanwhile_hides_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    read, own, over = Path.read_text, os.getpid(), threading.Event()
    started = SimpleQueue[int]()

    def start() -> None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            started.put(child.pid)
            over.wait()

    def read_others(path: Path, **options: str) -> str:
        if path == Path(f"/proc/{own}/task/{own}/children"):
            raise ProcessLookupError("it ended")
        return read(path, **options)

    starter = threading.Thread(target=start)
    starter.start()
    try:
        monkeypatch.setattr(Path, "read_text", read_others)
        assert started.get() in harness._tree(own)
    finally:
        over.set()
        starter.join()


@needs_proc
def test_a_look_that_others_hold_up_does_not_put_off_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, looks = Path.read_text, 0

    def read_late(path: Path, **options: str) -> str:
        nonlocal looks
        if path == Path("/proc/meminfo"):
            looks += 1
            # As where this process has to wait for a CPU.
            time.sleep(0.2)
        return read(path, **options)

    monkeypatch.setattr(Path, "read_text", read_late)
    watch_process(python("-c", "import time; time.sleep(3)"), sample_memory=True)
    # One before, and one at 0, 2.2 and 4.4 s, if each were followed by ten times as long.
    assert looks > 5


def test_time_and_output_are_those_of_the_process() -> None:
    done = watch_process(python("-c", "import time; time.sleep(0.2); print('x' * 100_000)"))
    assert 0.2 <= done.seconds < 5
    assert done.output == "x" * 100_000 + "\n"


def test_how_a_process_ended_is_told() -> None:
    done = watch_process(python("-c", "import os; os.write(2, b'no\\n'); os.kill(os.getpid(), 9)"))
    assert (done.code, done.errors) == (-9, "no\n")


def test_a_stopped_family_leaves_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        name, pid = process.stdout.readline().decode().split()
        assert Path("/dev/shm", name).exists()
        stop_family(process)
    assert not Path("/dev/shm", name).exists()
    # Whoever takes the place of its parent may not have looked after it yet.
    assert _state(int(pid)) in ("gone", "Z")


def _state(pid: int) -> str:
    path = Path(f"/proc/{pid}/stat")
    return path.read_text().rpartition(")")[2].split()[0] if path.exists() else "gone"


def test_an_interrupt_ends_the_process(tmp_path: Path) -> None:
    mark = tmp_path / "pid"

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def interrupt_once_it_runs() -> None:
        while not over.is_set() and not (mark.exists() and mark.read_text()):
            time.sleep(0.02)
        began.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    over, began = threading.Event(), list[float]()
    before = signal.signal(signal.SIGALRM, interrupt)
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    waiter = threading.Thread(target=interrupt_once_it_runs)
    waiter.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            watch_process(python("-c", code), sample_memory=True)
    finally:
        over.set()
        waiter.join()
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began[0] < 20
    assert _state(int(mark.read_text())) == "gone"
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_times() -> None:
    assert (Times((3.0, 1.0, 2.0)).median, Times((3.0, 1.0, 2.0)).least) == (2.0, 1.0)
