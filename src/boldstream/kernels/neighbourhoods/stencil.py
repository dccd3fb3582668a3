"""Voxels around voxels of one grid: the same offsets everywhere, found once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from boldstream.core.jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rounding of coordinates in mm is far below this share of the largest of them.
_CLOSE = 1e-11
# Pairs of voxels whose distance is computed together.
_PAIRS = 1 << 17


@dataclass(frozen=True, eq=False)
class Stencil:
    """Offsets of the voxels within a radius of a voxel, as lines of voxels along z.

    Attributes
    ----------
    lines : ndarray of int64, shape (n, 6)
        Offsets x and y of a line, the first and last offset z, and for these
        two ends their row in `edge`; −1 for an end that is within the radius
        whatever rounding does.
    edge : ndarray of int64, shape (m, 3)
        Offsets that lie at the radius: rounding decides, anew for every voxel.
    """

    lines: Ints
    edge: Ints


def make_stencil(shape: tuple[int, int, int], affine: Floats, radius: float) -> Stencil:
    """Find the offsets of the voxels whose centres lie within `radius` mm of that of a voxel.

    Parameters
    ----------
    shape : tuple of int
        Of the grid: offsets that lead out of it from everywhere are left out.
    affine : ndarray, shape (4, 4)
    radius : float
    """
    inverse = np.linalg.inv(affine)[:3, :3]
    reach = np.floor(radius * np.sqrt((inverse**2).sum(axis=1)) + 1e-6)
    x, y, z = (
        np.arange(-most, most + 1) for most in np.minimum(reach, np.subtract(shape, 1)).astype(int)
    )
    far = np.abs(affine[:3, :3]) @ shape + np.abs(affine[:3, 3])
    slack = _CLOSE * (far.max() + radius)
    lines: list[tuple[int, ...]] = []
    edge: list[tuple[int, int, int]] = []
    for dx, dy in product(x.tolist(), y.tolist()):
        mm = affine[:3, :2] @ (dx, dy) + z[:, None] * affine[:3, 2]
        apart = np.sqrt((mm**2).sum(axis=1))
        # Distances fall and rise along a line: only its ends can lie at the radius.
        near = np.flatnonzero(apart <= radius + slack)
        if not near.size:
            continue
        first, last = near[0], near[-1]
        columns = {}
        for end in {first, last}:
            if apart[end] >= radius - slack and apart[end] > 0:
                columns[end] = len(edge)
                edge.append((dx, dy, z[end]))
        ends = (columns.get(first, -1), columns.get(last, -1))
        lines.append((dx, dy, z[first], z[last], *ends))
    return Stencil(np.array(lines, np.int64), np.array(edge, np.int64).reshape(-1, 3))


def at_the_radius(affine: Floats, voxels: Ints, edge: Ints, radius: float) -> NDArray[np.bool_]:
    """Whether voxels at offsets that lie at the radius are within it.

    The arithmetic is that of nilearn and of scikit-learn's KD tree, from
    coordinates in mm that are rounded for themselves.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
    voxels : ndarray of int, shape (n, 3)
    edge : ndarray of int, shape (m, 3)
    radius : float

    Returns
    -------
    ndarray of bool, shape (n, m)
    """
    within = np.empty((len(voxels), len(edge)), np.bool_)
    step = max(1, _PAIRS // max(1, len(edge)))
    for start in range(0, len(voxels) if len(edge) else 0, step):
        some = voxels[start : start + step]
        apart = _mm(affine, some[:, None] + edge)
        apart -= _mm(affine, some[:, None])
        apart *= apart
        total = apart[0]
        total += apart[1]
        total += apart[2]
        within[start : start + step] = total <= radius * radius
    return within


def _mm(affine: Floats, voxels: Ints) -> Floats:
    """Coordinates (3, n, m) of voxels (n, m, 3)."""
    coordinates = np.ones((4, *voxels.shape[:2]))
    coordinates[:3] = np.moveaxis(voxels, -1, 0)
    mm: Floats = np.dot(affine, coordinates.reshape(4, -1)).reshape(coordinates.shape)
    return mm[:3]


def rows_around(
    before: NDArray[np.int32],
    shape: tuple[int, int, int],
    affine: Floats,
    centres: Ints,
    radius: float,
    stencil: Stencil,
) -> tuple[NDArray[np.int32], Ints]:
    """Rows of the voxels within a radius of each of some voxels.

    Rows number the voxels that are taken, z fastest, so those of a line along
    z follow one another: the work is that for the lines of a sphere.

    Parameters
    ----------
    before : ndarray of int32, shape (voxels of the grid + 1,)
        How many voxels are taken before each one, z fastest; in the end, of all.
    shape : tuple of int
    affine : ndarray, shape (4, 4)
    centres : ndarray of int64, shape (n,)
        Positions in the flat grid, z fastest.
    radius : float
        What `stencil` was made for.
    stencil : Stencil

    Returns
    -------
    members : ndarray of int32
        Ascending for each centre.
    starts : ndarray of int64, shape (n + 1,)
    """
    voxels = np.column_stack(np.unravel_index(centres, shape)).astype(np.int64)
    within = at_the_radius(affine, voxels, stencil.edge, radius)
    starts = np.zeros(len(voxels) + 1, np.int64)
    grid = np.array(shape, np.int64)
    members = np.empty(0, np.int32)
    _walk(before, grid, voxels, stencil.lines, within, starts, members)
    members = np.empty(starts[-1], np.int32)
    _walk(before, grid, voxels, stencil.lines, within, starts, members)
    return members, starts


@jit
def _walk(
    before: NDArray[np.int32],
    grid: Ints,
    voxels: Ints,
    lines: Ints,
    within: NDArray[np.bool_],
    starts: Ints,
    members: NDArray[np.int32],
) -> None:
    """Fill where the members of each voxel start, and as many members as there is room for."""
    nx, ny, nz = grid[0], grid[1], grid[2]
    room = len(members)
    n = 0
    for i in range(len(voxels)):
        for j in range(len(lines)):
            x, y, z = voxels[i, 0] + lines[j, 0], voxels[i, 1] + lines[j, 1], voxels[i, 2]
            if x < 0 or y < 0 or x >= nx or y >= ny:
                continue
            first, last = z + lines[j, 2], z + lines[j, 3]
            if lines[j, 4] >= 0 and not within[i, lines[j, 4]]:
                first += 1
            if lines[j, 5] >= 0 and not within[i, lines[j, 5]]:
                last -= 1
            first, last = max(first, 0), min(last, nz - 1)
            if first > last:
                continue
            line = (x * ny + y) * nz
            row, stop = before[line + first], before[line + last + 1]
            if room:
                for k in range(stop - row):
                    members[n + k] = row + k
            n += stop - row
        starts[i + 1] = n
