"""Ways to reduce a 4-D image, each run in a process of its own.

``python -m benchmarks.ways WAY FOLDER BOLD REPEATS`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip

import boldstream as bs
from benchmarks.inputs import Inputs
from boldstream.benchmark.ways import Way
from boldstream.benchmark.ways.masks import WAYS
from boldstream.core.limits import process_memory

_READ_BYTES = 1 << 20


def read_through(path: Path) -> None:
    """Decode a file to its end and drop what it holds: no way can be faster."""
    buffer = bytearray(_READ_BYTES)
    with igzip.open(path, "rb") as file:
        while file.readinto(buffer):
            pass


def _labels(inputs: Inputs) -> list[Any]:
    return [bs.Labels(inputs.atlas)]


def _moments(inputs: Inputs) -> list[Any]:
    return [bs.Mean(), bs.Std(), bs.TSNR()]


def _everything(inputs: Inputs) -> list[Any]:
    return [*_labels(inputs), *_moments(inputs), *(bs.Voxels(mask) for mask in inputs.masks)]


# The four ways of nilearn's example "Working with long time series fMRI images".
RIVALS = {name: way for name, way in WAYS.items() if name != "streamed"}
REDUCTIONS = {"labels": _labels, "moments": _moments, "everything": _everything}


def _time_rival(rival: Way, inputs: Inputs) -> dict[str, Any]:
    for module in rival.modules:
        import_module(module)
    masks = [str(mask) for mask in inputs.masks]
    began = time.perf_counter()
    made = rival.function(bold=str(inputs.bold), masks=masks)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "means": [float(np.asarray(series).mean()) for series in made.values()],
    }


def _time_read(inputs: Inputs) -> dict[str, Any]:
    began = time.perf_counter()
    read_through(inputs.bold)
    return {"seconds": time.perf_counter() - began}


def _time_reductions(reductions: Sequence[Any], inputs: Inputs, repeats: int) -> dict[str, Any]:
    """Compare with the bare read-through in turn, so that a slow moment meets both."""
    predicted = bs.plan(inputs.bold, *reductions).peak_bytes
    bs.stream(inputs.bold, *reductions)
    measured = process_memory().peak_rss_bytes
    reads, passes = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        read_through(inputs.bold)
        reads.append(time.perf_counter() - began)
        began = time.perf_counter()
        bs.stream(inputs.bold, *reductions)
        passes.append(time.perf_counter() - began)
    return {"reads": reads, "passes": passes, "predicted": predicted, "measured": measured}


def main() -> None:
    """Run one way and print what it measured."""
    way, folder, bold, repeats = sys.argv[1:]
    inputs = Inputs(Path(folder), Path(bold))
    if way == "read":
        measured = _time_read(inputs)
    elif way in RIVALS:
        measured = _time_rival(RIVALS[way], inputs)
    else:
        measured = _time_reductions(REDUCTIONS[way](inputs), inputs, int(repeats))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
