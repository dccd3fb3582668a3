"""Run one way and say what it took: ``python -m boldstream.benchmark.way REQUEST``.

What is imported for it is imported first. Memory is that of this process; who
started it watches the family.
"""

from __future__ import annotations

import errno
import resource
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from boldstream.benchmark.requests import Reply, Request
from boldstream.benchmark.ways import Made, Way
from boldstream.core.limits import process_memory


def run(request: Request) -> Reply:
    """Run a way, and write what it made."""
    way: Way = import_module(request.module).WAYS[request.way]
    for module in way.modules:
        import_module(module)
    if way.before is not None:
        way.before(**request.arguments)
    start, space = process_memory().rss_bytes, _address_space()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if request.limit is not None:
        # The soft one alone, which can be taken back.
        resource.setrlimit(resource.RLIMIT_AS, (request.limit, most))
    began = perf_counter()
    try:
        made = way.function(**request.arguments)
    except (MemoryError, OSError, RuntimeError, zlib.error) as error:
        # What broken pools of workers raise is a RuntimeError.
        seconds, peak = perf_counter() - began, process_memory().peak_rss_bytes
        if not _is_want_of_memory(error, limited=request.limit is not None):
            raise
        return Reply("out of memory", seconds, start, peak, space, _in_a_line(error))
    seconds, peak = perf_counter() - began, process_memory().peak_rss_bytes
    if request.output is not None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        _save(Path(request.output), made)
    return Reply("done", seconds, start, peak, space)


def _is_want_of_memory(error: BaseException, *, limited: bool) -> bool:
    """Whether an error, or one that it came from, says that there was no memory."""
    for one in _chain(error):
        if isinstance(one, MemoryError):
            return True
        if isinstance(one, OSError) and one.errno == errno.ENOMEM:
            return True
        # Z_MEM_ERROR: nothing was left to inflate into.
        if isinstance(one, zlib.error) and str(one).startswith("Error -4 "):
            return True
        # Of a worker that is killed, by the system or for its limit, only its end is seen.
        if isinstance(one, BrokenProcessPool) and (limited or "SIGKILL" in str(one)):
            return True
        # The stack of a thread is address space, too.
        if limited and isinstance(one, RuntimeError) and "start new thread" in str(one):
            return True
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _in_a_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _address_space() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _save(path: Path, made: Made) -> None:
    arrays: dict[str, Any] = {name: np.asarray(values) for name, values in made.items()}
    np.savez(path, **arrays)


def main() -> None:
    """Run the way that the command line asks for, and print its reply."""
    print(run(Request.read(sys.argv[1])).text)  # noqa: T201 - for the process that started this


if __name__ == "__main__":
    main()
