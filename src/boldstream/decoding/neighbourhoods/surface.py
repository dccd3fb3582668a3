"""`Geodesic`: vertices within a distance along a surface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import positive_number
from boldstream.core.errors import MaskError
from boldstream.decoding.neighbourhoods.base import check_usable, row_table
from boldstream.io.surfaces import Mesh, MeshLike, read_mesh
from boldstream.kernels.neighbourhoods.geodesic import mesh_edges, rows_along


@dataclass(frozen=True, eq=False)
class Geodesic:
    """Vertices whose shortest path along the edges of a mesh is not longer than `radius`.

    Paths may lead through vertices outside of the mask.

    Parameters
    ----------
    mesh : path, nibabel or nilearn mesh, or pair of arrays
        A GIFTI file with coordinates and triangles, or what was read from one.
    radius : float
        In mm, as the coordinates.
    mask : ndarray of bool, shape (vertices,), optional
        Vertices that neighbourhoods are made of; by default all.
    centres : ndarray of bool, shape (vertices,), optional
        Vertices to be centres; by default those of the mask.
    usable : ndarray of bool, shape (masked vertices,), optional
        Which vertices of the mask may belong to neighbourhoods; by default all.

    Raises
    ------
    ParameterError
        If `radius` is not above 0, or `usable` does not fit.
    MaskError
        If `mask` or `centres` is empty or not one bool for each vertex.
    ImageFileError, CorruptImageError, UnsupportedImageError
        If the mesh cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> corners = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 0]], float)
    >>> mesh = corners, np.array([[0, 1, 2], [1, 3, 2]])
    >>> Geodesic(mesh, 4.0).members(0, 4)[0].tolist()
    [0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3]
    """

    mesh: MeshLike
    radius: float
    mask: NDArray[np.bool_] | None = None
    centres: NDArray[np.bool_] | None = None
    usable: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        positive_number("radius", self.radius, unit="mm")
        # Read once: what is pickled is the mesh, and no file that may change.
        object.__setattr__(self, "mesh", read_mesh(self.mesh))
        check_vertices("mask", self.mask, self._mesh)
        check_vertices("centres", self.centres, self._mesh)
        if self.usable is not None:
            check_usable(self.usable, self.n_voxels)

    @property
    def n_centres(self) -> int:
        return len(self._positions)

    @cached_property
    def n_voxels(self) -> int:
        """Vertices of the mask."""
        return int(np.count_nonzero(self._inside))

    def members(self, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        some = self._positions[start:stop]
        return rows_along(*self._edges, self._rows, some, float(self.radius))

    def among(self, usable: NDArray[np.bool_]) -> Geodesic:
        return replace(self, usable=usable)

    @property
    def _mesh(self) -> Mesh:
        return read_mesh(self.mesh)

    @property
    def _inside(self) -> NDArray[np.bool_]:
        return np.ones(len(self._mesh.coordinates), bool) if self.mask is None else self.mask

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        chosen = self._inside if self.centres is None else self.centres
        return np.flatnonzero(chosen).astype(np.int64, copy=False)

    @cached_property
    def _rows(self) -> NDArray[np.int32]:
        return row_table(self._inside, self.usable)

    @cached_property
    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        return mesh_edges(self._mesh.coordinates, self._mesh.faces)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def check_vertices(name: str, chosen: Any, mesh: Mesh) -> None:
    """Raise `MaskError` unless there is one bool for each vertex, and one of them is true.

    Parameters
    ----------
    name : str
        What errors call `chosen`.
    chosen : ndarray of bool, shape (vertices,), or None
        None is all vertices.
    mesh : Mesh
    """
    n = len(mesh.coordinates)
    if chosen is None:
        return
    is_array = isinstance(chosen, np.ndarray)
    if not is_array or chosen.dtype != np.bool_ or chosen.shape != (n,):
        got = f"{chosen.dtype} of shape {chosen.shape}" if is_array else type(chosen).__name__
        raise MaskError(
            f"`{name}` must be {n} booleans, one for each vertex of {mesh.name}, got {got}"
        )
    if not chosen.any():
        raise MaskError(f"`{name}` is empty: it holds no vertex of {mesh.name}")
