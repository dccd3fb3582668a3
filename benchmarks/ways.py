"""Ways to reduce a 4-D image, each run in a process of its own.

``python -m benchmarks.ways WAY FOLDER BOLD REPEATS`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip

import boldstream as bs
from benchmarks.inputs import Inputs
from boldstream.core.limits import process_memory

_N_JOBS = 4
_READ_BYTES = 1 << 20


def read_through(path: Path) -> None:
    """Decode a file to its end and drop what it holds: no way can be faster."""
    buffer = bytearray(_READ_BYTES)
    with igzip.open(path, "rb") as file:
        while file.readinto(buffer):
            pass


# The four ways of nilearn's example "Working with long time series fMRI images".


def _masked_by_nilearn(image: Any, mask: Any) -> Any:
    from nilearn.maskers import NiftiMasker

    return NiftiMasker(mask_img=mask).fit_transform(image)


def _indexed(data: Any, mask: Any) -> Any:
    return data[mask].T


def _in_parallel(function: Callable[[Any, Any], Any], image: Any, masks: Sequence[Any]) -> Any:
    from joblib import Parallel, delayed

    return Parallel(n_jobs=_N_JOBS)(delayed(function)(image, mask) for mask in masks)


def nilearn_paths(inputs: Inputs) -> Any:
    """NiftiMasker in four jobs, each of which reads the file."""
    return _in_parallel(_masked_by_nilearn, str(inputs.bold), [str(mask) for mask in inputs.masks])


def nilearn_memory(inputs: Inputs) -> Any:
    """NiftiMasker in four jobs, all given the image that was loaded before."""
    from nilearn.image import load_img

    image = load_img(str(inputs.bold))
    return _in_parallel(_masked_by_nilearn, image, [load_img(str(mask)) for mask in inputs.masks])


def _loaded(inputs: Inputs) -> tuple[Any, list[Any]]:
    from nilearn.image import load_img

    masks = [load_img(str(mask)).get_fdata().astype(bool) for mask in inputs.masks]
    return load_img(str(inputs.bold)).get_fdata(), masks


def numpy_indexing(inputs: Inputs) -> Any:
    """Four jobs that index one loaded array."""
    data, masks = _loaded(inputs)
    return _in_parallel(_indexed, data, masks)


def shared_memory(inputs: Inputs) -> Any:
    """Four jobs that index one array in shared memory."""
    from multiprocessing.shared_memory import SharedMemory

    data, masks = _loaded(inputs)
    block = SharedMemory(create=True, size=data.nbytes)
    shared = np.ndarray(data.shape, data.dtype, buffer=block.buf)
    shared[...] = data
    del data
    series = _in_parallel(_indexed, shared, masks)
    del shared
    block.close()
    block.unlink()
    return series


def _labels(inputs: Inputs) -> list[Any]:
    return [bs.Labels(inputs.atlas)]


def _moments(inputs: Inputs) -> list[Any]:
    return [bs.Mean(), bs.Std(), bs.TSNR()]


def _everything(inputs: Inputs) -> list[Any]:
    return [*_labels(inputs), *_moments(inputs), *(bs.Voxels(mask) for mask in inputs.masks)]


RIVALS = {
    "nilearn_paths": nilearn_paths,
    "nilearn_memory": nilearn_memory,
    "numpy_indexing": numpy_indexing,
    "shared_memory": shared_memory,
}
REDUCTIONS = {"labels": _labels, "moments": _moments, "everything": _everything}


def _time_rival(rival: Callable[[Inputs], Any], inputs: Inputs) -> dict[str, Any]:
    import joblib  # noqa: F401
    import nilearn.maskers  # noqa: F401

    began = time.perf_counter()
    series = rival(inputs)
    return {"seconds": time.perf_counter() - began, "means": [float(np.mean(s)) for s in series]}


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
