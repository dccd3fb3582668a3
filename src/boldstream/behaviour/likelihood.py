"""The likelihood of choices between an amount now and one later.

V = A / (1 + kD) is the subjective value of an amount A after a delay D, and
P = 1 / (1 + exp(-β (V - A_now))) the probability that it is chosen. In log k
and log β, both without a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Choices:
    """Trials with a choice.

    Attributes
    ----------
    delayed : ndarray of bool, shape (n_trials,)
        Whether the delayed amount was chosen.
    delayed_amount, immediate_amount : ndarray of float64, shape (n_trials,)
    log_delay : ndarray of float64, shape (n_trials,)
        -inf where there is no delay.
    """

    delayed: NDArray[np.bool_]
    delayed_amount: Floats
    log_delay: Floats
    immediate_amount: Floats

    @property
    def sign(self) -> Floats:
        """1 where the delayed amount was chosen, -1 elsewhere."""
        return np.where(self.delayed, 1.0, -1.0)


def discount(log_k: Floats | float, log_delay: Floats) -> Floats:
    """1 / (1 + kD), which cannot overflow: the logistic function of -(log k + log D)."""
    return np.asarray(expit(-(log_k + log_delay)), np.float64)


def log_of_delay(delay: Floats) -> Floats:
    """Return the logarithm, -inf where there is no delay."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(delay), np.float64)


def subjective_value(log_k: Floats | float, amount: Floats, delay: Floats) -> Floats:
    """V = A / (1 + kD)."""
    return amount * discount(log_k, log_of_delay(delay))


def p_of_delayed(inverse_temperature: Floats | float, difference: Floats) -> Floats:
    """Probability of choosing the delayed amount, from its value less the immediate amount."""
    return np.asarray(expit(inverse_temperature * difference), np.float64)


def on_grid(trials: Choices, log_k: Floats, log_beta: Floats) -> Floats:
    """Log-likelihood at every pair, shape (n_log_k, n_log_beta).

    Works in the memory of n_log_k × n_trials numbers, a β at a time.
    """
    values = trials.delayed_amount * discount(log_k[:, np.newaxis], trials.log_delay)
    margin = trials.sign * (values - trials.immediate_amount)
    columns = [log_expit(beta * margin).sum(axis=1) for beta in np.exp(log_beta)]
    return np.stack(columns, axis=1)


def log_likelihood(trials: Choices, point: Floats) -> tuple[float, Floats]:
    """Log-likelihood at (log k, log β), and its gradient."""
    beta = np.exp(point[1])
    share = discount(point[0], trials.log_delay)
    margin = beta * trials.sign * (trials.delayed_amount * share - trials.immediate_amount)
    by_log_k = -beta * trials.sign * trials.delayed_amount * share * (1 - share)
    # The derivative of log P by the margin is the probability of the other choice.
    other = expit(-margin)
    gradient = np.array([other @ by_log_k, other @ margin])
    return float(log_expit(margin).sum()), gradient


def hessian(trials: Choices, point: Floats) -> Floats:
    """Second derivatives of the log-likelihood by (log k, log β), shape (2, 2)."""
    beta = np.exp(point[1])
    share = discount(point[0], trials.log_delay)
    margin = beta * trials.sign * (trials.delayed_amount * share - trials.immediate_amount)
    by_log_k = -beta * trials.sign * trials.delayed_amount * share * (1 - share)
    twice = by_log_k * (2 * share - 1)
    other = expit(-margin)
    first = np.stack([by_log_k, margin])
    mixed = other @ by_log_k
    second = np.array([[other @ twice, mixed], [mixed, other @ margin]])
    return np.asarray(second - (first * other * expit(margin)) @ first.T, np.float64)


def log_indifference(trials: Choices) -> Floats:
    """Log of the k at which both amounts are worth the same, shape (n_trials,).

    With a larger k the immediate amount is worth more. -inf where that holds
    for every k, inf where it holds for none, and NaN where both amounts are
    equal and there is no delay.
    """
    gain = trials.delayed_amount - trials.immediate_amount
    with np.errstate(divide="ignore", invalid="ignore"):
        log_gain = np.log(np.maximum(gain, 0)) - np.log(trials.immediate_amount)
        out = log_gain - trials.log_delay
    return np.where(gain < 0, -np.inf, out)
