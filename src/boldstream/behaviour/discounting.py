"""How a subject discounts: the parameters, and the values that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from boldstream.behaviour.likelihood import p_of_delayed, subjective_value
from boldstream.behaviour.offers import checked_amounts, checked_delays


@dataclass(frozen=True)
class Discounting:
    """How a subject discounts delayed amounts; `fit_discounting` makes it.

    Attributes
    ----------
    log_k : float
        Natural logarithm of k, which is in 1 / unit of the delays. NaN, as are all
        estimates, where no trial has a choice.
    inverse_temperature : float
        β, in 1 / unit of the amounts: 0 is choosing at random.
    log_k_se, inverse_temperature_se : float
        Standard errors from the curvature of the likelihood. NaN where a
        parameter lies on a bound, or the likelihood is flat.
    log_likelihood : float
        Natural logarithm.
    n_trials, n_missing : int
        All trials, and those of them without a choice, which are left out.
    at_bound : tuple of str
        Which of ``"log_k"`` and ``"inverse_temperature"`` lie on a bound.
    reason : str
        Why the choices do not tell the parameters; empty if they do.
    log_k_bounds, inverse_temperature_bounds : tuple of float
        Between which the maximum was looked for.
    """

    log_k: float
    inverse_temperature: float
    log_k_se: float
    inverse_temperature_se: float
    log_likelihood: float
    n_trials: int
    n_missing: int
    at_bound: tuple[str, ...]
    reason: str
    log_k_bounds: tuple[float, float]
    inverse_temperature_bounds: tuple[float, float]

    @property
    def k(self) -> float:
        """Rate of discounting: an amount is worth half after a delay of 1 / k."""
        return math.exp(self.log_k)

    @property
    def identifiable(self) -> bool:
        """Whether the choices tell the parameters; `reason` says why not."""
        return not self.reason

    @property
    def null_log_likelihood(self) -> float:
        """Of choices at random, which is the model with β = 0."""
        return (self.n_trials - self.n_missing) * math.log(0.5)

    @property
    def mcfadden_r2(self) -> float:
        """McFadden's R², 1 - log-likelihood / that of choices at random."""
        null = self.null_log_likelihood
        return 1 - self.log_likelihood / null if null else math.nan

    @property
    def aic(self) -> float:
        """Akaike's criterion, with 2 parameters."""
        return 4 - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian criterion (Schwarz), with 2 parameters."""
        n_fitted = self.n_trials - self.n_missing
        return 2 * math.log(n_fitted) - 2 * self.log_likelihood if n_fitted else math.nan

    def subjective_value(self, amount: Any, delay: Any) -> Any:
        """Value of amounts after delays, V = A / (1 + kD).

        Parameters
        ----------
        amount, delay : float or array of float
            In the units of the trials that were fitted; NaN gives NaN.

        Returns
        -------
        float or ndarray of float64
            In the unit of the amounts.

        Raises
        ------
        ParameterError
            If an amount is not positive, or a delay negative.
        """
        amounts, delays = checked_amounts("amount", amount), checked_delays("delay", delay)
        return subjective_value(self.log_k, amounts, delays)[()]

    def p_delayed(self, delayed_amount: Any, delay: Any, immediate_amount: Any) -> Any:
        """Return the probability that delayed amounts are chosen, 1 / (1 + exp(-β (V - A_now))).

        Parameters
        ----------
        delayed_amount, delay, immediate_amount : float or array of float
            In the units of the trials that were fitted; NaN gives NaN.

        Returns
        -------
        float or ndarray of float64

        Raises
        ------
        ParameterError
            If an amount is not positive, or a delay negative.
        """
        value = self.subjective_value(delayed_amount, delay)
        gain = value - checked_amounts("immediate_amount", immediate_amount)
        return p_of_delayed(self.inverse_temperature, gain)[()]
