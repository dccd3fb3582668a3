"""What trial betas are compared with: a design of nilearn for each trial, and its refit."""

from __future__ import annotations

import warnings
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from nilearn.glm.first_level import make_first_level_design_matrix
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def made_up_events(
    rng: np.random.Generator,
    n_trials: int,
    seconds: float,
    durations: tuple[float, ...] = (0.0, 1.0, 2.5, 40.0),
) -> pd.DataFrame:
    """Overlapping events of three conditions, from before the run on."""
    return pd.DataFrame(
        {
            "onset": np.sort(rng.uniform(-10, seconds - 8, n_trials)),
            "duration": rng.choice(durations, n_trials),
            "trial_type": rng.choice(["face", "house", "chair"], n_trials),
            "modulation": rng.normal(1, 0.3, n_trials),
            "response_time": rng.uniform(0.3, 2, n_trials),
        }
    )


def design_of_trial(
    events: pd.DataFrame, row: int, frames: Floats, others: str, **how: Any
) -> tuple[Floats, int]:
    """nilearn's design with a trial under a name of its own, and its column."""
    named = events.copy()
    if others == "all":
        named["trial_type"] = "others"
    named.loc[row, "trial_type"] = "this one"
    design = quietly(frames, named, **how)
    first = next(i for i, name in enumerate(design) if name.startswith("this one"))
    return design.to_numpy(), first


def refit_lss(
    events: pd.DataFrame, frames: Floats, others: str, kept: Any = slice(None), **how: Any
) -> Floats:
    """Weights of each trial, from the pseudo-inverse of its own design."""
    weights = []
    for row in range(len(events)):
        design, column = design_of_trial(events, row, frames, others, **how)
        weights.append(pseudo_inverse(design[kept])[column])
    return np.array(weights)


def design_of_all(
    events: pd.DataFrame, frames: Floats, **how: Any
) -> tuple[Floats, list[int], list[int]]:
    """nilearn's design of all trials, their first columns, and those of trials at all."""
    named = events.copy()
    named["trial_type"] = [f"trial {row:04d}" for row in range(len(events))]
    design = quietly(frames, named, **how)
    of_trials = [i for i, name in enumerate(design) if name.startswith("trial ")]
    per_trial = len(of_trials) // len(events)
    return design.to_numpy(), of_trials[::per_trial], of_trials


def refit_lsa(events: pd.DataFrame, frames: Floats, kept: Any = slice(None), **how: Any) -> Floats:
    """Weights of all trials, from the pseudo-inverse of one design."""
    design, first, _ = design_of_all(events, frames, **how)
    return pseudo_inverse(design[kept])[first]


def quietly(frames: Floats, events: pd.DataFrame, **how: Any) -> pd.DataFrame:
    """nilearn's design without its warnings of null durations and further columns.

    And without what it adds to the singular values of singular designs, which
    would make trials that coincide differ.
    """
    as_it_is = mock.patch(
        "nilearn.glm.first_level.design_matrix.full_rank", lambda design: (design, None)
    )
    with warnings.catch_warnings(), as_it_is:
        warnings.simplefilter("ignore")
        return make_first_level_design_matrix(frames, events, **how)


def pseudo_inverse(design: Floats) -> Floats:
    """Of a design whose columns are of one length: confounds of 1e4 would cost digits."""
    sizes = np.linalg.norm(design, axis=0)
    return np.asarray(np.linalg.pinv(design / sizes, rcond=1e-10) / sizes[:, None])


def off(got: Floats, expected: Floats) -> float:
    """Largest difference, relative to the largest value of each row."""
    return float((np.abs(got - expected).max(axis=1) / np.abs(expected).max(axis=1)).max())
