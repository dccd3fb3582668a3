"""Which voxels, or vertices, are neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Neighbours of voxel v are ``neighbours[starts[v]:starts[v + 1]]``.

    Attributes
    ----------
    starts : ndarray of int32, shape (voxels + 1,)
    neighbours : ndarray of int32
    """

    starts: Ints
    neighbours: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1


def adjacency_of(mask: NDArray[np.bool_]) -> Adjacency:
    """Voxels of a mask that share a face, in the order of ``data[mask]``.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)

    Examples
    --------
    >>> import numpy as np
    >>> adjacency_of(np.array([True, True, False, True]).reshape(4, 1, 1)).neighbours
    array([1, 0], dtype=int32)
    """
    rows = np.full(np.add(mask.shape, 2), -1, np.int32)
    inner = slice(1, -1)
    rows[inner, inner, inner][mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    near = np.empty((np.count_nonzero(mask), 6), np.int32)
    steps = [(axis, step) for axis in range(3) for step in (0, 2)]
    for column, (axis, step) in enumerate(steps):
        view: list[Any] = [inner] * 3
        view[axis] = slice(step, step + mask.shape[axis])
        near[:, column] = rows[tuple(view)][mask]
    there = near >= 0
    return Adjacency(_starts(there.sum(axis=1)), near[there])


def adjacency_of_mesh(faces: NDArray[np.integer[Any]], inside: NDArray[np.bool_]) -> Adjacency:
    """Vertices of a surface that share an edge, in the order of ``data[inside]``.

    Parameters
    ----------
    faces : ndarray of int, shape (faces, 3)
        Vertices of each triangle.
    inside : ndarray of bool, shape (vertices,)
        Which vertices are taken.

    Examples
    --------
    >>> import numpy as np
    >>> square = np.array([[0, 1, 2], [1, 2, 3]])
    >>> adjacency_of_mesh(square, np.array([True, True, False, True])).neighbours
    array([1, 0, 2, 1], dtype=int32)
    """
    rows = np.cumsum(inside) - 1
    sides = faces[:, [0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2]].reshape(-1, 2)
    sides = rows[np.unique(sides[inside[sides].all(axis=1)], axis=0)]
    counts = np.bincount(sides[:, 0], minlength=np.count_nonzero(inside))
    return Adjacency(_starts(counts), sides[:, 1].astype(np.int32))


def _starts(counts: NDArray[Any]) -> Ints:
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    return starts
