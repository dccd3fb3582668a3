"""Voxels of a run with patterns in some regions, and the confounds that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# As shares of the brightness at rest: noise of one voxel, what motion, breathing and drift add.
_NOISE, _MOTION, _BREATHING, _DRIFT = 0.01, 0.003, 0.002, 0.005
_AUTOCORRELATION = 0.35
# Of a step between two volumes, in mm and in radians.
_STEP_MM, _STEP_RADIANS = 0.03, 0.0006
_HEAD_RADIUS_MM = 50.0
_MOTION_NAMES = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
# Longest period in seconds of slow changes that fMRIPrep's cosines take out.
_SLOW_SECONDS = 128.0


@dataclass(frozen=True, eq=False)
class Pattern:
    """A change that has the same course in some voxels, each by a weight of its own.

    Attributes
    ----------
    voxels : ndarray of int
        Positions among the voxels of the brain.
    weights : ndarray, shape (voxels,)
    course : ndarray, shape (volumes,)
        As a share of the brightness at rest.
    """

    voxels: NDArray[np.intp]
    weights: Floats
    course: Floats


@dataclass(frozen=True, eq=False)
class Run:
    """What is written of a run.

    Attributes
    ----------
    change : ndarray of float32, shape (volumes, voxels)
        Of the brain, as a share of the brightness at rest.
    confounds : mapping of str to ndarray, shape (volumes,)
        By their names in fMRIPrep's tables; NaN where a volume has none.
    """

    change: NDArray[np.float32]
    confounds: Mapping[str, Floats]


def make_run(
    n_voxels: int,
    n_volumes: int,
    t_r: float,
    patterns: Sequence[Pattern],
    rng: np.random.Generator,
) -> Run:
    """Make noise with an autocorrelation, drift, motion and breathing, and add patterns.

    It is held in memory: volumes × voxels × 12 bytes at its peak.

    Parameters
    ----------
    n_voxels, n_volumes : int
    t_r : float
        Repetition time in seconds.
    patterns : sequence of Pattern
    rng : numpy.random.Generator

    Examples
    --------
    >>> run = make_run(10, 40, 2.0, [], np.random.default_rng(0))
    >>> run.change.shape, len(run.confounds["trans_x"])
    ((40, 10), 40)
    """
    motion = _make_motion(n_volumes, rng)
    breathing = _autocorrelated(rng.standard_normal((n_volumes, 1))).astype(np.float64)
    time = np.linspace(-1.0, 1.0, n_volumes)
    slow = np.stack([time, 1.5 * time**2 - 0.5], axis=1)
    change = _autocorrelated(rng.standard_normal((n_volumes, n_voxels), np.float32))
    change *= _NOISE
    for courses, size in ((slow, _DRIFT), (motion / motion.std(axis=0), _MOTION)):
        loadings = rng.normal(0, size / np.sqrt(courses.shape[1]), (courses.shape[1], n_voxels))
        change += (courses @ loadings).astype(np.float32)
    change += (_BREATHING * breathing).astype(np.float32)
    for pattern in patterns:
        change[:, pattern.voxels] += np.outer(pattern.course, pattern.weights).astype(np.float32)
    return Run(change, _confounds(change, motion, breathing[:, 0], t_r, rng))


def _make_motion(n_volumes: int, rng: np.random.Generator) -> Floats:
    """Six parameters that walk at random (volumes, 6): mm, then radians."""
    steps = rng.standard_normal((n_volumes, 6)) * ([_STEP_MM] * 3 + [_STEP_RADIANS] * 3)
    steps[0] = 0
    return np.asarray(np.cumsum(steps, axis=0), np.float64)


def _autocorrelated(noise: NDArray[np.floating]) -> NDArray[np.floating]:
    """AR(1) with the variance of the white noise given, in its place."""
    fresh = np.sqrt(1 - _AUTOCORRELATION**2).astype(noise.dtype)
    for t in range(1, len(noise)):
        noise[t] *= fresh
        noise[t] += np.float32(_AUTOCORRELATION) * noise[t - 1]
    return noise


def _confounds(
    change: NDArray[np.float32],
    motion: Floats,
    breathing: Floats,
    t_r: float,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """What fMRIPrep's table would hold."""
    n_volumes = len(change)
    steps = np.abs(np.diff(motion, axis=0)) * ([1.0] * 3 + [_HEAD_RADIUS_MM] * 3)
    dvars = np.sqrt((np.diff(change, axis=0) ** 2).mean(axis=1, dtype=np.float64))
    expanded = {"global_signal": change.mean(axis=1, dtype=np.float64)}
    for name in ("csf", "white_matter"):
        expanded[name] = _BREATHING * (breathing + 0.2 * rng.standard_normal(n_volumes))
    expanded |= dict(zip(_MOTION_NAMES, motion.T, strict=True))
    table: dict[str, Floats] = {}
    for name, course in expanded.items():
        derivative = _after_first(np.diff(course))
        table[name], table[f"{name}_derivative1"] = course, derivative
        table[f"{name}_power2"] = course**2
        table[f"{name}_derivative1_power2"] = derivative**2
    table["dvars"] = _after_first(dvars)
    table["std_dvars"] = _after_first(dvars / np.median(dvars))
    table["framewise_displacement"] = _after_first(steps.sum(axis=1))
    n_cosines = int(2 * n_volumes * t_r / _SLOW_SECONDS)
    for order in range(1, n_cosines + 1):
        angle = np.pi * order * (np.arange(n_volumes) + 0.5) / n_volumes
        table[f"cosine{order - 1:02d}"] = np.sqrt(2 / n_volumes) * np.cos(angle)
    return table


def _after_first(values: Floats) -> Floats:
    """The first volume has no volume before it."""
    return np.concatenate([[np.nan], values])
