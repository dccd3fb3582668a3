"""A region of an image: from all of it in memory, from one pass, from the store; and of many."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.benchmark.harness import python
from boldstream.benchmark.requests import Reply, Request, load_made
from boldstream.benchmark.ways import Made, Way


def imports() -> Made:
    """Nothing: what an interpreter with all imports takes."""
    return {}


def whole(bold: str, mask: str) -> Made:
    """Load the image (float32), then index it."""
    import nibabel as nib

    region: Any = nib.load(mask)
    image: Any = nib.load(bold)
    return {"series": image.get_fdata(dtype=np.float32)[np.asarray(region.dataobj) != 0].T}


def streamed(bold: str, mask: str, memory_limit: int | None = None) -> Made:
    """One pass over the image."""
    import boldstream as bs

    return {"series": bs.extract(bold, {"roi": mask}, memory_limit=memory_limit)["roi"]}


def stored(bold: str, mask: str, brain: str, store: str) -> Made:
    """A region from the store of the brain; the store is made if it is not there."""
    from boldstream.memory.store import Store

    with Store(store).voxels(bold, brain) as voxels:
        return {"series": voxels.read(Path(mask))}


def _clear(bold: str, mask: str, brain: str, store: str) -> None:
    from boldstream.memory.store import Store

    Store(store).clear()


def subjects(
    way: str, n: int, at_once: int, limit: int | None, folder: str, **arguments: Any
) -> Made:
    """Do the same for so many subjects, some at once, each in a process held to `limit`.

    One image stands for all of them; what they make goes to a folder inside `folder`.

    Raises
    ------
    MemoryError
        If one of them ran out of memory; it says how many did not.
    RuntimeError
        If one of them failed otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="subjects-", dir=folder) as place:
        outputs = [Path(place, f"{i}.npz") for i in range(n)]
        requests = [Request(__name__, way, arguments, str(to), limit) for to in outputs]
        replies: list[Reply] = []
        for start in range(0, n, at_once):
            replies += _at_once(requests[start : start + at_once])
        left = sorted((one for one in replies if one.outcome != "done"), key=_outcome)
        if left:
            # "failed" comes before "out of memory".
            error = RuntimeError if left[0].outcome == "failed" else MemoryError
            raise error(f"{n - len(left)} of {n} subjects finished: {left[0].why}")
        series = [load_made(path)["series"] for path in outputs]
    if not all(np.array_equal(series[0], other) for other in series):
        raise ArithmeticError("subjects with the same image must have the same values")
    return {"series": series[0]}


def _outcome(reply: Reply) -> str:
    return reply.outcome


def _at_once(requests: list[Request]) -> list[Reply]:
    """Run all of them side by side."""
    processes = [
        subprocess.Popen(
            [str(part) for part in python("-P", "-m", "boldstream.benchmark.way", one.text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for one in requests
    ]
    return [Reply.of(*process.communicate(), process.returncode) for process in processes]


_OURS = ("boldstream.api", "boldstream.memory.store", "isal.igzip", "concurrent.futures.thread")
WAYS = {
    "imports": Way(imports, ("nibabel", *_OURS)),
    "whole": Way(whole, ("nibabel",)),
    "streamed": Way(streamed, _OURS),
    "stored_first": Way(stored, _OURS, before=_clear),
    "stored_again": Way(stored, _OURS),
    "subjects": Way(subjects),
}
