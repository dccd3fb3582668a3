"""Scores of spheres under permutation, made up."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.tally import Tally

MASK = np.ones((7, 8, 6), bool)
MASK[0, :3] = False
MASK[3, 4, 2] = False


def smooth_scores(rng: np.random.Generator, n_permutations: int = 39) -> np.ndarray:
    """Scores (voxels, 1 + n_permutations) about 0.5, of few values, with one place of effect."""
    volumes = rng.standard_normal((1 + n_permutations, *MASK.shape))
    volumes = ndimage.gaussian_filter(volumes, (0, 1, 1, 1))
    volumes /= volumes.std()
    volumes[0, 4:6, 1:4, 1:4] += 6
    return np.asarray(np.round(0.5 + 0.1 * volumes, 2)[:, MASK].T)


def tallied(means: np.ndarray, *, block: int = 50, **finish: Any) -> Inference:
    with Tally(len(means), means.shape[1] - 1, keep_maps=True, memory_bytes=1 << 30) as tally:
        for start in range(0, len(means), block):
            tally.put(start, means[start : start + block])
        return tally.finish(chance=0.5, adjacency=adjacency_of(MASK), **finish)
