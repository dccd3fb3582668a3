"""Several regions of a large image in parallel: nilearn's "Working with long time series"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from boldstream.benchmark.cases import Case
from boldstream.benchmark.inputs import Inputs

_N_JOBS = 4
# Titles, and peaks in the document; its image has 857 volumes.
_RIVALS = {
    "nilearn_paths": ("NiftiMasker, paths", "15 891 MiB"),
    "nilearn_memory": ("NiftiMasker, images in memory", "14 185 MiB"),
    "numpy_indexing": ("numpy indexing", "7 872 MiB"),
    "shared_memory": ("numpy indexing, SharedMemory", "8 634 MiB"),
}


def masks_cases(inputs: Inputs) -> Sequence[Case]:
    """Four ways that load the image, and one that does not."""
    image, masks = inputs.image, [str(mask) for mask in inputs.masks]
    n_jobs = _N_JOBS if inputs.asked.n_jobs is None else inputs.asked.n_jobs
    arguments = {"bold": str(image.bold), "masks": masks}
    regions = _count(len(masks), "region")
    case = partial(
        Case,
        seed="masks",
        table=f"{regions} of {image.name} ({image.size}), {_count(n_jobs, 'job')}",
        module="boldstream.benchmark.ways.masks",
        limit=inputs.asked.memory_limit,
    )
    rivals = [
        case(
            title=title,
            way=way,
            arguments={**arguments, "n_jobs": n_jobs},
            family=n_jobs != 1,
            claim=claim,
        )
        for way, (title, claim) in _RIVALS.items()
    ]
    return [
        *rivals,
        case(title="boldstream.extract", way="streamed", arguments=arguments, ours=True),
    ]


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
