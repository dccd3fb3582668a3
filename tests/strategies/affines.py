"""Where an image says that it lies: rows of the affine, quaternions, and codes of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

Row = Sequence[float]

_SIZES = (1.0, 3.0, 0.8, 2.3999, 1e-3, 500.0)
_NUMBERS = (0.0, 1.0, -3.0, 1e-12, 1e30, 3e38, 1e300, -1.0, math.nan, math.inf, -math.inf)


@dataclass(frozen=True)
class Placement:
    """Fields of a header that place the volumes.

    Attributes
    ----------
    pixdim : sequence of 4 float
        The sign of the third axis, and sizes of a voxel.
    codes : (int, int)
        Of the quaternion and of the rows.
    quatern, offset : sequence of 3 float
    rows : sequence of 3 rows of 4 float
    """

    pixdim: Row
    codes: tuple[int, int]
    quatern: Row
    offset: Row
    rows: Sequence[Row]


@st.composite
def sound_placements(draw: st.DrawFn) -> Placement:
    """Straight, flipped, turned or sheared; by rows, a quaternion, sizes alone, or all of them."""
    sizes = [draw(st.sampled_from(_SIZES)) for _ in range(3)]
    signs = [draw(st.sampled_from([1, -1])) for _ in range(3)]
    rows = [[0.0] * 4 for _ in range(3)]
    angle, shear = draw(st.sampled_from([0.0, 0.1, 1.2])), draw(st.sampled_from([0.0, 0.05]))
    for axis in range(3):
        rows[axis][axis] = signs[axis] * sizes[axis]
        rows[axis][3] = draw(st.sampled_from([0.0, -90.0, 12.5]))
    c, s = math.cos(angle), math.sin(angle)
    x, y = rows[0], rows[1]
    rows[0] = [c * a - s * b for a, b in zip(x, y, strict=True)]
    rows[1] = [s * a + c * b for a, b in zip(x, y, strict=True)]
    rows[2][0] += shear * sizes[0]
    b, c, d = draw(st.sampled_from([(0, 0, 0), (0.5, 0.5, 0.5), (0, 1, 0), (0.1, -0.2, 0.3)]))
    return Placement(
        pixdim=(draw(st.sampled_from([1, -1])), *sizes),
        codes=draw(st.sampled_from([(0, 0), (1, 0), (0, 1), (1, 1), (2, 4), (4, 2)])),
        quatern=(b, c, d),
        offset=(-90.0, 12.5, 0.0),
        rows=rows,
    )


@st.composite
def odd_placements(draw: st.DrawFn) -> Placement:
    """Singular, infinite, tiny, of no number; quaternions that turn nothing."""
    number = st.sampled_from(_NUMBERS)
    return Placement(
        pixdim=[draw(number) for _ in range(4)],
        codes=(draw(st.sampled_from([0, 1, -1, 99])), draw(st.sampled_from([0, 1, -1, 99]))),
        quatern=[draw(number) for _ in range(3)],
        offset=[draw(number) for _ in range(3)],
        rows=[[draw(number) for _ in range(4)] for _ in range(3)],
    )
