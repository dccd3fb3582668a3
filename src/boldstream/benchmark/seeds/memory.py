"""The three tables of "Memory-Efficient Data Loading": size, subjects at once, regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from boldstream.benchmark.cases import Case
from boldstream.benchmark.harness import python, watch_process
from boldstream.benchmark.images import Image, region_sizes, write_region
from boldstream.benchmark.inputs import Inputs
from boldstream.benchmark.requests import Reply, Request
from boldstream.core.budget import format_bytes

_MODULE = "boldstream.benchmark.ways.memory"
_WHOLE, _OURS = "whole image loaded", "boldstream.extract"
# Of whole loading and of ours, in the document.
_PEAKS = (
    ("1.2 GB", "0.1 GB, 92 % less"),
    ("2.4 GB", "0.2 GB, 92 % less"),
    ("4.8 GB", "0.3 GB, 94 % less"),
)
# One by one, and at once.
_SUBJECTS = {
    4: (("8.2 s", "8.2 s"), ("Memory Error", "2.1 s")),
    8: (("", ""), ("Memory Error", "3.8 s")),
}
_REGIONS = (
    ("2.3 s", "1.8 s, 22 % less"),
    ("3.1 s", "2.2 s, 29 % less"),
    ("4.7 s", "3.1 s, 34 % less"),
)
# All subjects that are done at once may take so many images together.
_IMAGES_AT_ONCE = 2


def memory_cases(inputs: Inputs) -> Sequence[Case]:
    """Cases of the three tables."""
    images = inputs.images
    return [
        *_peak_cases(inputs, images),
        *_subject_cases(inputs, images[0]),
        *_region_cases(inputs, images[0]),
    ]


def _region(inputs: Inputs, image: Image, n_voxels: int) -> Path:
    path = inputs.folder / f"region_{n_voxels}.nii.gz"
    return path if path.exists() else write_region(path, image.head.brain, image.grid, n_voxels)


def _sizes(image: Image) -> tuple[int, ...]:
    return region_sizes(int(image.head.brain.sum()))


def _stored(inputs: Inputs, image: Image, arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "brain": str(image.brain), "store": str(inputs.folder / "voxels")}


def _peak_cases(inputs: Inputs, images: Sequence[Image]) -> Iterator[Case]:
    """A region of images of several sizes."""
    case = partial(
        Case, seed="memory", table="peak memory", module=_MODULE, limit=inputs.asked.memory_limit
    )
    claims = _PEAKS if inputs.users_image is None else (("", ""),)
    for image, (whole, ours) in zip(images, claims, strict=True):
        n_voxels = _sizes(image)[0]
        arguments = {"bold": str(image.bold), "mask": str(_region(inputs, image, n_voxels))}
        of = partial(case, task=f"{image.size}: {n_voxels} voxels", arguments=arguments)
        yield of(title=_WHOLE, way="whole", claim=whole)
        yield of(title=_OURS, way="streamed", claim=ours, ours=True)


def _subject_cases(inputs: Inputs, image: Image) -> Iterator[Case]:
    """Subjects one by one, and at once in memory for two images, shared out among them."""
    imports, given = imports_space(), inputs.asked.memory_limit
    for n in inputs.asked.subjects:
        share = _IMAGES_AT_ONCE * image.decoded_bytes // n
        limit = imports + share if given is None else min(given, imports + share)
        serial, parallel = _SUBJECTS.get(n, (("", ""), ("", "")))
        yield from _pair(inputs, image, f"{n}, one by one", serial, n=n, at_once=1, limit=given)
        task = f"{n} at once, each in its imports + {format_bytes(share)}"
        yield from _pair(inputs, image, task, parallel, n=n, at_once=n, limit=limit)


def _pair(
    inputs: Inputs, image: Image, task: str, claims: tuple[str, str], **how: int | None
) -> Iterator[Case]:
    """So many subjects, by whole loading and by ours."""
    region = _region(inputs, image, _sizes(image)[0])
    files = {"bold": image.bold, "mask": region, "folder": inputs.folder}
    arguments = {**{name: str(path) for name, path in files.items()}, **how}
    case = partial(
        Case,
        seed="memory",
        table="subjects",
        task=task,
        module=_MODULE,
        way="subjects",
        family=True,
    )
    whole, ours = claims
    yield case(title=_WHOLE, arguments={**arguments, "way": "whole"}, claim=whole)
    yield case(title=_OURS, arguments={**arguments, "way": "streamed"}, claim=ours, ours=True)


def imports_space() -> int:
    """Address space of a process that did nothing but import, in bytes."""
    request = Request(_MODULE, "imports", {})
    done = watch_process(python("-P", "-m", "boldstream.benchmark.way", request.text))
    return Reply.of(done.output, done.errors, done.code).space_bytes


def _region_cases(inputs: Inputs, image: Image) -> Iterator[Case]:
    """Regions of several sizes: the first of an image, and one more."""
    case = partial(
        Case, seed="memory", table="regions", module=_MODULE, limit=inputs.asked.memory_limit
    )
    for n_voxels, (whole, ours) in zip(_sizes(image), _REGIONS, strict=True):
        arguments = {"bold": str(image.bold), "mask": str(_region(inputs, image, n_voxels))}
        of = partial(case, task=f"{n_voxels} voxels of {image.size}", arguments=arguments)
        stored = _stored(inputs, image, arguments)
        yield of(title=_WHOLE, way="whole", claim=whole)
        yield of(title=_OURS, way="streamed", claim=ours, ours=True)
        yield of(title="Store, first", way="stored_first", ours=True, arguments=stored)
        yield of(title="Store, again", way="stored_again", ours=True, arguments=stored)
