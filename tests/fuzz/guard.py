"""What no input may do: hang, take more memory than is there, or end the process."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import boldstream as bs

_PAGE = resource.getpagesize()
MOST_BYTES = 768 << 20
"""Address space beyond what the process has: threads' stacks and arenas take some 100 MiB."""
MOST_SECONDS = 60.0


class Hang(BaseException):
    """A case took too long; no `except Exception` may swallow it."""


@contextmanager
def guarded(most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Let what is done inside have so much memory and time, and no more.

    Beyond that it meets `MemoryError`, which is no error of boldstream, or `Hang`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, _stop)
    # The timeout of pytest is the same timer: it goes on afterwards.
    left, _ = signal.setitimer(signal.ITIMER_REAL, most_seconds)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.1, left - (time.monotonic() - started)))


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE


def _stop(number: int, frame: FrameType | None) -> None:
    raise Hang(f"took more than {MOST_SECONDS:g} s")


@dataclass
class Outcome:
    """What became of a case; `refusal` is None where there is a result."""

    refusal: bs.BoldstreamError | None = None


@contextmanager
def refusing(*names: object) -> Iterator[Outcome]:
    """Do what is inside under guard; it may be refused by an error that has one of the names.

    Any other error, and a message that says nothing of what is wrong, is a fault.
    """
    outcome = Outcome()
    try:
        with guarded():
            yield outcome
    except bs.BoldstreamError as error:
        if not any(str(name) in str(error) for name in names):
            raise AssertionError(f"none of {names} is named in: {error}") from error
        outcome.refusal = error
