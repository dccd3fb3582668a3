"""A searchlight on a part of one slice: nilearn's "Searchlight analysis of face vs house"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from boldstream.benchmark.cases import Case
from boldstream.benchmark.images import Image
from boldstream.benchmark.inputs import Inputs
from boldstream.benchmark.labels import (
    Labels,
    labels_of_events,
    labels_of_table,
    made_up_labels,
)
from boldstream.benchmark.samples import make_light_image, make_samples
from boldstream.io.opening import open_image

_RADIUS_MM = 5.6
_CLAIM = "41 s, 739 spheres, 916 MB"
# nilearn's solver stops at a tolerance of 1e-4, ours at the optimum: single samples at the
# boundary may fall to the other side.
_SAMPLES_APART = 2.5


def searchlight_cases(inputs: Inputs) -> Sequence[Case]:
    """A searchlight of nilearn and one of ours, around the same voxels."""
    image, labels = _image_and_labels(inputs)
    samples = make_samples(inputs.folder, image, labels, inputs.size.n_centres)
    n_jobs = 1 if inputs.asked.n_jobs is None else inputs.asked.n_jobs
    arguments = {
        "samples": str(samples.image),
        "brain": str(samples.brain),
        "centres": str(samples.centres),
        "labels": str(samples.labels),
        "radius": _RADIUS_MM,
        "n_jobs": n_jobs,
    }
    case = partial(
        Case,
        seed="searchlight",
        table=f"{samples.n_centres} spheres of {_RADIUS_MM} mm, {samples.n_samples} samples "
        f"({samples.origin}) of {image.name}, {n_jobs} {'job' if n_jobs == 1 else 'jobs'}",
        module="boldstream.benchmark.ways.searchlight",
        arguments=arguments,
        limit=inputs.asked.memory_limit,
        tolerance=_SAMPLES_APART / samples.n_samples,
    )
    return [
        case(title="nilearn SearchLight", way="nilearn", family=n_jobs != 1, claim=_CLAIM),
        case(title="boldstream SearchLight", way="streamed", ours=True),
    ]


def _image_and_labels(inputs: Inputs) -> tuple[Image, Labels]:
    image, asked = inputs.users_image, inputs.asked
    if image is None:
        return make_light_image(inputs.folder, inputs.size)
    series = open_image(image.bold).series
    if asked.labels is not None:
        labels = labels_of_table(asked.labels, asked.target, series.run_lengths)
    elif asked.events is not None:
        labels = labels_of_events(asked.events, series.n_volumes, series.tr)
    else:
        labels = made_up_labels(series.n_volumes, series.run_lengths)
    return image, labels.of(asked.conditions)
