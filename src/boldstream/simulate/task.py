"""A block task and the response to it that is expected in BOLD images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError

# Time steps in one second of the grid on which blocks meet the response.
_STEPS_PER_SECOND = 16
_RESPONSE_SECONDS = 32.0


@dataclass(frozen=True, slots=True)
class TaskBlock:
    """A stretch of task: a row of an events table, in seconds from the first volume.

    Attributes
    ----------
    onset, duration : float
        s.
    """

    onset: float
    duration: float


def task_blocks(n_volumes: int, t_r: float, *, seconds: float = 16.0) -> tuple[TaskBlock, ...]:
    """Alternate rest and task, starting with rest, while whole blocks fit into the run.

    Parameters
    ----------
    n_volumes : int
    t_r : float
        Repetition time in seconds.
    seconds : float
        Length of a block, and of the rest before it.

    Raises
    ------
    ParameterError
        The run is too short for one block.

    Examples
    --------
    >>> task_blocks(40, 2.0)
    (TaskBlock(onset=16.0, duration=16.0), TaskBlock(onset=48.0, duration=16.0))
    """
    n_blocks = int(n_volumes * t_r // (2 * seconds))
    if n_blocks == 0:
        raise ParameterError(
            f"`n_volumes` must cover a rest and a task block of {seconds:g} s each, "
            f"got {n_volumes} volumes of {t_r:g} s"
        )
    return tuple(TaskBlock((2 * i + 1) * seconds, seconds) for i in range(n_blocks))


def expected_response(
    blocks: Sequence[TaskBlock], n_volumes: int, t_r: float
) -> NDArray[np.float64]:
    """Course of the BOLD response to blocks: 0 at rest, about 1 where a long block holds it up.

    The blocks are convolved with the canonical response of SPM: a gamma
    density that peaks after 5 s, less a sixth of one that peaks after 15 s.

    Parameters
    ----------
    blocks : sequence of TaskBlock
    n_volumes : int
    t_r : float
        Repetition time in seconds.

    Returns
    -------
    ndarray, shape (n_volumes,)
        One value at the start of each volume.

    Examples
    --------
    >>> expected_response([TaskBlock(0, 8)], 8, 2.0).round(2)
    array([0.  , 0.02, 0.26, 0.67, 0.97, 1.09, 0.88, 0.46])
    """
    starts = np.arange(n_volumes) * t_r
    steps = np.arange(int(n_volumes * t_r * _STEPS_PER_SECOND) + 1) / _STEPS_PER_SECOND
    active = np.zeros(len(steps))
    for block in blocks:
        active[(steps >= block.onset) & (steps < block.onset + block.duration)] = 1.0
    response = np.convolve(active, _canonical_response())[: len(steps)]
    return np.asarray(np.interp(starts, steps, response))


def _canonical_response() -> NDArray[np.float64]:
    t = np.arange(0.0, _RESPONSE_SECONDS, 1 / _STEPS_PER_SECOND)
    # Gamma densities of shapes 6 and 16: t^(shape - 1) e^-t / (shape - 1)!
    peak = t**5 * np.exp(-t) / 120.0
    undershoot = t**15 * np.exp(-t) / 1_307_674_368_000.0
    response = peak - undershoot / 6.0
    return np.asarray(response / response.sum())
