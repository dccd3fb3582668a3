"""The largest likelihood within bounds: a grid over all of them, then L-BFGS-B."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from boldstream.behaviour.likelihood import Choices, log_indifference, log_likelihood, on_grid

Floats = NDArray[np.float64]
Pair = tuple[float, float]

# Points of the grid. Between two indifference points that follow one another the choices that a
# k predicts do not change: with a large β each interval may have a peak, which a regular grid
# alone could miss.
_REGULAR, _INTERVALS, _TEMPERATURES = 61, 120, 41
_STARTS = 4

# Default bounds: how far beyond the indifference points of the trials k may lie, and β times the
# median amount, from choices as good as random to choices without an error.
_BEYOND = 100.0
_SENSITIVITY = (1e-2, 1e4)


@dataclass(frozen=True)
class Bounds:
    """Bounds of log k and of β, both included."""

    log_k: Pair
    inverse_temperature: Pair

    @property
    def of_logs(self) -> Floats:
        """Of (log k, log β), shape (2 parameters, 2 ends)."""
        return np.array([self.log_k, np.log(self.inverse_temperature)])


def default_log_k(trials: Choices) -> Pair:
    """A hundred times beyond the smallest and largest k that the trials probe."""
    probed = probed_log_k(trials)
    if not len(probed):
        # Whatever k is, these choices do not depend on it: the range only has to be some.
        delays = trials.log_delay[np.isfinite(trials.log_delay)]
        probed = -delays if len(delays) else np.zeros(1)
    margin = np.log(_BEYOND)
    return float(probed.min() - margin), float(probed.max() + margin)


def default_inverse_temperature(trials: Choices) -> Pair:
    """In the unit of the amounts, so that a fit does not depend on the currency."""
    amount = float(np.median(trials.delayed_amount))
    return _SENSITIVITY[0] / amount, _SENSITIVITY[1] / amount


def probed_log_k(trials: Choices) -> Floats:
    """Logs of the indifference points that lie above 0 and are finite, sorted."""
    points = log_indifference(trials)
    return np.sort(points[np.isfinite(points)])


def maximise(trials: Choices, bounds: Bounds) -> tuple[Floats, float]:
    """Return the (log k, log β) of the largest likelihood, and its logarithm.

    Peaks of a grid over all of the bounds are where L-BFGS-B starts.
    """
    log_k = _grid_of_log_k(trials, bounds)
    low, high = bounds.inverse_temperature
    log_beta = np.linspace(np.log(low), np.log(high), _TEMPERATURES)
    heights = on_grid(trials, log_k, log_beta)
    # Of equal heights that of the largest β: where choices have no errors it has no upper limit.
    best_beta = _TEMPERATURES - 1 - heights[:, ::-1].argmax(axis=1)
    peaks = _peaks(heights.max(axis=1))[:_STARTS]
    found = [_climb(trials, np.array([log_k[i], log_beta[best_beta[i]]]), bounds) for i in peaks]
    return max(found, key=lambda point_and_height: point_and_height[1])


def _grid_of_log_k(trials: Choices, bounds: Bounds) -> Floats:
    low, high = bounds.log_k
    probed = np.unique(probed_log_k(trials))
    between = (probed[1:] + probed[:-1]) / 2
    if len(between) > _INTERVALS:
        between = np.quantile(between, np.linspace(0, 1, _INTERVALS))
    inside = between[(between > low) & (between < high)]
    return np.unique(np.concatenate([np.linspace(low, high, _REGULAR), inside]))


def _peaks(heights: Floats) -> NDArray[np.intp]:
    """Indices of local maxima, the highest first.

    Of equal heights side by side it is the middle one, or the end of the grid
    that they reach, as where a subject always took the delayed amount.

    Examples
    --------
    >>> _peaks(np.array([1.0, 0.0, 3.0, 3.0, 3.0, 0.0, 2.0, 2.0]))
    array([3, 7, 0])
    """
    last = len(heights) - 1
    starts = np.concatenate([[0], np.flatnonzero(np.diff(heights)) + 1])
    ends = np.concatenate([starts[1:] - 1, [last]])
    runs = np.pad(heights[starts], 1, constant_values=-np.inf)
    is_peak = (runs[1:-1] > runs[:-2]) & (runs[1:-1] > runs[2:])
    middle = (starts + ends) // 2
    at_low = np.where((starts == 0) & (ends < last), 0, middle)
    indices = np.where((ends == last) & (starts > 0), last, at_low)[is_peak]
    return indices[np.argsort(-heights[indices], kind="stable")]


def _climb(trials: Choices, start: Floats, bounds: Bounds) -> tuple[Floats, float]:
    """From a start to the maximum near it."""

    def cost(point: Floats) -> tuple[float, Floats]:
        height, gradient = log_likelihood(trials, point)
        return -height, -gradient

    # Whether it reports success is not asked: at a maximum that is exact to the last digits its
    # line search may fail for want of any digits more.
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}
    found = minimize(
        cost, start, jac=True, method="L-BFGS-B", bounds=bounds.of_logs, options=options
    )
    return np.asarray(found.x, np.float64), -float(found.fun)
