"""A suite of toy figures: ``python -m tests.benchmarks.toy_suite`` is run as the real ones are."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from benchmarks.command import run_suite
from benchmarks.harness import python, run_process
from benchmarks.rows import Row, figure, most
from benchmarks.settings import Group, Settings

SUITE = "toy"


def good(settings: Settings) -> Iterator[Row]:
    yield figure(SUITE, "", "met", settings.repeats, "s", ask=most(10, "s"))
    yield figure(SUITE, "", "missed", 11.0, "s", ask=most(10, "s"))
    counter = settings.folder / "taken"
    counter.write_text(counter.read_text() + "x" if counter.exists() else "x")


def failing(settings: Settings) -> Iterator[Row]:
    yield figure(SUITE, "", "before it fails", 1.0, "s")
    raise OSError(f"no room in {settings.folder}/some/file.nii.gz")


def dying(settings: Settings) -> Iterator[Row]:
    yield figure(SUITE, "", "before it dies", 1.0, "s")
    os.kill(os.getpid(), signal.SIGKILL)


def slow(settings: Settings) -> Iterator[Row]:
    (settings.folder / "started").touch()
    run_process(python("-c", f"import time; open({str(settings.folder / 'child')!r}, 'w').write("
                       "str(__import__('os').getpid())); time.sleep(120)"))  # fmt: skip
    time.sleep(1)
    yield figure(SUITE, "", "never", 1.0, "s")


def twice(settings: Settings) -> Iterator[Row]:
    yield figure(SUITE, "", "met", 1.0, "s")


GROUPS: dict[str, Group] = {
    "good": good,
    "failing": failing,
    "dying": dying,
    "slow": slow,
    "twice": twice,
}

if __name__ == "__main__":
    run_suite(SUITE, GROUPS, __doc__)
