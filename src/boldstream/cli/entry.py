"""The process around a command: signals before it, exit codes after it."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from boldstream.cli.app import app
from boldstream.cli.console import complain

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The default of 700 spends 20 ms of every start on objects that imports make to stay.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_SECONDS_TO_REPEAT = 0.01


class Stopped(SystemExit):
    """A signal ended the command; as an exception, so that clean-up runs."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def main() -> NoReturn:
    """Run the command that ``sys.argv`` asks for, and end the process."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    _go_on_in_utf8()
    _open_closed_streams()
    if hasattr(sys.stdout, "reconfigure"):
        # A file name that the terminal's encoding lacks is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    for number in _STOPPING:
        # Under nohup, or as a background job, some are ignored on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _stop_again
    _leave(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command and return its exit code.

    That is 0, 1 after an error, 2 after wrong usage, and 128 + n after signal n.
    """
    try:
        app(list(args), prog_name="boldstream")
    except Stopped as stopped:
        complain(f"stopped by {signal.Signals(stopped.number).name}")
        return 128 + stopped.number
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _go_on_in_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding.

    Study files and tables are in UTF-8: a file that they name could else not be found.
    """
    if sys.getfilesystemencoding() == "utf-8":
        return
    # For the terminal the locale holds; workers are to be in that mode as well.
    terminal = getattr(sys.stdout, "encoding", None) or "utf-8"
    environ = {"PYTHONIOENCODING": terminal} | os.environ | {"PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environ)


def _open_closed_streams() -> None:
    """Give a process that was started with closed streams, as by a daemon, new ones."""
    # Before any other file is opened: that would take their place.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, nowhere)


def _stop(number: int, frame: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the clean-up that the first one started.
    # SIG_IGN would make Python complain of one that has arrived already.
    for other in _STOPPING:
        signal.signal(other, _go_on)
    raise Stopped(number)


def _stop_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat a stop that was raised in a finalizer, where Python drops all exceptions."""
    stopped = unraisable.exc_value
    if not isinstance(stopped, Stopped):
        sys.__unraisablehook__(unraisable)
        return
    number = stopped.number
    # Raised here it would be dropped as well: an alarm raises it in what runs next.
    signal.signal(signal.SIGALRM, lambda alarm, frame: _stop(number, frame))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS_TO_REPEAT)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Let a signal pass."""


def _leave(code: int) -> NoReturn:
    """End at once: taking numpy and nibabel down piece by piece would cost 40 ms."""
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or 1
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output: {error.strerror}")
    sys.stderr.flush()
    os._exit(code)
