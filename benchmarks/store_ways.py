"""What is measured of the store, each in a process of its own.

``python -m benchmarks.store_ways WAY JSON`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import isal.igzip  # noqa: F401
import nibabel as nib
import numpy as np

from benchmarks.ways import read_through
from boldstream.benchmark.ways.memory import WAYS as REGION_WAYS
from boldstream.core.limits import process_memory
from boldstream.memory.store import Store

# Imported by the first pass otherwise; what is measured begins after all imports.
ThreadPoolExecutor(1).shutdown()


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak_above(imports: int) -> int:
    return process_memory().peak_rss_bytes - imports


def read(bold: str) -> dict[str, Any]:
    """Decode the file and drop what it holds."""
    return {"seconds": _timed(lambda: read_through(Path(bold)))}


def make(bold: str, mask: str, folder: str) -> dict[str, Any]:
    """Make the store of a mask anew."""
    store = Store(folder)
    store.clear()
    imports = process_memory().peak_rss_bytes
    seconds = _timed(lambda: store.voxels(bold, mask).close())
    return {"seconds": seconds, "peak": _peak_above(imports)}


def again(bold: str, mask: str, folder: str, n_voxels: int, repeats: int) -> dict[str, Any]:
    """Regions and volumes of a store that is there, in random places."""
    rng = np.random.default_rng(0)
    regions, volumes = [], []
    with Store(folder).voxels(bold, mask) as voxels:
        voxels.read(_some(rng, len(voxels.voxels), n_voxels))
        for _ in range(repeats):
            columns = _some(rng, len(voxels.voxels), n_voxels)
            regions.append(_timed(partial(voxels.read, columns)))
            t = int(rng.integers(voxels.n_volumes))
            volumes.append(_timed(partial(voxels.read_volume, t)))
    return {"regions": regions, "volumes": volumes}


def _some(rng: np.random.Generator, n: int, wanted: int) -> Any:
    return np.sort(rng.choice(n, min(n, wanted), replace=False))


def volume(bold: str, folder: str, t: int) -> dict[str, Any]:
    """One volume by nibabel, and from the store of volumes, opening it included."""
    Store(folder).volumes(bold).close()

    def stored() -> None:
        with Store(folder).volumes(bold) as volumes:
            np.array(volumes[..., t])

    by_nibabel = _timed(lambda: np.asarray(nib.load(bold).dataobj[..., t]))  # type: ignore[attr-defined]
    return {"stored": [_timed(stored) for _ in range(5)], "nibabel": by_nibabel}


def region(way: str, **arguments: str) -> dict[str, Any]:
    """A region by one of `boldstream.benchmark.ways.memory`."""
    for module in REGION_WAYS[way].modules:
        import_module(module)
    imports = process_memory().peak_rss_bytes
    began = time.perf_counter()
    series = np.asarray(REGION_WAYS[way].function(**arguments)["series"])
    found = {"seconds": time.perf_counter() - began, "peak": _peak_above(imports)}
    return {**found, "mean": float(series.mean(dtype=np.float64))}


def share(bold: str, mask: str, folder: str, n_processes: int) -> dict[str, Any]:
    """Processes that read one store; all hold what they read at the same time."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(n_processes)
    workers = [
        context.Process(target=_share_one, args=(bold, mask, folder, seed, barrier))
        for seed in range(n_processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"exits": [worker.exitcode for worker in workers]}


def _share_one(bold: str, mask: str, folder: str, seed: int, barrier: Any) -> None:
    rng = np.random.default_rng(seed)
    with Store(folder).voxels(bold, mask) as voxels:
        series = voxels.read(_some(rng, len(voxels.voxels), 1000))
        voxels.read_volume(int(rng.integers(voxels.n_volumes)))
        barrier.wait()
        # Long enough for the memory of all to be counted together.
        time.sleep(1)
        barrier.wait()
        del series


WAYS: dict[str, Callable[..., dict[str, Any]]] = {
    "read": read,
    "make": make,
    "again": again,
    "volume": volume,
    "whole": partial(region, "whole"),
    "streamed": partial(region, "streamed"),
    # Where it is there already.
    "stored": partial(region, "stored_again"),
    "share": share,
}


def main() -> None:
    """Run one way and print what it measured."""
    way, arguments = sys.argv[1:]
    print(json.dumps(WAYS[way](**json.loads(arguments))))


if __name__ == "__main__":
    main()
