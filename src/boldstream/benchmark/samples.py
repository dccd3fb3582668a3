"""Samples of a searchlight: z-scores of labelled volumes, and which voxels are centres."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boldstream.benchmark.images import Image, make_image
from boldstream.benchmark.labels import Labels, made_up_labels, require_classes
from boldstream.benchmark.sizes import Size
from boldstream.io.opening import open_image
from boldstream.io.selecting import select_volumes
from boldstream.io.stream_writing import open_volume_writer
from boldstream.simulate.head import make_head
from boldstream.simulate.images import Effect, write_labels
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Voxels

# Where classes differ in made-up images: as a share of the brightness, with noise of 0.01.
_EFFECT = 0.003


@dataclass(frozen=True, eq=False)
class Samples:
    """What a searchlight is given.

    Attributes
    ----------
    image, brain, centres, labels : Path
    n_samples, n_centres : int
    origin : str
        Of the labels.
    """

    image: Path
    brain: Path
    centres: Path
    labels: Path
    n_samples: int
    n_centres: int
    origin: str


def make_light_image(folder: Path, size: Size) -> tuple[Image, Labels]:
    """A made-up image in which two classes differ, in the left half of the back of the brain."""
    head, n = make_head(size.light_shape), size.light_volumes
    labels = made_up_labels(n)
    x, y, _ = np.ogrid[tuple(slice(axis) for axis in head.grid.shape)]
    nx, ny, _ = head.grid.shape
    where = head.brain & (x < nx / 2) & (y < ny / 2)
    # A pattern, not a level: what z-scores leave of it is in single voxels.
    signs = np.random.default_rng(0).choice([-1, 1], head.grid.shape) > 0
    course = np.where(labels.classes == "face", _EFFECT, -_EFFECT)
    effects = [Effect(where & signs, course), Effect(where & ~signs, -course)]
    image = make_image(folder, size.light_shape, n, name="trials", dtype="int16", effects=effects)
    return image, labels


def make_samples(folder: Path, image: Image, labels: Labels, n_centres: int) -> Samples:
    """Write z-scores of the labelled volumes, each run for itself, and the centres.

    Raises
    ------
    ParameterError
        If a fold has samples of one class only to learn from.
    """
    require_classes(labels)
    source = select_volumes(open_image(image.bold), labels.kept)
    inside = image.head.brain
    (values,) = stream_once(source, [Voxels(inside)])
    for run in np.unique(labels.runs):
        values[labels.runs == run] = _z_scores(values[labels.runs == run])
    path = folder / "samples.nii"
    volume = np.zeros(image.grid.shape, np.float32)
    with open_volume_writer(path, image.grid, len(values), np.float32) as writer:
        for row in values:
            volume[inside] = row
            writer.write(volume)
    centres = _centres(inside, n_centres)
    write_labels(folder / "centres.nii.gz", centres, image.grid)
    (folder / "labels.json").write_text(json.dumps(labels.classes.tolist()), encoding="utf-8")
    return Samples(
        path,
        image.brain,
        folder / "centres.nii.gz",
        folder / "labels.json",
        len(values),
        int(centres.sum()),
        labels.origin,
    )


def _z_scores(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and SD 1 over time; 0 where nothing varies."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    sd = centred.std(axis=0)
    scores = np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)
    return np.asarray(scores, np.float32)


def _centres(brain: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    """Evenly spaced voxels at the back of the slice that holds most of the brain."""
    z = int(brain.sum(axis=(0, 1)).argmax())
    back = np.zeros_like(brain)
    rows = np.flatnonzero(brain[:, :, z].any(axis=0))
    back[:, : rows[len(rows) // 2] + 1, z] = brain[:, : rows[len(rows) // 2] + 1, z]
    found = np.flatnonzero(back)
    some = np.zeros_like(brain)
    some.flat[found[np.linspace(0, len(found), min(n, len(found)), endpoint=False).astype(int)]] = 1
    return some
