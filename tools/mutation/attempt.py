"""Try mutants: JSON lines of tasks in, JSON lines of outcomes out.

Run as ``python -m tools.mutation.attempt DESCRIPTOR`` in the copy. Tests are collected
once; then each mutant is a fork of this process in which the code of one function is
exchanged. What an import runs is changed in forks that are made before the first import.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import resource
import select
import signal
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple, NoReturn, TextIO

import pytest

from tools.mutation.mutants import mutated_tree
from tools.mutation.session import prepare, pytest_arguments

# Loaded once, before the forks that import boldstream anew.
_HEAVY = ("numba", "scipy.ndimage", "scipy.optimize", "scipy.stats", "nibabel", "sklearn.svm",
          "nilearn.maskers", "nilearn.glm.first_level", "pandas", "matplotlib.pyplot")  # fmt: skip


UNCHANGED = -1
NOT_APPLIED = "not applied"


# Seconds for a child that waits for what never comes.
_LONGEST_WAIT = 60


class Task(NamedTuple):
    """A mutant, and the tests that may notice it."""

    file: str
    number: int
    by_import: bool
    tests: list[str]
    seconds: float


class _Noticing:
    """Plugin of pytest: the first failure ends the process."""

    def __init__(self, note: int) -> None:
        self.note = note

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(self.note, report.nodeid.encode())
            os._exit(1)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            os.write(self.note, f"import of {report.nodeid}".encode())
            os._exit(1)


class Trying:
    """Runs tests in forks, and remembers which of them can be relied on."""

    def __init__(self, run: Callable[[Task, list[str], int], None], out: TextIO) -> None:
        self.run, self.out = run, out
        self.passes: dict[str, bool] = {}
        self.noticed: deque[str] = deque(maxlen=4)

    def attempt(self, task: Task) -> None:
        """Write who noticed a mutant: first asked are the tests that noticed the last ones."""
        start = time.perf_counter()
        tests = [test for test in task.tests if self.passes.get(_name(test, task), True)]
        tests.sort(key=lambda test: test not in self.noticed)
        killer, survived = _fork(lambda note: self.run(task, tests, note), task.seconds)
        if "::" in killer:
            if not self._passes_unchanged(killer, task):
                self.attempt(task)
                return
            if killer not in self.noticed:
                self.noticed.append(killer)
        spent = time.perf_counter() - start
        self.out.write(json.dumps([task.file, task.number, survived, killer, spent]) + "\n")
        self.out.flush()

    def _passes_unchanged(self, test: str, task: Task) -> bool:
        name = _name(test, task)
        if name not in self.passes:
            clean = task._replace(number=UNCHANGED)
            self.passes[name] = _fork(lambda note: self.run(clean, [name], note), task.seconds)[1]
        return self.passes[name]


def _name(test: str, task: Task) -> str:
    """What pytest finds a test by, whose parameters an import may change."""
    return test.split("[")[0] if task.by_import else test


class _InForks:
    """Plugin of pytest that, in place of running all tests, tries mutants."""

    def __init__(self, tasks: list[Task], out: TextIO) -> None:
        self.tasks, self.out = tasks, out

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = _functions_by_file()
        gc.collect()
        gc.freeze()

        def run(task: Task, tests: list[str], note: int) -> None:
            path = Path.cwd() / task.file
            if task.number != UNCHANGED:
                new = _compiled(path, task.number)
                if not exchange_code(new, functions[str(path)]):
                    os.write(note, NOT_APPLIED.encode())
                    return
            _run_items([items[test] for test in tests if test in items], note)

        trying = Trying(run, self.out)
        for task in self.tasks:
            trying.attempt(task)
        return True


def _run_items(items: list[pytest.Item], note: int) -> None:
    for item, following in zip_longest(items, items[1:]):
        item.config.pluginmanager.register(_Noticing(note), "noticing")
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item.config.pluginmanager.unregister(name="noticing")


def _module(file: str) -> str:
    """The name that ``src/package/module.py`` is imported by."""
    return ".".join(Path(file).with_suffix("").parts[1:]).removesuffix(".__init__")


def _functions_by_file() -> dict[str, list[FunctionType]]:
    """Every function that lives, methods and decorated ones included."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for function in [x for x in gc.get_objects() if isinstance(x, FunctionType)]:
        found[function.__code__.co_filename].append(function)
    return found


def _compiled(path: Path, index: int) -> CodeType:
    code: CodeType = compile(mutated_tree(path.read_text(), index), str(path), "exec")
    return code


def exchange_code(new: CodeType, functions: list[FunctionType]) -> bool:
    """Give the functions of a file new code; whether any of them was changed by it."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _within(new)}
    changed = False
    for function in functions:
        code = function.__code__
        replacement = codes.get((code.co_qualname, code.co_firstlineno), code)
        if code.co_name == "<lambda>" or replacement == code:
            continue
        if replacement.co_freevars != code.co_freevars:
            return False
        function.__code__ = replacement
        changed = True
    return changed


def _within(code: CodeType) -> list[CodeType]:
    inner = [x for x in code.co_consts if isinstance(x, CodeType)]
    return [code, *(deeper for each in inner for deeper in _within(each))]


def _import(task: Task, tests: list[str], note: int) -> None:
    """Run tests with a module that is imported as the mutant."""
    path = Path.cwd() / task.file
    original = SourceFileLoader.get_code
    if task.number != UNCHANGED:
        new = _compiled(path, task.number)

        def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
            return new if self.path == str(path) else original(self, fullname)

        SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    names = list(dict.fromkeys(_name(test, task) for test in tests))
    ended = pytest.main([*_arguments(), *names], plugins=[_Noticing(note)])
    if ended in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        os._exit(1)


def _arguments() -> list[str]:
    temporary = Path.cwd().parent / f"tmp-{os.getpid()}"
    return [*pytest_arguments(slowest=0), f"--basetemp={temporary}"]


def _fork(work: Callable[[int], None], seconds: float) -> tuple[str, bool]:
    """What the fork that does `work` told, and whether it ended well in so much time."""
    reader, note = os.pipe()
    os.set_blocking(reader, False)
    child = os.fork()
    if child == 0:
        os.setsid()
        # Of the processor, which counts no waiting for it: others may be at work beside.
        gc.disable()  # it would touch, and so copy, all memory that is shared
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 1))
        _do_and_leave(work, note)
    os.close(note)
    done = os.pidfd_open(child)
    in_time = bool(select.select([done], [], [], _LONGEST_WAIT + 10 * seconds)[0])
    os.close(done)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and what it has started
    status = os.waitpid(child, 0)[1]
    with suppress(BlockingIOError):
        told = os.read(reader, 4096).decode(errors="replace")
    os.close(reader)
    if not in_time:
        return "time", False
    return told or f"status {status}", status == 0


def _do_and_leave(work: Callable[[int], None], note: int) -> NoReturn:
    status = 1
    try:
        work(note)
        status = 0
    finally:
        os._exit(status)


def main(descriptor: str) -> None:
    """Try all tasks that stand on the standard input."""
    tasks = [Task(*json.loads(line)) for line in sys.stdin]
    prepare()
    with os.fdopen(int(descriptor), "w") as out:
        for name in _HEAVY:
            importlib.import_module(name)
        gc.freeze()
        trying = Trying(_import, out)
        for task in (t for t in tasks if t.by_import):
            trying.attempt(task)
        rest = [t for t in tasks if not t.by_import]
        if rest:
            # Before pytest collects their examples: it would make modules of its own of them,
            # beside those that tests import and patch.
            for file in {task.file for task in rest}:
                importlib.import_module(_module(file))
            files = sorted({test.split("::")[0] for t in rest for test in t.tests})
            pytest.main([*_arguments(), *files], plugins=[_InForks(rest, out)])


if __name__ == "__main__":
    main(sys.argv[1])
