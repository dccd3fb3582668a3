"""Whether choices tell what the parameters are, and how well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.behaviour.likelihood import Choices, hessian, log_indifference
from boldstream.behaviour.maximum import Bounds, probed_log_k

Floats = NDArray[np.float64]

PARAMETERS = ("log_k", "inverse_temperature")

# Of the distance between two bounds: an optimum that is nearer to one lies on it.
_ON_BOUND = 1e-6
# Of the largest curvature: less is none.
_FLAT = 1e-8


def parameters_at_bound(point: Floats, bounds: Bounds) -> dict[str, str]:
    """Names of the parameters that lie on a bound, and which it is, lower or upper.

    Examples
    --------
    >>> parameters_at_bound(np.array([-9.0, 0.0]), Bounds((-9.0, 1.0), (0.1, 10.0)))
    {'log_k': 'lower'}
    """
    out = {}
    for name, value, (low, high) in zip(PARAMETERS, point, bounds.of_logs, strict=True):
        slack = _ON_BOUND * (high - low)
        if value <= low + slack:
            out[name] = "lower"
        elif value >= high - slack:
            out[name] = "upper"
    return out


def standard_errors(trials: Choices, point: Floats, bounds: Bounds) -> Floats:
    """Standard errors of log k and β from the curvature at the maximum, shape (2,).

    NaN where they mean nothing: on a bound, and where the likelihood does not
    curve down in every direction.
    """
    information = -hessian(trials, point)
    curvatures = np.linalg.eigvalsh(information)
    is_flat = not curvatures[0] > _FLAT * curvatures[1]
    if is_flat or parameters_at_bound(point, bounds):
        return np.full(2, np.nan)
    # At a maximum the curvature in β is that in log β, divided by β squared.
    unit = np.array([1.0, np.exp(point[1])])
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(information))) * unit, np.float64)


def why_not_identifiable(
    trials: Choices, point: Floats, height: float, errors: Floats, bounds: Bounds
) -> str:
    """Say why the choices do not tell the parameters, or nothing if they do.

    `height` is the log-likelihood at `point`.
    """
    if trials.delayed.all() or not trials.delayed.any():
        which = "delayed" if trials.delayed.all() else "immediate"
        return f"all {len(trials.delayed)} choices are {which}"
    if _is_separable(trials, bounds):
        return "one k predicts every choice, so that the inverse temperature has no upper limit"
    at_bound = parameters_at_bound(point, bounds)
    reasons = [f"{name} lies on its {end} bound" for name, end in at_bound.items()]
    probed = probed_log_k(trials)
    reasons += _outside(float(point[0]), probed)
    reasons += _as_good_as_random(height, len(trials.delayed))
    if not reasons and not errors[0] <= np.ptp(probed):
        reasons.append(_flat(float(errors[0])))
    return "; ".join(reasons)


def _is_separable(trials: Choices, bounds: Bounds) -> bool:
    """Whether a k within its bounds gives no choice to the amount that is worth less.

    The likelihood then grows with β without end, even if both amounts of some
    trials are worth the same.
    """
    points = log_indifference(trials)
    # The delayed amount is worth more where k lies below its indifference point.
    at_least = np.nanmax(points[~trials.delayed], initial=-np.inf)
    at_most = np.nanmin(points[trials.delayed], initial=np.inf)
    low, high = bounds.log_k
    return bool(max(at_least, low) <= min(at_most, high))


def _outside(log_k: float, probed: Floats) -> list[str]:
    if not len(probed):
        return ["no k makes both amounts of a trial worth the same"]
    if probed[0] <= log_k <= probed[-1]:
        return []
    low, high = np.exp(probed[[0, -1]])
    return [
        f"k = {np.exp(log_k):.3g} lies outside the indifference points of the trials, "
        f"{low:.3g} to {high:.3g}"
    ]


def _as_good_as_random(height: float, n_trials: int) -> list[str]:
    # With β = 0 nothing depends on k.
    aic, at_random = 2 * len(PARAMETERS) - 2 * height, 2 * n_trials * np.log(2)
    if aic < at_random:
        return []
    return [
        f"the model is no better than choices at random (AIC {aic:.4g} against {at_random:.4g})"
    ]


def _flat(error: float) -> str:
    if np.isnan(error):
        return "the likelihood is flat at its maximum"
    return f"the standard error of log k, {error:.3g}, exceeds the range that the trials probe"
