"""Least squares outside a band: what L2-loss support vector machines minimise.

    ½‖w‖² + Σ Cᵢ dist(fᵢ, [loᵢ, hiᵢ])²,   f = Xw

A class is the band above 1 or the one below −1; a value is a band of 2ε about
itself. With the samples known that lie outside (active), it is a least-squares
problem; Newton's method finds them in a few steps (Chapelle 2007; Keerthi and
DeCoste 2005). Where a step finds the samples active that it took to be, it is at
the optimum. Full steps alone may go round in circles, so other steps end where
the objective is least along them. That is told by its slope: two equal samples
of different classes add to its value so much that its digits do not show a step.

`newton_primal`, `newton_active` and `newton_inverse` make the steps in three
ways. Each has for all samples: `lo`, `hi`, `cost` (C, 0 for samples that are
not trained on), `state` (−1 below the band, 1 above, 0 inside or not trained
on), `t` (the side of the band that f is drawn to), β = 2C(t − f), and f.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]
States = NDArray[np.int8]

MOST_STEPS = 200
# Of the target: closer to an edge of its band, a sample stays where it was.
NEAR = 1e-10
ROUNDING = 4e-16


@jit
def nearness(t: Floats, cost: Floats, squares: Floats) -> float:
    """How near to an edge is on the edge; `squares` are samples times themselves.

    A sample this near that is wrongly active has a β of 2C times as much, and
    moves others by its products times that: at a high cost, no longer a little.
    """
    most, stiff = 1.0, 0.0
    for i in range(len(t)):
        most = max(most, abs(t[i]))
        stiff = max(stiff, 2.0 * cost[i] * squares[i])
    return max(NEAR / (1.0 + stiff), ROUNDING) * most


@jit
def side(f: float, lo: float, hi: float, was: int, near: float) -> int:
    """On which side of its band a sample is, that `was` on one of them."""
    if f < lo + (near if was == -1 else -near):
        return -1
    if f > hi - (near if was == 1 else -near):
        return 1
    return 0


@jit
def consistent(f: Floats, lo: Floats, hi: Floats, cost: Floats, near: float, state: States) -> bool:
    """Whether samples are on the sides that they were taken to be on."""
    for i in range(len(f)):
        if cost[i] > 0.0 and side(f[i], lo[i], hi[i], state[i], near) != state[i]:
            return False
    return True


@jit
def update_states(
    f: Floats, lo: Floats, hi: Floats, cost: Floats, near: float, state: States, t: Floats
) -> bool:
    """Sides on which samples are now, and which edge they are drawn to; whether any changed."""
    changed = False
    for i in range(len(f)):
        if cost[i] > 0.0:
            now = side(f[i], lo[i], hi[i], state[i], near)
            if now != state[i]:
                changed = True
                state[i] = now
                if now != 0:
                    t[i] = lo[i] if now == -1 else hi[i]
    return changed


@jit
def _slope(f: Floats, step: Floats, lo: Floats, hi: Floats, cost: Floats, at: float) -> Any:
    """First and second derivative of the second term along a step."""
    first, second = 0.0, 0.0
    for i in range(len(f)):
        value = f[i] + at * step[i]
        away = min(value - lo[i], 0.0) + max(value - hi[i], 0.0)
        if away != 0.0:
            first += 2.0 * cost[i] * away * step[i]
            second += 2.0 * cost[i] * step[i] * step[i]
    return first, second


@jit
def length(
    linear: float, square: float, f: Floats, step: Floats, lo: Floats, hi: Floats, cost: Floats
) -> float:
    """Where the objective is least along a step, at most 1.

    `linear` and `square` are the derivatives of its first term at 0. Its slope
    is piecewise linear and rises, so Newton steps within a bracket end on it.
    """
    low, high, at = 0.0, 1.0, 1.0
    for _ in range(60):
        first, second = _slope(f, step, lo, hi, cost, at)
        first += linear + at * square
        second += square
        if first > 0.0:
            high = at
        else:
            low = at
            if at == 1.0:
                return 1.0
        following = at - first / second
        if abs(following - at) <= 1e-14:
            break
        at = following if low < following < high else 0.5 * (low + high)
    return at
