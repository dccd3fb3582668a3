"""Voxels within a radius of points, found in a box of voxels around each point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Voxels looked at together. At about 100 bytes each they stay in the cache.
_CANDIDATES = 1 << 15


def sphere_neighbours(
    shape: tuple[int, int, int],
    affine: Floats,
    centres: Floats,
    radius: float,
    *,
    inside: NDArray[np.bool_] | None = None,
    nilearn_seed_voxel: bool = False,
) -> tuple[Ints, Ints]:
    """Voxels whose centres lie within `radius` of each of many points.

    The voxel nearest to a point belongs to its sphere however small the
    radius. The work is that for the boxes around the points, or for the grid
    where that is smaller. The arithmetic is that of nilearn and of
    scikit-learn's KD tree, so voxels at exactly `radius` go to the same side.

    Parameters
    ----------
    shape : tuple of int
    affine : ndarray, shape (4, 4)
    centres : ndarray, shape (n, 3)
        In mm.
    radius : float
        In mm; voxels at exactly this distance are inside.
    inside : ndarray of bool, shape (x, y, z), optional
        Only these voxels are taken.
    nilearn_seed_voxel : bool
        Also take, as `nilearn.maskers.NiftiSpheresMasker` does, the first voxel
        (z fastest) whose mm coordinates, cut to whole numbers, are those of
        the point.

    Returns
    -------
    rows : ndarray of int, shape (sum of counts,)
        Positions in a flat volume (x fastest), sphere after sphere; ascending
        in each, but for the nearest voxel and nilearn's, which come last where
        they lie further away than `radius`.
    counts : ndarray of int, shape (n,)
        Voxels of each sphere; 0 where it lies outside.
    """
    inverse: Floats = np.linalg.inv(affine).astype(np.float64)
    space = _Space(shape, affine, inverse, None if inside is None else inside.ravel(order="F"))
    points = space.voxels_at(centres)
    # Far away points would overflow; just outside they find no voxel either.
    reach = radius * np.sqrt((inverse[:3, :3] ** 2).sum(axis=1))
    if np.prod(2 * reach + 3) > np.prod(shape):
        # The box of a point is larger than the grid, of which all voxels are looked at then.
        base, pieces = np.zeros_like(points), _all_voxels(shape)
    else:
        far = np.ceil(reach)
        base = np.clip(np.floor(points), -2 - far, np.array(shape) + far + 1)
        pieces = _ball_offsets(affine, reach, radius)
    chunk = 1 if len(pieces) > 1 else max(1, _CANDIDATES // pieces[0].shape[1])
    rows, counts = [], []
    for start in range(0, len(centres), chunk):
        cut = slice(start, start + chunk)
        extra = [space.rows_of(np.round(points[cut]))]
        if nilearn_seed_voxel:
            extra.append(_seed_voxels(space, centres[cut]))
        balls = _Balls(centres[cut], base[cut].astype(np.intp), radius)
        with np.errstate(over="ignore"):  # points at the end of the world
            found, sizes = _with_extra(space, balls, pieces, extra)
        rows.append(found)
        counts.append(sizes)
    return np.concatenate(rows), np.concatenate(counts)


@dataclass(frozen=True)
class _Space:
    """A grid, its inverse affine, and the voxels of it that may be taken (None: all)."""

    shape: tuple[int, int, int]
    affine: Floats
    inverse: Floats
    inside: NDArray[np.bool_] | None

    def voxels_at(self, points: Floats) -> Floats:
        """Where points in mm lie in voxels, one by one as nilearn: sums of many round otherwise."""
        columns = np.concatenate([points, np.ones((len(points), 1))], axis=1)[..., None]
        voxels: Floats = np.matmul(self.inverse, columns)[:, :3, 0]
        return voxels

    def rows_of(self, voxels: Floats) -> Ints:
        """Flat positions of voxels (n, 3), −1 for those that may not be taken."""
        known = np.all((voxels >= 0) & (voxels < self.shape), axis=1)
        x, y, z = np.where(known[:, None], voxels, 0).astype(np.intp).T
        rows = x + self.shape[0] * (y + self.shape[1] * z)
        if self.inside is not None:
            known &= self.inside[rows]
        return np.where(known, rows, -1)

    def around(self, base: Ints, offsets: Ints) -> tuple[Floats, Ints, NDArray[np.bool_]]:
        """Voxels ``base + offsets``: their mm (3, m, b), flat positions, and if they count."""
        m, b = len(base), offsets.shape[1]
        coordinates = np.ones((4, m, b))
        rows, known = np.zeros((m, b), np.intp), np.ones((m, b), bool)
        step = 1
        for axis, n in enumerate(self.shape):
            at = base[:, axis, None] + offsets[axis]
            coordinates[axis] = at
            known &= at.view(np.uintp) < n  # a negative one wraps around to a huge one
            at *= step
            rows += at
            step *= n
        if self.inside is not None:
            known &= self.inside.take(rows, mode="clip")
        mm = np.dot(self.affine, coordinates.reshape(4, -1)).reshape(4, m, b)
        return mm[:3], rows, known


@dataclass(frozen=True)
class _Balls:
    """Points in mm, the voxels at or below them, and the radius of them all."""

    centres: Floats
    base: Ints
    radius: float

    def find(self, space: _Space, offsets: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Flat positions of candidates (m, b), and which of them lie within."""
        mm, rows, known = space.around(self.base, offsets)
        mm -= self.centres.T[:, :, None]
        mm *= mm
        apart = mm[0]
        apart += mm[1]
        apart += mm[2]
        known &= apart <= self.radius * self.radius
        return rows, known


def _ball_offsets(affine: Floats, reach: Floats, radius: float) -> list[Ints]:
    """Offsets (3, b), x fastest, that can lie within `radius` of any point of the voxel 0.

    Cut into pieces where the box of a point is large.
    """
    low = np.ceil(-reach - 1e-6).astype(np.intp)
    high = np.floor(reach + 1 + 1e-6).astype(np.intp)
    xs, ys, zs = (np.arange(a, b + 1) for a, b in zip(low, high, strict=True))
    corners = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1)
    slack = np.sqrt(((affine[:3, :3] @ corners) ** 2).sum(axis=0)).max()
    depth = max(1, _CANDIDATES // (len(xs) * len(ys)))
    pieces = []
    for first in range(0, len(zs), depth):
        z, y, x = np.meshgrid(zs[first : first + depth], ys, xs, indexing="ij")
        offsets = np.array([x.ravel(), y.ravel(), z.ravel()])
        apart = affine[:3, :3] @ (offsets - 0.5)
        near = np.sqrt((apart**2).sum(axis=0)) <= (radius + slack) * (1 + 1e-9)
        pieces.append(offsets[:, near])
    return pieces


def _all_voxels(shape: tuple[int, int, int]) -> list[Ints]:
    """Voxels (3, b) of a grid, x fastest, in pieces."""
    nx, ny, nz = shape
    depth = max(1, _CANDIDATES // (nx * ny))
    pieces = []
    for first in range(0, nz, depth):
        zs = np.arange(first, min(first + depth, nz))
        z, y, x = np.meshgrid(zs, np.arange(ny), np.arange(nx), indexing="ij")
        pieces.append(np.array([x.ravel(), y.ravel(), z.ravel()]))
    return pieces


def _with_extra(
    space: _Space, balls: _Balls, pieces: list[Ints], extra: list[Ints]
) -> tuple[Ints, Ints]:
    """Voxels of balls, and after them the extra ones (−1 for none) that are not there yet."""
    counts = np.zeros(len(balls.base), np.intp)
    there = [rows < 0 for rows in extra]
    found = []
    for offsets in pieces:
        rows, within = balls.find(space, offsets)
        counts += within.sum(axis=1)
        found.append(rows[within])
        for row, known in zip(extra, there, strict=True):
            known |= ((rows == row[:, None]) & within).any(axis=1)
    every = np.concatenate(found)
    for i, (row, known) in enumerate(zip(extra, there, strict=True)):
        for earlier in extra[:i]:
            known |= row == earlier
        new = ~known
        every = np.insert(every, np.cumsum(counts)[new], row[new])
        counts += new
    return every, counts


def _seed_voxels(space: _Space, centres: Floats) -> Ints:
    """The first voxel, z fastest, that shares its whole mm with each point, or −1."""
    whole = np.trunc(centres)
    # What is cut to `whole` lies within 1 mm of it along each axis.
    reach = np.abs(space.inverse[:3, :3]).sum(axis=1)
    half = np.floor(reach + 0.5 + 1e-6).astype(np.intp)
    box = np.meshgrid(*(np.arange(-h, h + 1) for h in half), indexing="ij")
    offsets = np.array([axis.ravel() for axis in box])
    limit = np.array(space.shape) + half + 1
    base = np.clip(np.round(space.voxels_at(whole)), -half - 1, limit).astype(np.intp)
    found = []
    chunk = max(1, _CANDIDATES // offsets.shape[1])
    for start in range(0, len(centres), chunk):
        cut = slice(start, start + chunk)
        mm, rows, known = space.around(base[cut], offsets)
        known &= (np.trunc(mm) == whole[cut].T[:, :, None]).all(axis=0)
        first = known.argmax(axis=1)
        each = np.arange(len(first))
        found.append(np.where(known[each, first], rows[each, first], -1))
    return np.concatenate(found)
