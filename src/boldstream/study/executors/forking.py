"""What runs in the process that forks workers, and in a worker.

The server loads packages once and forks a worker when it is asked to: each
starts at once and shares the pages of what was loaded. It has one thread and
does no work itself. `multiprocessing` has a server of that kind, which would run
a user's script again in every worker, takes no environment, and leaves a
folder behind when its owner is killed; this one has neither files nor names.

Over its socket come requests (`REQUEST`: the core to pin to, or -1; with it the
worker's pipe), and go messages (`MESSAGE`: process id, and how it ended or
`STARTED`). When the other end of the socket is gone, by whatever end of its
owner, the server ends its workers and itself.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection

from boldstream.study.executors.base import Job, Outcome
from boldstream.study.executors.doing import do

REQUEST = struct.Struct("<i")
MESSAGE = struct.Struct("<ii")
STARTED = -1
GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.02
_TERMINATED = 128 + signal.SIGTERM
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, preload: Sequence[str]) -> None:
    """Be the server, or, after a fork, a worker.

    Parameters
    ----------
    descriptor : int
        Of the socket to the owner.
    preload : sequence of str
        Modules to load before the first worker is forked.
    """
    # Ctrl-C goes to all processes of a terminal; the owner decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in preload:
        import_module(name)
    # A collection in a worker would write to the pages of all that was loaded.
    gc.collect()
    gc.freeze()
    pipe = _serve(socket.socket(fileno=descriptor))
    if pipe is not None:
        work_on(pipe)


def work_on(pipe: Connection) -> None:
    """Do jobs as they come through a pipe, until it ends."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            work, job = pipe.recv()
            pipe.send(do(partial(_load_and_do, work), job))
    # It ends anyway; an exception while the interpreter is taken down would be printed.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _load_and_do(work: bytes, job: Job) -> Outcome:
    # From the process that started this one, through a pipe that no one else has.
    outcome: Outcome = pickle.loads(work)(job)  # noqa: S301
    return outcome


def _serve(owner: socket.socket) -> Connection | None:
    """Fork workers until the owner is gone; returns in each of them too, with its pipe."""
    awake, wake = socket.socketpair()
    for end in (awake, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    server, workers = os.getpid(), set[int]()
    while True:
        ready, _, _ = select.select([owner, awake], [], [])
        if awake in ready:
            awake.recv(4096)
            _tell_of_ended(owner, workers)
        if owner in ready:
            request, pipes, _, _ = socket.recv_fds(owner, REQUEST.size, 1)
            if not request:
                break
            pid = os.fork()
            if pid == 0:
                for end in (owner, awake, wake):
                    end.close()
                _become_worker(server, *REQUEST.unpack(request))
                return Connection(pipes[0])
            os.close(pipes[0])
            workers.add(pid)
            _tell(owner, pid, STARTED)
    _end(workers)
    return None


def _tell(owner: socket.socket, pid: int, status: int) -> None:
    # An owner that is gone is seen by `_serve` next.
    with suppress(BrokenPipeError, ConnectionResetError):
        owner.sendall(MESSAGE.pack(pid, status))


def _tell_of_ended(owner: socket.socket, workers: set[int]) -> None:
    for pid, status in _ended(workers):
        _tell(owner, pid, status)


def _ended(workers: set[int]) -> list[tuple[int, int]]:
    """Take away those that ended, with their status."""
    found = [os.waitpid(pid, os.WNOHANG) for pid in workers]
    ended = [(pid, status) for pid, status in found if pid]
    workers.difference_update(pid for pid, _ in ended)
    return ended


def _end(workers: set[int]) -> None:
    """End all workers: first so that they can tidy up, then at once."""
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while workers and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        _ended(workers)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _become_worker(server: int, core: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # As an exception, so that temporary files go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    _end_with(server)
    if core >= 0:
        os.sched_setaffinity(0, {core})


def _end_with(server: int) -> None:
    """Have the kernel kill this process when its server is; elsewhere it ends after its job."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os.kill(os.getpid(), signal.SIGKILL)
