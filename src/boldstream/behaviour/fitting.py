"""Hyperbolic discounting of one subject, by maximum likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.behaviour.cells import choices, numbers
from boldstream.behaviour.discounting import Discounting
from boldstream.behaviour.identifiability import (
    parameters_at_bound,
    standard_errors,
    why_not_identifiable,
)
from boldstream.behaviour.likelihood import Choices, log_of_delay
from boldstream.behaviour.maximum import (
    Bounds,
    Pair,
    default_inverse_temperature,
    default_log_k,
    maximise,
)
from boldstream.behaviour.offers import Offers, check_complete, read_offers
from boldstream.core.errors import ParameterError

Floats = NDArray[np.float64]

_OFFERS = ("delayed_amount", "delay", "immediate_amount")
_UNKNOWN = (math.nan, math.nan)
# Bounds lie between these, where nothing overflows.
_LOG_K, _INVERSE_TEMPERATURE = (-700.0, 700.0), (0.0, 1e100)


def fit_discounting(
    choice: Any,
    delayed_amount: Any,
    delay: Any,
    immediate_amount: Any,
    *,
    log_k_bounds: Pair | None = None,
    inverse_temperature_bounds: Pair | None = None,
) -> Discounting:
    """Fit hyperbolic discounting with a logistic choice rule to the choices of a subject.

    An amount A after a delay D is worth V = A / (1 + kD), and is chosen with
    the probability 1 / (1 + exp(-β (V - A_now))). Log k and β are those of the
    largest likelihood, found together.

    Parameters
    ----------
    choice : array-like, shape (n_trials,)
        1, true, "delayed" or "later" where the delayed amount was chosen, 0, false,
        "immediate" or "now" where it was not. Trials where it is missing (None,
        NaN, "n/a" or empty) are left out.
    delayed_amount : array-like of float, shape (n_trials,)
    delay : array-like of float, shape (n_trials,)
        Until the delayed amount, in any unit; 0 is none.
    immediate_amount : float or array-like of float, shape (n_trials,)
        In the unit of the delayed amounts. One number is that of all trials.
    log_k_bounds : tuple of float, optional
        By default a hundred times beyond the smallest and the largest k at
        which both amounts of a trial are worth the same.
    inverse_temperature_bounds : tuple of float, optional
        Above 0; by default 0.01 to 10 000, divided by the median delayed amount.

    Returns
    -------
    Discounting

    Raises
    ------
    ParameterError
        If a choice has another label, an amount is not positive, a delay
        negative, one of them missing where there is a choice, lengths differ,
        or bounds are not two increasing numbers.

    References
    ----------
    J. E. Mazur, "An adjusting procedure for studying delayed reinforcement",
    in Quantitative Analyses of Behavior 5, 1987.
    K. N. Kirby, N. M. Petry and W. K. Bickel, "Heroin addicts have higher
    discount rates for delayed rewards than non-drug-using controls", Journal of
    Experimental Psychology: General 128, 1999.
    D. McFadden, "Conditional logit analysis of qualitative choice behavior", in
    Frontiers in Econometrics, 1974.

    Examples
    --------
    >>> fit = fit_discounting(
    ...     choice=["later", "later", "now", "later", "now", "later", "n/a", "now"],
    ...     delayed_amount=[40, 35, 25, 60, 30, 45, 25, 35],
    ...     delay=[10, 20, 60, 90, 120, 60, 7, 30],
    ...     immediate_amount=20,
    ... )
    >>> round(fit.k, 4), round(fit.inverse_temperature, 3), fit.n_missing
    (0.017, 0.392, 1)
    >>> fit.identifiable
    True
    >>> print(f"{fit.subjective_value(40, 30):.1f}")
    26.5
    """
    chosen = choices("choice", choice)
    amounts = (delayed_amount, delay, immediate_amount)
    offers = read_offers(*amounts, n_trials=len(chosen), names=_OFFERS)
    check_complete(offers, ~np.isnan(chosen), _OFFERS)
    return fit_offers(chosen, offers, log_k_bounds, inverse_temperature_bounds)


def fit_offers(
    chosen: Floats,
    offers: Offers,
    log_k_bounds: Pair | None,
    inverse_temperature_bounds: Pair | None,
) -> Discounting:
    """Fit choices (1, 0, or NaN where there is none) between complete offers."""
    log_k = _checked_bounds("log_k_bounds", log_k_bounds, _LOG_K)
    beta = _checked_bounds(
        "inverse_temperature_bounds", inverse_temperature_bounds, _INVERSE_TEMPERATURE
    )
    there = ~np.isnan(chosen)
    if not there.any():
        return _nothing(len(chosen), log_k or _UNKNOWN, beta or _UNKNOWN)
    amount, delay, immediate = offers.of(there).by_position
    trials = Choices(chosen[there] == 1, amount, log_of_delay(delay), immediate)
    bounds = Bounds(log_k or default_log_k(trials), beta or default_inverse_temperature(trials))
    return _fit(trials, len(chosen), bounds)


def _fit(trials: Choices, n_trials: int, bounds: Bounds) -> Discounting:
    point, height = maximise(trials, bounds)
    errors = standard_errors(trials, point, bounds)
    return Discounting(
        log_k=float(point[0]),
        inverse_temperature=float(np.exp(point[1])),
        log_k_se=float(errors[0]),
        inverse_temperature_se=float(errors[1]),
        log_likelihood=height,
        n_trials=n_trials,
        n_missing=n_trials - len(trials.delayed),
        at_bound=tuple(parameters_at_bound(point, bounds)),
        reason=why_not_identifiable(trials, point, height, errors, bounds),
        log_k_bounds=bounds.log_k,
        inverse_temperature_bounds=bounds.inverse_temperature,
    )


def _nothing(n_trials: int, log_k_bounds: Pair, inverse_temperature_bounds: Pair) -> Discounting:
    """What is known of a subject without a choice."""
    return Discounting(
        log_k=math.nan,
        inverse_temperature=math.nan,
        log_k_se=math.nan,
        inverse_temperature_se=math.nan,
        log_likelihood=math.nan,
        n_trials=n_trials,
        n_missing=n_trials,
        at_bound=(),
        reason="no trial has a choice",
        log_k_bounds=log_k_bounds,
        inverse_temperature_bounds=inverse_temperature_bounds,
    )


def _checked_bounds(name: str, bounds: Pair | None, span: Pair) -> Pair | None:
    if bounds is None:
        return None
    ends = numbers(name, bounds)
    if len(ends) != 2 or not span[0] < ends[0] < ends[1] < span[1]:
        raise ParameterError(
            f"`{name}` must be two increasing numbers between {span[0]:g} and {span[1]:g}, "
            f"got {bounds!r}"
        )
    return float(ends[0]), float(ends[1])
