"""`WorkerServer`: starts worker processes and knows how they ended."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe

from boldstream.core.errors import BoldstreamError
from boldstream.study.executors.forking import GRACE_SECONDS, MESSAGE, REQUEST, STARTED

_STATUS_SECONDS = 1.0


class WorkerServer:
    """A process that forks workers; see `boldstream.study.executors.forking`.

    It is started when the first worker is asked for, and again should it die.

    Parameters
    ----------
    preload : sequence of str
        Modules that it loads before it forks.
    environ : mapping
        Environment of all workers.
    """

    def __init__(self, preload: Sequence[str], environ: Mapping[str, str]) -> None:
        self._preload = tuple(preload)
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._ended: dict[int, int] = {}

    def fork(self, core: int = -1) -> tuple[int, Connection]:
        """Start a worker, pinned to a core if one is given: its process id, and the pipe to it.

        Raises
        ------
        BoldstreamError
            If none can be started.
        """
        if self._process is None:
            self._start()
        try:
            return self._fork(core)
        except (EOFError, OSError):
            # It was killed, as for want of memory; its workers ended with it.
            self.close()
            self._start()
        try:
            return self._fork(core)
        except (EOFError, OSError) as error:
            raise BoldstreamError(
                "no worker can be started: the process that starts them ended, "
                f"{self._how_it_ended()}"
            ) from error

    def _fork(self, core: int) -> tuple[int, Connection]:
        assert self._socket is not None
        ours, theirs = Pipe()
        with theirs:
            try:
                socket.send_fds(self._socket, [REQUEST.pack(core)], [theirs.fileno()])
                return self._started(), ours
            except (EOFError, OSError):
                ours.close()
                raise

    def status_of(self, pid: int) -> int | None:
        """How a worker ended whose pipe did, as `os.wait` tells; None where that is not known."""
        if not self._look_for(pid):
            # It closed its pipe and lives on, to no use.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._look_for(pid)
        return self._ended.pop(pid, None)

    def close(self) -> None:
        """End all workers and the server, and wait until they are gone."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(2 * GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._ended.clear()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self._program(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=self._environ,
                pass_fds=[theirs.fileno()],
            )

    def _program(self, descriptor: int) -> str:
        return (
            f"import sys; sys.path[:] = {sys.path!r}; "
            "from boldstream.study.executors.forking import main; "
            f"main({descriptor}, {self._preload!r})"
        )

    def _started(self) -> int:
        while True:
            pid, status = self._read()
            if status == STARTED:
                return pid

    def _look_for(self, pid: int) -> bool:
        """Read messages until one says how a worker ended; whether it did."""
        deadline = time.monotonic() + _STATUS_SECONDS
        with suppress(EOFError, OSError):
            while self._socket is not None and pid not in self._ended:
                left = max(0.0, deadline - time.monotonic())
                if not select.select([self._socket], [], [], left)[0]:
                    break
                self._read()
        return pid in self._ended

    def _read(self) -> tuple[int, int]:
        assert self._socket is not None
        message = self._socket.recv(MESSAGE.size, socket.MSG_WAITALL)
        if len(message) < MESSAGE.size:
            raise EOFError
        pid, status = MESSAGE.unpack(message)
        if status != STARTED:
            self._ended[pid] = status
        return pid, status

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(_STATUS_SECONDS)
        except subprocess.TimeoutExpired:
            return "its socket at least"
        return f"killed by signal {-code}" if code < 0 else f"with exit status {code}"


def describe_end(pid: int, status: int | None) -> str:
    """Say how a worker ended, from what `os.wait` tells of it.

    Examples
    --------
    >>> describe_end(1234, 9)
    'worker 1234 was killed by signal 9 (SIGKILL), as the system does when memory runs out'
    >>> describe_end(1234, 40)
    'worker 1234 was killed by signal 40 (real-time)'
    """
    if status is None:
        return f"worker {pid} is gone"
    if not os.WIFSIGNALED(status):
        code = os.waitstatus_to_exitcode(status)
        return f"worker {pid} ended in the middle of a job, with exit status {code}"
    number = os.WTERMSIG(status)
    # Not all have a name: 34 to 64 are there for programs to use as they like.
    name = signal.Signals(number).name if number in set(signal.Signals) else "real-time"
    reason = ", as the system does when memory runs out" if number == signal.SIGKILL else ""
    return f"worker {pid} was killed by signal {number} ({name}){reason}"
