"""Where names of moments go above a time line, so that they can be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LANES = 5
# Points that a name may reach out to the left, over the numbers of the axis.
_BESIDE = 40
# Points between two names of one row.
_APART = 4


class Placed(NamedTuple):
    """Where a label lies, in points, and the row it is in; a line leads up from its point."""

    point: float
    left: float
    right: float
    lane: int


def place_labels(
    points: Sequence[float] | NDArray[np.float64], lengths: Sequence[float], width: float
) -> list[Placed | None]:
    """Find rows for labels in which none touches another, nor the line that leads to it.

    Parameters
    ----------
    points, lengths : sequence of float
        Where each points to, and how long it is.
    width : float
        Of the axes, in points too.

    Returns
    -------
    list of Placed or None
        In rows from 0 at the bottom; None where there is no room.

    Examples
    --------
    >>> placed = place_labels([0, 20, 90], [50, 50, 30], 200)
    >>> [(one.left, one.right, one.lane) for one in placed]
    [(0, 50, 1), (20, 70, 0), (90, 120, 0)]
    """
    placed: dict[int, Placed] = {}
    to_left = [p + n > width and p > width / 2 for p, n in zip(points, lengths, strict=True)]
    # Those that reach to the right from the right, and the others from the left: so a label lies
    # above those whose lines begin below it.
    order = sorted(
        range(len(lengths)), key=lambda i: (not to_left[i], points[i] * (1 if to_left[i] else -1))
    )
    # What has no room on its side may have some on the other.
    for is_other in (False, True):
        for i in order:
            left = points[i] - lengths[i] if to_left[i] != is_other else points[i]
            fits = left >= -_BESIDE and (not is_other or left + lengths[i] <= width)
            if i not in placed and fits:
                one = _first_free(points[i], left, left + lengths[i], placed.values())
                placed.update({} if one is None else {i: one})
    return [placed.get(i) for i in range(len(lengths))]


def _first_free(
    point: float, left: float, right: float, others: Collection[Placed]
) -> Placed | None:
    rows = (Placed(point, left, right, lane) for lane in range(_LANES))
    return next((one for one in rows if all(_is_free(one, old) for old in others)), None)


def _is_free(new: Placed, old: Placed) -> bool:
    if new.lane == old.lane:
        return new.right + _APART < old.left or old.right + _APART < new.left
    lower, upper = sorted((new, old), key=lambda one: one.lane)
    return not lower.left <= upper.point <= lower.right
