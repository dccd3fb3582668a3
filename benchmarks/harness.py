"""Run a command in a process of its own, and measure its time and memory, children included."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[1]
MIB = 1 << 20

# Between two samples of memory; stretched so that sampling, which holds the
# process' memory map while it counts, takes a tenth of the time at most.
_INTERVAL_SECONDS = 0.01
_SAMPLING_SHARE = 0.1
# Pages are counted only where the cheap upper bound (RSS) allows a peak that
# is higher by this much.
_WORTH_COUNTING = 1.01


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended well.

    Attributes
    ----------
    seconds : float
        From before its start to its end.
    output : str
        What it wrote to standard output.
    peak_bytes : int
        Most memory of it and its children at one time: each page once,
        however many of them share it (PSS), and what they put into
        ``/dev/shm``, mapped or not; 0 if it was not sampled.
    hwm_bytes : dict of int to int
        VmHWM of each process, by its id, as last seen.
    """

    seconds: float
    output: str
    peak_bytes: int = 0
    hwm_bytes: dict[int, int] = field(default_factory=dict)

    @property
    def largest_hwm_bytes(self) -> int:
        """The largest peak of any one of its processes."""
        return max(self.hwm_bytes.values(), default=0)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of several repeats."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.3f} s (least {self.least:.3f}, n = {len(self.seconds)})"


def run_process(command: Sequence[str | Path], *, sample_memory: bool = False) -> Finished:
    """Run a command from the repository's folder to its end.

    Raises
    ------
    RuntimeError
        It ended with another exit code than 0.
    """
    # Files, not pipes: nobody empties a pipe while the process is watched.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        with subprocess.Popen(
            [str(part) for part in command], cwd=REPOSITORY, stdout=output, stderr=errors
        ) as process:
            peak, hwm = _sample(process) if sample_memory else (0, {})
            process.wait()
            seconds = time.perf_counter() - began
        if process.returncode != 0:
            raise RuntimeError(f"{command} ended with {process.returncode}:\n{_text(errors)}")
        return Finished(seconds, _text(output), peak, hwm)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def python(*arguments: str | Path) -> list[str | Path]:
    """A command for this interpreter."""
    return [sys.executable, *arguments]


def boldstream(*arguments: str | Path) -> list[str | Path]:
    """The command line: the script beside this interpreter, else the module."""
    script = Path(sys.executable).with_name("boldstream")
    return [script, *arguments] if script.exists() else python("-m", "boldstream", *arguments)


def _sample(process: subprocess.Popen[bytes]) -> tuple[int, dict[int, int]]:
    """Watch a process and its children until it ends: most memory together, VmHWM of each."""
    peak, hwm = 0, dict[int, int]()
    shm_before = _sizes("meminfo").get("Shmem", 0)
    while process.poll() is None:
        began = time.perf_counter()
        pids = _tree(process.pid)
        resident = 0
        for pid in pids:
            status = _sizes(f"{pid}/status")
            resident += status.get("VmRSS", 0)
            hwm[pid] = max(hwm.get(pid, 0), status.get("VmHWM", 0))
        shm = max(0, _sizes("meminfo").get("Shmem", 0) - shm_before)
        if resident + shm > _WORTH_COUNTING * peak:
            counted = [_sizes(f"{pid}/smaps_rollup") for pid in pids]
            own = sum(sizes.get("Pss_Anon", 0) + sizes.get("Pss_File", 0) for sizes in counted)
            peak = max(peak, own + shm)
        cost = time.perf_counter() - began
        time.sleep(max(_INTERVAL_SECONDS, cost / _SAMPLING_SHARE))
    # Of one process the kernel knows the peak exactly; samples may have missed it.
    return max([peak, *hwm.values()]), hwm


def _tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.scandir(f"/proc/{pid}/task"):
            children = Path(task.path, "children").read_text().split()
            for child in children:
                found += _tree(int(child))
    return found


def _sizes(file: str) -> dict[str, int]:
    """The lines of a file in /proc that say kB, in bytes; none once its process is gone."""
    sizes = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc", file).read_text().splitlines():
            if line.endswith(" kB"):
                key, value, _ = line.split()
                sizes[key.rstrip(":")] = int(value) << 10
    return sizes
