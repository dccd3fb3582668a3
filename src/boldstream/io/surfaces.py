"""Surfaces: meshes, and data on their vertices, as GIFTI files hold them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
from nibabel.gifti.gifti import GiftiImage
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError, UnsupportedImageError
from boldstream.io.headers import check_type
from boldstream.io.translate import expanded, read_head, translated

OneSurface: TypeAlias = str | os.PathLike[str] | GiftiImage
MeshLike: TypeAlias = Any
"""A path, a GIFTI image, a `Mesh` of here or of nilearn, or coordinates and faces."""

_ENDINGS = (".gii", ".gii.gz")


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices, and the triangles between them.

    Attributes
    ----------
    name : str
        The file's path, or what to call a mesh that has none.
    coordinates : ndarray of float64, shape (vertices, 3)
        In mm.
    faces : ndarray of int32, shape (faces, 3)
    """

    name: str
    coordinates: NDArray[np.float64]
    faces: NDArray[np.int32]


def is_gifti(image: Any) -> bool:
    """Whether something is a GIFTI image, or the path of one.

    Examples
    --------
    >>> is_gifti("lh.func.gii"), is_gifti("bold.nii.gz")
    (True, False)
    """
    if isinstance(image, str | os.PathLike):
        return os.fspath(image).lower().endswith(_ENDINGS)
    return isinstance(image, GiftiImage)


def read_mesh(mesh: MeshLike, *, name: str = "mesh") -> Mesh:
    """Read a mesh.

    Parameters
    ----------
    mesh : path, nibabel GIFTI image, nilearn mesh, or pair of arrays
        A mesh of nilearn is anything with `coordinates` and `faces`.
    name : str
        What errors call the parameter.

    Raises
    ------
    ImageFileError
        If the file is missing, unreadable or no GIFTI file.
    CorruptImageError
        If it is truncated or damaged.
    UnsupportedImageError
        If it holds no mesh, or one whose coordinates are not finite or whose
        triangles name vertices that are not there.
    ParameterError
        If `mesh` is nothing of the kind.

    Examples
    --------
    >>> mesh = read_mesh(([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]))
    >>> mesh.coordinates.shape, mesh.faces.tolist()
    ((3, 3), [[0, 1, 2]])
    """
    if isinstance(mesh, Mesh):
        return mesh
    if isinstance(mesh, str | os.PathLike | GiftiImage):
        image, file = _open_gifti(mesh, "mesh")
        parts = [image.agg_data(intent) for intent in ("pointset", "triangle")]
        if not all(isinstance(part, np.ndarray) for part in parts):
            raise UnsupportedImageError(f"{file} must hold one pointset and its triangles")
        return _checked_mesh(file, *parts)
    if hasattr(mesh, "coordinates") and hasattr(mesh, "faces"):
        return _checked_mesh("the mesh in memory", mesh.coordinates, mesh.faces)
    if isinstance(mesh, Sequence) and len(mesh) == 2:
        return _checked_mesh("the mesh in memory", *mesh)
    raise ParameterError(
        f"`{name}` must be a path of a GIFTI file, a mesh of nibabel or nilearn, or coordinates "
        f"and faces, got {type(mesh).__name__}"
    )


def read_surface_data(data: OneSurface | Sequence[OneSurface]) -> NDArray[np.float32]:
    """Read values of vertices: a sample from each data array, file after file.

    Parameters
    ----------
    data : path, nibabel GIFTI image, or list of either
        A data array of two axes holds (vertices, samples).

    Returns
    -------
    ndarray, shape (samples, vertices), float32

    Raises
    ------
    ImageFileError, CorruptImageError
        If a file cannot be read.
    UnsupportedImageError
        If a file holds no values of vertices, or they differ in number.
    ParameterError
        If `data` is nothing of the kind, or an empty list.
    """
    images: Any = [data] if is_gifti(data) else data
    if not isinstance(images, Sequence) or isinstance(images, str) or not images:
        raise ParameterError(
            f"`data` must be a path of a GIFTI file, a GIFTI image or a list of these, got {data!r}"
        )
    parts = [_samples_of(*_open_gifti(image, "data")) for image in images]
    if len({part.shape[1] for part in parts}) > 1:
        raise UnsupportedImageError(
            "surfaces of a list must have the same number of vertices, got "
            + ", ".join(str(part.shape[1]) for part in parts)
        )
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _open_gifti(image: OneSurface, what: str) -> tuple[GiftiImage, str]:
    """A GIFTI image and its name."""
    if isinstance(image, GiftiImage):
        return image, image.get_filename() or f"the {what} in memory"
    if not isinstance(image, str | os.PathLike):
        raise ParameterError(f"`{what}` must be of GIFTI files, got {type(image).__name__}")
    path: Path = expanded(image)
    read_head(path)
    with translated(path):
        found = nib.load(path)
    if not isinstance(found, GiftiImage):
        raise UnsupportedImageError(f"{path} must be a GIFTI file, got {type(found).__name__}")
    return found, str(path)


def _samples_of(image: GiftiImage, name: str) -> NDArray[np.float32]:
    """Values (samples, vertices) of one image."""
    arrays = [np.asarray(one.data) for one in image.darrays]
    if len(arrays) == 1 and arrays[0].ndim == 2:
        arrays = list(arrays[0].T)
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise UnsupportedImageError(
            f"{name} must hold data arrays of one value for each vertex, got shapes {shapes}"
            if shapes
            else f"{name} must hold values of vertices, got no data array"
        )
    for array in arrays:
        check_type(array.dtype, name)
    return np.array(arrays, np.float32)


def _checked_mesh(name: str, coordinates: Any, faces: Any) -> Mesh:
    """A mesh that is one."""
    try:
        points, triangles = np.array(coordinates, np.float64), np.array(faces)
    except (TypeError, ValueError) as error:
        raise UnsupportedImageError(f"{name} must hold numbers: {error}") from error
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise UnsupportedImageError(
            f"{name} must hold finite coordinates (vertices, 3), got shape {points.shape}"
        )
    if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.dtype.kind not in "iu":
        raise UnsupportedImageError(
            f"{name} must hold triangles (faces, 3) of integers, got {triangles.dtype} of shape "
            f"{triangles.shape}"
        )
    if triangles.size and not (triangles.min() >= 0 and triangles.max() < len(points)):
        raise UnsupportedImageError(
            f"{name} has {len(points)} vertices; its triangles name others, from "
            f"{triangles.min()} to {triangles.max()}"
        )
    return Mesh(name, points, triangles.astype(np.int32))
