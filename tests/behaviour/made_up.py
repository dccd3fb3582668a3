"""Made-up choices, and the likelihood written down as in the papers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Subject:
    """Choices of a subject; attributes are the arguments of `fit_discounting`."""

    choice: Floats
    delayed_amount: Floats
    delay: Floats
    immediate_amount: Floats

    @property
    def arguments(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.choice, self.delayed_amount, self.delay, self.immediate_amount

    def with_choice(self, choice: Any) -> Subject:
        return Subject(choice, self.delayed_amount, self.delay, self.immediate_amount)

    def frame(self, **columns: Any) -> pd.DataFrame:
        names = ("choice", "delayed_amount", "delay", "immediate_amount")
        return pd.DataFrame({**columns, **dict(zip(names, self.arguments, strict=True))})


def make_subject(
    rng: np.random.Generator, n_trials: int = 120, log_k: float = -4.0, beta: float = 0.4
) -> Subject:
    """A subject who chooses by the model."""
    immediate = rng.uniform(10, 40, n_trials).round(1)
    amount = (immediate * rng.uniform(1.05, 3, n_trials)).round(1)
    delay = rng.choice([1.0, 4, 7, 14, 30, 60, 90, 180], n_trials)
    value = amount / (1 + math.exp(log_k) * delay)
    p_delayed = 1 / (1 + np.exp(np.clip(-beta * (value - immediate), -700, 700)))
    choice = (rng.random(n_trials) < p_delayed).astype(float)
    return Subject(choice, amount, delay, immediate)


def naive_log_likelihood(subject: Subject, log_k: float, beta: float) -> float:
    """A trial at a time."""
    total = 0.0
    for choice, amount, delay, immediate in zip(*subject.arguments, strict=True):
        value = amount / (1 + math.exp(log_k) * delay)
        gain = value - immediate if choice == 1 else immediate - value
        total += math.log(1 / (1 + math.exp(-beta * gain)))
    return total


def quick_log_likelihood(subject: Subject, log_k: float, beta: float) -> float:
    """The same with arrays, for optimisers that ask often."""
    choice, amount, delay, immediate = subject.arguments
    gain = amount / (1 + np.exp(log_k) * delay) - immediate
    signed = np.where(choice == 1, 1.0, -1.0) * beta * gain
    return float(-np.logaddexp(0, -signed).sum())
