"""What a design of trials is made with, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from nilearn.glm.first_level import make_first_level_design_matrix
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, number_in, one_of, positive_number
from boldstream.core.errors import ParameterError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """When volumes are taken, and how finely events are sampled between them.

    Attributes
    ----------
    n_volumes : int
    t_r : float
        Seconds.
    slice_time_ref : float
        Share of the TR after which a volume counts as taken, 0 to 1.
    min_onset : float
        Seconds relative to the first volume, 0 or less: the earliest onset.
    oversampling : int
        Points of the fine grid in a TR.
    """

    n_volumes: int
    t_r: float
    slice_time_ref: float
    min_onset: float
    oversampling: int

    def __post_init__(self) -> None:
        integer_in("n_volumes", self.n_volumes, 2)
        positive_number("t_r", self.t_r, unit="s")
        number_in("slice_time_ref", self.slice_time_ref, 0, 1)
        number_in("min_onset", self.min_onset, -math.inf, 0)
        integer_in("oversampling", self.oversampling, 1)

    @property
    def frames(self) -> Floats:
        """Times of the volumes in seconds, to the last digit as nilearn's FirstLevelModel."""
        first = self.slice_time_ref * self.t_r
        last = (self.n_volumes - 1 + self.slice_time_ref) * self.t_r
        return np.linspace(first, last, self.n_volumes)


@dataclass(frozen=True)
class Drift:
    """Slow changes that every model takes in, as nilearn makes them.

    Attributes
    ----------
    model : {"cosine", "polynomial", None}
    high_pass : float
        Hz, of cosines.
    order : int
        Of polynomials.
    """

    model: str | None
    high_pass: float
    order: int

    def __post_init__(self) -> None:
        if self.model is not None:
            one_of("drift_model", self.model, ("cosine", "polynomial"))
        number_in("high_pass", self.high_pass, 0, math.inf)
        integer_in("drift_order", self.order, 0)

    def columns(self, frames: Floats) -> Floats:
        """Drift and constant at the frames, (volumes, n)."""
        design = make_first_level_design_matrix(
            frames, drift_model=self.model, high_pass=self.high_pass, drift_order=self.order
        )
        return np.asarray(design.to_numpy(), dtype=np.float64)


@dataclass(frozen=True)
class Estimation:
    """How betas are estimated.

    Attributes
    ----------
    method : {"lss", "lsa"}
    others : {"condition", "all"}
        What the other events share a regressor by; of "lss".
    penalty : float
        Of "lsa".
    unestimable : {"raise", "exclude"}
    """

    method: Literal["lss", "lsa"]
    others: Literal["condition", "all"]
    penalty: float
    unestimable: Literal["raise", "exclude"]

    def __post_init__(self) -> None:
        one_of("method", self.method, ("lss", "lsa"))
        one_of("others", self.others, ("condition", "all"))
        one_of("unestimable", self.unestimable, ("raise", "exclude"))
        number_in("penalty", self.penalty, 0, math.inf)
        if self.method == "lss" and self.penalty:
            raise ParameterError(f"`penalty` must be 0 for method 'lss', got {self.penalty!r}")
        if self.method == "lsa" and self.others != "condition":
            raise ParameterError(
                f"`others` must be 'condition' for method 'lsa', got {self.others!r}"
            )
