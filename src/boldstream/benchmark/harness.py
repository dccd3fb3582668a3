"""Run a command in a process of its own, and measure its time and memory, children included."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MIB = 1 << 20

# Between two samples of memory; stretched so that sampling, which holds the
# process' memory map while it counts, takes a tenth of the time at most.
_INTERVAL_SECONDS = 0.01
_SAMPLING_SHARE = 0.1
# Pages are counted only where the cheap upper bound (RSS) allows a peak that
# is higher by this much.
_WORTH_COUNTING = 1.01
# For helpers of a stopped family to remove what it holds in shared memory.
_SECONDS_TO_TIDY = 5.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended.

    Attributes
    ----------
    seconds : float
        From before its start to its end.
    output, errors : str
        What it wrote to standard output and to standard error.
    code : int
        Its exit code, or −n where signal n ended it.
    peak_bytes : int
        Most memory of it and its children at one time: each page once,
        however many of them share it (PSS), and what they put into
        ``/dev/shm``, mapped or not; 0 if it was not sampled.
    hwm_bytes : dict of int to int
        VmHWM of each process, by its id, as last seen.
    """

    seconds: float
    output: str
    errors: str = ""
    code: int = 0
    peak_bytes: int = 0
    hwm_bytes: dict[int, int] = field(default_factory=dict)

    @property
    def largest_hwm_bytes(self) -> int:
        """The largest peak of any one of its processes."""
        return max(self.hwm_bytes.values(), default=0)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of several repeats.

    Examples
    --------
    >>> print(Times((0.2, 0.1, 0.4)))
    0.200 s (least 0.100, n = 3)
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.3f} s (least {self.least:.3f}, n = {len(self.seconds)})"


def watch_process(
    command: Sequence[str | Path], *, cwd: Path | None = None, sample_memory: bool = False
) -> Finished:
    r"""Run a command to its end, however that is.

    An exception, as of Ctrl-C, ends it and all that descend from it.

    Parameters
    ----------
    command : sequence of str or Path
    cwd : Path, optional
        Folder to run it in; by default the current one.
    sample_memory : bool
        Whether the memory of it and its children is watched.

    Returns
    -------
    Finished

    Examples
    --------
    >>> done = watch_process(python("-c", "print('done'); raise SystemExit(3)"))
    >>> done.output, done.code
    ('done\n', 3)
    """
    # Files, not pipes: nobody empties a pipe while the process is watched.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            # A group of its own, so that all of it can be ended.
            start_new_session=True,
        )
        try:
            peak, hwm = _sample(process) if sample_memory else (0, {})
            code = process.wait()
            seconds = time.perf_counter() - began
        except BaseException:
            stop_family(process)
            raise
        return Finished(seconds, _text(output), _text(errors), code, peak, hwm)


def stop_family(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and its group.

    First by SIGTERM: Python's resource trackers ignore it, and remove what the
    others leave in shared memory. Then by SIGKILL.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        patience = time.monotonic() + _SECONDS_TO_TIDY
        while time.monotonic() < patience:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(_INTERVAL_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="backslashreplace")


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
        # Of this thread: while it waits for a CPU, it holds nothing.
        began = time.thread_time()
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
        cost = time.thread_time() - began
        time.sleep(max(_INTERVAL_SECONDS, cost / _SAMPLING_SHARE))
    # Of one process the kernel knows the peak exactly; samples may have missed it.
    return max([peak, *hwm.values()]), hwm


def _tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/task") as tasks:
        for task in tasks:
            # Another thread may have ended meanwhile.
            with contextlib.suppress(OSError):
                for child in Path(task.path, "children").read_text(encoding="ascii").split():
                    found += _tree(int(child))
    return found


def _sizes(file: str) -> dict[str, int]:
    """The lines of a file in /proc that say kB, in bytes; none once its process is gone."""
    sizes = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc", file).read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith(" kB"):
                key, value, _ = line.split()
                sizes[key.rstrip(":")] = int(value) << 10
    return sizes
