"""Worker processes that answer line by line."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tools.mutation.copying import environment

_END = ""


class WorkerError(RuntimeError):
    """A worker did not come to its end."""


def run_workers(
    root: Path, works: list[tuple[list[str], str]], *, interpreted: bool
) -> Iterator[str]:
    """Run modules of `tools.mutation` beside each other in a copy, and yield what they write.

    Parameters
    ----------
    root : Path
    works : list of (list of str, str)
        The name of a module and its arguments, but for the first: a descriptor
        to write to; and what is written to its standard input.
    interpreted : bool
        Whether kernels are Python.

    Raises
    ------
    WorkerError
        If one of them ends before its work is done.
    """
    lines: queue.Queue[str | WorkerError] = queue.Queue()
    variables = environment(root, interpreted=interpreted)
    threads = [
        threading.Thread(target=_run, args=(root, variables, *work, lines), daemon=True)
        for work in works
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        while line := lines.get():
            if isinstance(line, WorkerError):
                raise line
            yield line


def _run(
    root: Path,
    variables: dict[str, str],
    command: list[str],
    given: str,
    lines: queue.Queue[str | WorkerError],
) -> None:
    reader, writer = os.pipe()
    module, *arguments = command
    try:
        with subprocess.Popen(
            [sys.executable, "-m", f"tools.mutation.{module}", str(writer), *arguments],
            cwd=root,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[writer],
            text=True,
        ) as process:
            os.close(writer)
            assert process.stdin is not None
            process.stdin.write(given)
            process.stdin.close()
            with os.fdopen(reader) as heard:
                for line in heard:
                    lines.put(line)
        if process.returncode:
            lines.put(WorkerError(f"{module} ended with status {process.returncode}"))
    finally:
        lines.put(_END)
