"""Many threads, many processes and a running event loop: the same is found, and nothing hangs."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import boldstream as bs
from boldstream.decoding import SearchLight
from tests.environment.children import PATIENCE, Plain
from tests.environment.work import bold, do

QUICK = ["extract", "store"]


def check(found: Mapping[str, Any], plain: Plain) -> None:
    for name, values in found.items():
        np.testing.assert_array_equal(values, plain.found[name], err_msg=name)


def work_and_check(plain: Plain, parts: list[str]) -> None:
    check(do(plain.inputs, parts), plain)


def check_children(plain: Plain, method: str, parts: list[str], count: int = 2) -> None:
    """Have children of one kind do the work, within a time."""
    context: Any = multiprocessing.get_context(method)
    children = [context.Process(target=work_and_check, args=(plain, parts)) for _ in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE)
    hanging = [child for child in children if child.is_alive()]
    for child in hanging:
        child.kill()
    assert hanging == []
    assert [child.exitcode for child in children] == [0] * count


def test_children_that_are_forked_after_all_was_used(plain: Plain) -> None:
    parts = [*QUICK, "first_level", "searchlight"]
    work_and_check(plain, parts)
    check_children(plain, "fork", parts)


def test_children_that_are_forked_while_threads_work(plain: Plain) -> None:
    # Python itself hangs in a child that was forked while another thread imports.
    work_and_check(plain, QUICK)
    stop = threading.Event()

    def keep_on() -> None:
        while not stop.is_set():
            work_and_check(plain, QUICK)

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(keep_on) for _ in range(2)]
        try:
            for _ in range(4):
                check_children(plain, "fork", QUICK, count=1)
        finally:
            stop.set()
        for one in working:
            one.result(PATIENCE)


@pytest.mark.soak
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_children_that_start_anew(plain: Plain, method: str) -> None:
    check_children(plain, method, [*QUICK, "first_level", "searchlight"])


def together(work: Callable[[], Any], count: int = 8) -> list[Any]:
    """Do the same in many threads, which begin at once."""
    start = threading.Barrier(count)

    def begin() -> Any:
        start.wait(PATIENCE)
        return work()

    before = set(threading.enumerate())
    with ThreadPoolExecutor(count) as pool:
        found = [one.result(PATIENCE) for one in [pool.submit(begin) for _ in range(count)]]
    assert set(threading.enumerate()) == before
    return found


def test_eight_threads_find_what_one_finds(plain: Plain) -> None:
    for found in together(lambda: do(plain.inputs, [*QUICK, "first_level", "searchlight"])):
        check(found, plain)


def test_threads_share_a_store_and_what_it_opened(plain: Plain, tmp_path: Path) -> None:
    mask = plain.inputs / "mask.nii.gz"

    def open_and_read() -> Any:
        with bs.Store(tmp_path).voxels(bold(plain.inputs), mask) as voxels:
            return voxels.read()

    for values in together(open_and_read):
        np.testing.assert_array_equal(values, plain.found["store"])
    assert bs.Store(tmp_path).stats()["entries"] == 1
    with bs.Store(tmp_path).voxels(bold(plain.inputs), mask) as voxels:
        for values in together(voxels.read):
            np.testing.assert_array_equal(values, plain.found["store"])


def test_one_estimator_may_be_fitted_by_two_threads(plain: Plain) -> None:
    """Which of the two fits is kept is open; that it is one of them is not."""
    light = SearchLight(str(plain.inputs / "mask.nii.gz"), radius=4.0, estimator="nearest_centroid")
    y = np.tile(np.repeat(["face", "house", "rest"], 4), 8)
    together(lambda: light.fit(bold(plain.inputs), y), count=2)
    np.testing.assert_array_equal(light.scores_, plain.found["few"])


def test_two_processes_share_a_store(plain: Plain, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np, boldstream as bs\n"
        "output, store, mask, *images = sys.argv[1:]\n"
        "with bs.Store(store).voxels(images, mask) as voxels:\n"
        "    np.savez(output, store=voxels.read())\n"
    )
    given = [str(tmp_path / "store"), str(plain.inputs / "mask.nii.gz"), *bold(plain.inputs)]
    outputs = [tmp_path / f"{i}.npz" for i in range(2)]
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(output), *given]) for output in outputs
    ]
    for child, output in zip(children, outputs, strict=True):
        assert child.wait(PATIENCE) == 0
        plain.check(output)
    stats = bs.Store(tmp_path / "store").stats()
    assert (stats["entries"], stats["damaged"], stats["in_use"]) == (1, 0, 0)


def test_in_a_running_event_loop_as_of_a_notebook(plain: Plain) -> None:
    async def cell() -> dict[str, Any]:
        here = do(plain.inputs, QUICK)
        there = await asyncio.to_thread(do, plain.inputs, ["few_kernels"])
        return here | there

    check(asyncio.run(cell()), plain)
