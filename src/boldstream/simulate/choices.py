"""Made-up choices between an amount now and a larger one later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DELAYED, IMMEDIATE = "delayed", "immediate"

# Of a population with delays in days and amounts of money.
_LOG_K_MEAN, _LOG_K_SD = -4.5, 0.8
_LOG_TEMPERATURE_MEAN, _LOG_TEMPERATURE_SD = -0.4, 0.2
_DELAYS = np.array([7.0, 14.0, 30.0, 60.0, 90.0, 180.0])
_LEAST_VALUE, _MOST_VALUE = 12.0, 40.0
# Values are spread evenly.
VALUE_MEAN, VALUE_SD = (_LEAST_VALUE + _MOST_VALUE) / 2, (_MOST_VALUE - _LEAST_VALUE) / 12**0.5
_LEAST_DIFFERENCE, _MOST_DIFFERENCE = 2.0, 8.0
# Amounts are multiples of it.
_COIN = 0.5
# Response times in seconds: the least, the slope over difficulty, noise, the longest.
_FASTEST, _SLOWING, _RESPONSE_SD, _SLOWEST = 0.6, 0.7, 0.15, 1.95


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone who discounts hyperbolically, V = A / (1 + kD), and chooses by a logistic rule.

    Attributes
    ----------
    log_k : float
        Natural logarithm, with delays in days.
    inverse_temperature : float
    """

    log_k: float
    inverse_temperature: float

    def value(self, amount: Floats, delay: Floats) -> Floats:
        """What a delayed amount is worth now."""
        return np.asarray(amount / (1 + np.exp(self.log_k) * delay), np.float64)

    def p_delayed(self, difference: Floats) -> Floats:
        """Probability of the delayed amount, which is worth so much more than the immediate."""
        return np.asarray(1 / (1 + np.exp(-self.inverse_temperature * difference)), np.float64)


@dataclass(frozen=True, eq=False)
class Choices:
    """Trials of one run, in their order.

    Attributes
    ----------
    delayed_amount, delay, immediate_amount : ndarray, shape (trials,)
        Delays in days.
    value : ndarray, shape (trials,)
        What the delayed amount is worth to the agent.
    delayed : ndarray of bool, shape (trials,)
        Where it was chosen.
    response_time : ndarray, shape (trials,)
        Seconds.
    """

    delayed_amount: Floats
    delay: Floats
    immediate_amount: Floats
    value: Floats
    delayed: NDArray[np.bool_]
    response_time: Floats

    @property
    def names(self) -> list[str]:
        """What was chosen in each trial."""
        return [DELAYED if later else IMMEDIATE for later in self.delayed]


def make_agent(rng: np.random.Generator) -> Agent:
    """Draw someone from a population.

    Examples
    --------
    >>> agent = make_agent(np.random.default_rng(0))
    >>> -7 < agent.log_k < -2, 0.3 < agent.inverse_temperature < 1.5
    (True, True)
    """
    log_k = rng.normal(_LOG_K_MEAN, _LOG_K_SD)
    temperature = rng.normal(_LOG_TEMPERATURE_MEAN, _LOG_TEMPERATURE_SD)
    return Agent(float(log_k), float(np.exp(temperature)))


def make_choices(agent: Agent, n_trials: int, rng: np.random.Generator) -> Choices:
    """Make offers around an agent's points of indifference, and let the agent choose.

    Offers come in pairs of equal value, of which one is worth more and one
    less than the amount now, by the same difference. What is chosen then tells
    next to nothing of the value: a region that carries one does not carry
    the other.

    Parameters
    ----------
    agent : Agent
    n_trials : int
    rng : numpy.random.Generator

    Examples
    --------
    >>> choices = make_choices(Agent(-4.0, 1.0), 20, np.random.default_rng(0))
    >>> len(choices.names), bool((choices.immediate_amount > 0).all())
    (20, True)
    """
    n_pairs = -(-n_trials // 2)
    wanted = rng.permutation(np.linspace(_LEAST_VALUE, _MOST_VALUE, n_pairs)).repeat(2)
    delay = rng.permutation(np.resize(_DELAYS, n_pairs)).repeat(2)
    difference = rng.uniform(_LEAST_DIFFERENCE, _MOST_DIFFERENCE, n_pairs).repeat(2)
    difference[1::2] *= -1
    order = rng.permutation(2 * n_pairs)[:n_trials]
    wanted, delay, difference = wanted[order], delay[order], difference[order]
    amount = _coins(wanted * (1 + np.exp(agent.log_k) * delay))
    value = agent.value(amount, delay)
    immediate = _coins(value - difference)
    p = agent.p_delayed(value - immediate)
    # The harder a choice, the longer it takes.
    seconds = _FASTEST + _SLOWING * 4 * p * (1 - p) + np.abs(rng.normal(0, _RESPONSE_SD, n_trials))
    return Choices(
        delayed_amount=amount,
        delay=delay,
        immediate_amount=immediate,
        value=value,
        delayed=rng.random(n_trials) < p,
        response_time=np.minimum(seconds, _SLOWEST),
    )


def _coins(amount: Floats) -> Floats:
    return np.asarray(np.round(amount / _COIN) * _COIN, np.float64)
