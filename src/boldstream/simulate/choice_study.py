"""Make a study of choices as fMRIPrep leaves it, and note what was planted in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, positive_number
from boldstream.core.errors import ParameterError
from boldstream.simulate.bids import TRUTH, claim_folder, write_pretty
from boldstream.simulate.choice_files import (
    DERIVATIVES,
    write_brain,
    write_descriptions,
    write_masks_of,
    write_run,
)
from boldstream.simulate.choice_signal import Pattern, make_run
from boldstream.simulate.choices import VALUE_MEAN, VALUE_SD, Choices, make_agent, make_choices
from boldstream.simulate.head import Head, make_head
from boldstream.simulate.task import TaskBlock, expected_response

Floats = NDArray[np.float64]

CHOICE_REGION, VALUE_REGION = "striatum", "vmpfc"

# Centres from −1 to 1 over the brain: left to right, back to front, bottom to top.
_CENTRES = {
    "vmpfc": (0.0, 0.6, -0.3),
    "striatum": (0.0, -0.02, 0.02),
    "motor": (-0.4, -0.1, 0.55),
    "visual": (0.0, -0.65, -0.15),
    "auditory": (0.65, 0.05, -0.1),
}
# Of the brain's.
_RADIUS = 0.3
# Where every trial has the same response, whatever is chosen.
_RESPONDING = ("vmpfc", "striatum", "motor", "visual")
_TRIAL_SECONDS = 2.0
# From onset to onset.
_SHORTEST_GAP = 4.0
# Before the first trial, and after the last one for its response.
_LEAD_SECONDS, _TAIL_SECONDS = 6.0, 16.0


@dataclass(frozen=True, slots=True)
class ChoiceStudyDesign:
    """What a made-up study of choices is like.

    Attributes
    ----------
    n_subjects, n_runs : int
        Subjects, and runs of each.
    n_trials : int
        Trials of each run.
    spacing : float
        Mean seconds from onset to onset, of at least 4.
    t_r : float
        Repetition time in seconds.
    shape : tuple of int
        Voxels along x, y, z; each of 3.5 mm.
    choice_change, value_change : float
        How much a voxel changes with what is chosen, and with the value by one
        standard deviation of it, as a share of the brightness at rest.
    trial_change : float
        How much it responds to any trial.
    seed : int
        The same design makes the same study.
    """

    n_subjects: int = 4
    n_runs: int = 2
    n_trials: int = 40
    spacing: float = 8.0
    t_r: float = 2.0
    shape: tuple[int, int, int] = (24, 28, 24)
    choice_change: float = 0.006
    value_change: float = 0.015
    trial_change: float = 0.005
    seed: int = 0

    @property
    def n_volumes(self) -> int:
        """Volumes of each run."""
        between = self.spacing * (self.n_trials - 1)
        return int(np.ceil((_LEAD_SECONDS + between + _TAIL_SECONDS) / self.t_r))


@dataclass(frozen=True)
class ChoiceTruth:
    """What an analysis of the study should find.

    Attributes
    ----------
    regions : tuple of str
        All of them.
    choice, value : tuple of str
        Those whose patterns carry what is chosen, and the value of the delayed
        amount; the others carry neither.
    log_k, inverse_temperature : mapping of str to float
        Of each subject, by label.
    """

    regions: tuple[str, ...]
    choice: tuple[str, ...]
    value: tuple[str, ...]
    log_k: Mapping[str, float]
    inverse_temperature: Mapping[str, float]


def make_choice_study(
    folder: str | os.PathLike[str], design: ChoiceStudyDesign | None = None
) -> ChoiceTruth:
    """Write a study in BIDS layout, preprocessed as by fMRIPrep, with masks of regions.

    Subjects choose between an amount now and a larger one later. In one region
    the pattern over voxels says what was chosen, and its mean does not; in
    another one a pattern grows with the subjective value. Offers lie
    around each subject's points of indifference, so that choice and value are
    all but independent.

    Parameters
    ----------
    folder : path
        New or empty.
    design : ChoiceStudyDesign, optional

    Returns
    -------
    ChoiceTruth
        Also written to ``truth.json``.

    Raises
    ------
    OutputExistsError
        The folder holds something already.
    ParameterError
        The design has a value that makes no study.

    Examples
    --------
    >>> import tempfile
    >>> design = ChoiceStudyDesign(n_subjects=1, n_runs=1, n_trials=6, shape=(16, 18, 16))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_choice_study(folder, design)
    ...     masks = sorted(path.name for path in Path(folder, "masks").iterdir())
    >>> truth.choice, truth.value, masks[:2]
    (('striatum',), ('vmpfc',), ['auditory.nii.gz', 'motor.nii.gz'])
    """
    root, design = Path(folder), design or ChoiceStudyDesign()
    _check(design)
    head = make_head(design.shape, voxel_size=3.5, seed=design.seed)
    regions = _make_regions(head)
    subjects = [f"{number:02d}" for number in range(1, design.n_subjects + 1)]
    # Runs count from 1.
    random = [np.random.default_rng([design.seed, i + 1, 0]) for i in range(design.n_subjects)]
    agents = {subject: make_agent(rng) for subject, rng in zip(subjects, random, strict=True)}
    truth = ChoiceTruth(
        tuple(regions),
        (CHOICE_REGION,),
        (VALUE_REGION,),
        {subject: agent.log_k for subject, agent in agents.items()},
        {subject: agent.inverse_temperature for subject, agent in agents.items()},
    )
    claim_folder(root)
    (root / DERIVATIVES).mkdir(parents=True)
    write_descriptions(root, subjects, design.t_r)
    write_masks_of(root, head, regions)
    for number, (subject, agent) in enumerate(agents.items(), start=1):
        write_brain(root, head, subject)
        patterns = _draw_weights(head, regions, random[number - 1])
        for run in range(1, design.n_runs + 1):
            rng = np.random.default_rng([design.seed, number, run])
            choices = make_choices(agent, design.n_trials, rng)
            onsets = _onsets(design, rng)
            planted = _plant(patterns, _responses(onsets, design), choices, design)
            made = make_run(len(head.rows), design.n_volumes, design.t_r, planted, rng)
            write_run(
                root,
                head,
                subject,
                run,
                onsets=onsets,
                duration=_TRIAL_SECONDS,
                choices=choices,
                made=made,
                t_r=design.t_r,
            )
    write_pretty(root / TRUTH, asdict(truth))
    return truth


def read_choice_truth(folder: str | os.PathLike[str]) -> ChoiceTruth:
    """Read what was planted in a made-up study, to compare a finding with.

    Parameters
    ----------
    folder : path
        As given to `make_choice_study`.
    """
    noted = json.loads((Path(folder) / TRUTH).read_text(encoding="utf-8"))
    return ChoiceTruth(
        tuple(noted["regions"]),
        tuple(noted["choice"]),
        tuple(noted["value"]),
        noted["log_k"],
        noted["inverse_temperature"],
    )


def _check(design: ChoiceStudyDesign) -> None:
    integer_in("n_subjects", design.n_subjects, 1)
    integer_in("n_runs", design.n_runs, 1)
    integer_in("n_trials", design.n_trials, 4)
    positive_number("t_r", design.t_r, unit="s")
    if positive_number("spacing", design.spacing, unit="s") < _SHORTEST_GAP:
        raise ParameterError(
            f"`spacing` must be at least {_SHORTEST_GAP:g} s, got {design.spacing:g} s"
        )
    if min(design.shape) < 12:
        raise ParameterError(
            f"`shape` must be at least 12 voxels along each axis, got {design.shape}"
        )
    for name in ("choice_change", "value_change", "trial_change"):
        positive_number(name, getattr(design, name))


def _make_regions(head: Head) -> dict[str, NDArray[np.bool_]]:
    """Balls of the brain by name, as masks."""
    voxels = np.argwhere(head.brain)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    places = (voxels - (low + high) / 2) / ((high - low + 1) / 2)
    places *= np.sign(np.diag(head.grid.affine)[:3])
    regions = {}
    for name, centre in _CENTRES.items():
        regions[name] = np.zeros(head.grid.shape, np.bool_)
        regions[name][head.brain] = ((places - centre) ** 2).sum(axis=1) <= _RADIUS**2
    return regions


def _onsets(design: ChoiceStudyDesign, rng: np.random.Generator) -> Floats:
    """Seconds from the first volume, of each trial."""
    # Long pauses among short ones: without any, the response to all trials together would
    # look like the baseline, and betas of a run would share a large error.
    gaps = rng.exponential(size=design.n_trials - 1)
    gaps *= (design.spacing - _SHORTEST_GAP) / gaps.mean()
    gaps += _SHORTEST_GAP
    return np.asarray(np.round(_LEAD_SECONDS + np.cumsum([0.0, *gaps]), 3), np.float64)


def _responses(onsets: Floats, design: ChoiceStudyDesign) -> Floats:
    """Expected response to each trial, (trials, volumes)."""
    blocks = [TaskBlock(float(onset), _TRIAL_SECONDS) for onset in onsets]
    return np.stack([expected_response([b], design.n_volumes, design.t_r) for b in blocks])


def _draw_weights(
    head: Head, regions: Mapping[str, NDArray[np.bool_]], rng: np.random.Generator
) -> dict[str, tuple[NDArray[np.intp], Floats]]:
    """Voxels of each region among those of the brain, and weights of what it carries."""
    inside = head.rows
    drawn = {}
    for name, where in regions.items():
        voxels = np.flatnonzero(where.ravel(order="F")[inside])
        # As many voxels go up as go down: the mean says nothing.
        weights = rng.permutation(np.resize([1.0, -1.0], len(voxels)))
        if name == VALUE_REGION:
            weights *= rng.uniform(0.5, 1.5, len(voxels))
        drawn[name] = voxels, weights - weights.mean()
    return drawn


def _plant(
    drawn: Mapping[str, tuple[NDArray[np.intp], Floats]],
    responses: Floats,
    choices: Choices,
    design: ChoiceStudyDesign,
) -> list[Pattern]:
    """Everything that is to be found in a run."""
    value = (choices.value - VALUE_MEAN) / VALUE_SD
    courses = {
        CHOICE_REGION: design.choice_change * np.where(choices.delayed, 1.0, -1.0) @ responses,
        VALUE_REGION: design.value_change * value @ responses,
    }
    every = design.trial_change * responses.sum(axis=0)
    planted = [Pattern(*drawn[name], course) for name, course in courses.items()]
    for name in _RESPONDING:
        voxels = drawn[name][0]
        planted.append(Pattern(voxels, np.ones(len(voxels)), every))
    return planted
