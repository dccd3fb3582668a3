"""Ways in processes that are forked off one which has loaded their packages: for quick runs.

Each way has a process of its own. In a full run nothing was done in it before; of small images
it would take longer to load what a way needs than all the rest.

``python -m benchmarks.forking MODULE LIBRARY`` loads a module of ways, and what these load of a
library before the clock runs. It forks a process for each line of requests, and prints in a line
how that ended.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import IO, Any

from benchmarks.harness import REPOSITORY, Finished, checked, python, run_process, told
from boldstream.benchmark.harness import stop_family

# numba reads it when it is loaded.
_OF_KERNELS = "NUMBA_CACHE_DIR"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a process is given: the end of its command line, variables and CPUs."""

    arguments: list[str]
    variables: Mapping[str, str]
    cpus: list[int]

    @classmethod
    def of(cls, *arguments: str) -> Request:
        """What a process would have of this one."""
        has_cpus = hasattr(os, "sched_getaffinity")
        return cls([*arguments], dict(os.environ), [*os.sched_getaffinity(0)] if has_cpus else [])

    def take(self) -> None:
        """Make it so in this process."""
        sys.argv[1:] = self.arguments
        os.environ.clear()
        os.environ.update(self.variables)
        if self.cpus:
            os.sched_setaffinity(0, self.cpus)


class Server:
    """The process that others are forked off."""

    def __init__(self, module: str, library: str) -> None:
        self._command = [str(part) for part in python("-m", __name__, module, library)]
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A group of its own, so that all of it can be ended.
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Finished:
        """Fork a process, and wait for its end.

        Raises
        ------
        RuntimeError
            The server has ended; it has told why.
        """
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        requests.write(json.dumps(asdict(Request.of(*arguments))).encode() + b"\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError(f"{told(self._command)} ended with {self._process.wait()}")
        return Finished(**json.loads(answer))

    def close(self) -> None:
        """End it, and what is at work there."""
        with self._process:
            stop_family(self._process)


class Servers:
    """Servers by what they have loaded, each started when it is first needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._started: dict[tuple[str, str, str | None], Server] = {}

    def of(self, module: str, library: str) -> Server:
        key = (module, library, os.environ.get(_OF_KERNELS))
        if key not in self._started:
            self._started[key] = Server(module, library)
            self._stack.callback(self._started[key].close)
        return self._started[key]


_SERVERS: ContextVar[Servers | None] = ContextVar("servers", default=None)


@contextmanager
def forked() -> Iterator[None]:
    """Have `run_way` fork processes meanwhile."""
    with ExitStack() as stack:
        token = _SERVERS.set(Servers(stack))
        try:
            yield
        finally:
            _SERVERS.reset(token)


def run_way(
    module: str, way: str, library: str, arguments: str, *, sample_memory: bool = False
) -> Finished:
    """Run a way of a module in a process of its own, to its end.

    Raises
    ------
    RuntimeError
        It ended with another exit code than 0.
    """
    command, servers = python("-m", module, way, library, arguments), _SERVERS.get()
    # Of memory that is shared with a server, only a part would be counted.
    if servers is None or sample_memory:
        return run_process(command, sample_memory=sample_memory)
    _log.info("forks %s", told(command))
    return checked(command, servers.of(module, library).run(way, library, arguments))


def main() -> None:
    """Be the server."""
    module, library = sys.argv[1:]
    ways: Any = import_module(module)
    ways.load(library)
    _set_up_numba()
    for line in sys.stdin:
        done = _fork(ways.main, Request(**json.loads(line)))
        print(json.dumps(asdict(done)), flush=True)


def _set_up_numba() -> None:
    """Compile a function: what that needs is there for all kernels then."""
    if "numba" in sys.modules:
        import_module("numba").njit(lambda x: x)(0)


def _fork(work: Callable[[], None], request: Request) -> Finished:
    """Do some work in a process, and say how it ended."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = multiprocessing.get_context("fork").Process(
            target=_work, args=(work, request, output, errors)
        )
        began = time.perf_counter()
        with warnings.catch_warnings():
            # Python warns of threads. Those of BLAS end before a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        process.join()
        seconds = time.perf_counter() - began
        assert process.exitcode is not None
        return Finished(seconds, _text(output), _text(errors), process.exitcode)


def _work(work: Callable[[], None], request: Request, output: IO[bytes], errors: IO[bytes]) -> None:
    for number, file in ((1, output), (2, errors)):
        os.dup2(file.fileno(), number)
    request.take()
    work()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="backslashreplace")


if __name__ == "__main__":
    main()
