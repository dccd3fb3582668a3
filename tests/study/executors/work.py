"""Work for executors: each unit says what is done, as ``"sleep 0.1"``."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from boldstream.study.executors.base import Job, Outcome


def act(job: Job) -> Outcome:
    """Do what the units say; a file beside the plan tells that one was done."""
    done: list[str] = []
    for unit in job.units:
        verb, _, argument = unit.partition(" ")
        _VERBS[verb](argument, Path(job.plan))
        done.append(unit)
    return Outcome(job, done=tuple(done))


def job_of(number: int, plan: Path, *units: str, memory: int = 0) -> Job:
    return Job(f"job-{number}", str(plan), units, memory)


def _sleep(seconds: str, plan: Path) -> None:
    """The process id lies beside the plan first."""
    _tell_process(plan)
    time.sleep(float(seconds))


def _tell_process(plan: Path) -> None:
    plan.with_name(f"pid-{os.getpid()}").touch()


def _once(seconds: str, plan: Path) -> None:
    """Long the first time, short from then on; who waits for its mark finds the process id too."""
    mark = plan.with_name("once")
    if mark.exists():
        return
    _tell_process(plan)
    mark.touch()
    time.sleep(float(seconds))


def _kill(number: str, plan: Path) -> None:
    os.kill(os.getpid(), signal.Signals[number])
    time.sleep(10)


def _exit(status: str, plan: Path) -> None:
    os._exit(int(status))


def _fail(text: str, plan: Path) -> None:
    raise ValueError(text)


def _write(name: str, plan: Path) -> None:
    plan.with_name(name).write_text(f"{os.getpid()}\n")


def _await(name: str, plan: Path) -> None:
    """Wait for a file that another job writes."""
    deadline = time.monotonic() + 120
    while not plan.with_name(name).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(name)
        time.sleep(0.01)


def _describe(name: str, plan: Path) -> None:
    """What a worker looks like from inside."""
    import json

    facts = {
        "environ": dict(os.environ),
        "cores": sorted(os.sched_getaffinity(0)),
        "modules": sorted(sys.modules),
        "threads": threading.active_count(),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "parent": os.getppid(),
    }
    plan.with_name(name).write_text(json.dumps(facts))


def _fill(mebibytes: str, plan: Path) -> None:
    """Hold so much memory, a little at a time, for some seconds."""
    held = []
    for _ in range(int(mebibytes) // 10):
        held.append(b"x" * (10 << 20))
        time.sleep(0.01)
    time.sleep(3)


def _tidy(seconds: str, plan: Path) -> None:
    """Work with a temporary file that goes however this ends, short of a kill."""
    temporary = plan.with_name("temporary")
    temporary.touch()
    try:
        _sleep(seconds, plan)
    finally:
        temporary.unlink()


def _stubborn(seconds: str, plan: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _sleep(seconds, plan)


def _hang_up(argument: str, plan: Path) -> None:
    """Close every file, the pipe to the owner too, and live on."""
    os.closerange(3, 100)
    time.sleep(60)


_VERBS: dict[str, Callable[[str, Path], None]] = {
    "sleep": _sleep,
    "once": _once,
    "kill": _kill,
    "exit": _exit,
    "fail": _fail,
    "write": _write,
    "await": _await,
    "describe": _describe,
    "fill": _fill,
    "tidy": _tidy,
    "stubborn": _stubborn,
    "hang-up": _hang_up,
}
