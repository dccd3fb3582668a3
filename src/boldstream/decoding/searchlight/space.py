"""Where a searchlight goes: samples, centres, and what lies around each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.inference.adjacency import Adjacency, adjacency_of, adjacency_of_mesh
from boldstream.decoding.neighbourhoods import Geodesic, Nearest, Neighbourhoods, Spheres
from boldstream.decoding.neighbourhoods.surface import check_vertices
from boldstream.decoding.samples import Samples, SamplesNanPolicy, open_samples
from boldstream.io.masks import Mask, load_mask
from boldstream.io.surfaces import Mesh, read_mesh
from boldstream.io.writing import NiftiImage, as_image


@dataclass(frozen=True, eq=False)
class Centres:
    """The voxels, or vertices, that have a neighbourhood.

    Attributes
    ----------
    inside : ndarray of bool, shape (x, y, z) or (vertices,)
    grid : Grid or None
        None on a surface.
    faces : ndarray of int, shape (faces, 3), or None
        Of a surface.
    """

    inside: NDArray[np.bool_]
    grid: Grid | None
    faces: NDArray[Any] | None = None

    @cached_property
    def adjacency(self) -> Adjacency:
        """Which of them are neighbours."""
        if self.faces is None:
            return adjacency_of(self.inside)
        return adjacency_of_mesh(self.faces, self.inside)

    @property
    def mask(self) -> Mask | None:
        """As a mask, in a volume."""
        return None if self.grid is None else Mask("process_mask", self.grid, self.inside)

    def whole(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value for each centre, put in its place; 0 elsewhere."""
        n_centres = np.count_nonzero(self.inside)
        if values.shape != (n_centres,):
            raise ParameterError(
                f"`values` must be one for each of the {n_centres} spheres, "
                f"got shape {values.shape}"
            )
        out = np.zeros(self.inside.shape, values.dtype)
        out[self.inside] = values
        return out

    def image_of(self, values: NDArray[Any]) -> NiftiImage:
        """`whole` as an image of float32."""
        if self.grid is None:
            raise ParameterError("on a surface there is no image; take the values themselves")
        return as_image(self.whole(values), self.grid)


@dataclass(frozen=True, eq=False)
class Space:
    """Samples of voxels, and which of them each sphere holds."""

    samples: Samples
    neighbourhoods: Neighbourhoods
    centres: Centres


@contextmanager
def open_space(
    imgs: Any,
    *,
    mask_img: Any,
    process_mask_img: Any,
    radius: float,
    n_neighbours: int | None,
    surface: Any,
    n_samples: int,
    nan_policy: SamplesNanPolicy,
    n_jobs: int,
    memory_limit: str | int | None,
) -> Iterator[Space]:
    """Open samples and find what is around each centre; see `SearchLight`.

    Raises
    ------
    ParameterError
        If there is not one sample for each of `n_samples` labels, or not one
        value for each vertex.
    MaskError
        If a mask does not fit.
    """
    on_surface = surface is not None
    if n_neighbours is not None:
        integer_in("n_neighbours", n_neighbours, 1)
    if on_surface and n_neighbours is not None:
        raise ParameterError("`n_neighbours` must be None on a surface, which takes a `radius`")
    # Before images are decoded, as is all that can be refused.
    mesh = read_mesh(surface, name="surface") if on_surface else None
    if mesh is not None:
        check_vertices("mask_img", mask_img, mesh)
        check_vertices("process_mask_img", process_mask_img, mesh)
    named = mask_img if process_mask_img is None else process_mask_img
    said = "mask_img" if process_mask_img is None else "process_mask_img"
    process = None if on_surface or named is None else load_mask(named, name=said)
    with open_samples(
        imgs,
        mask_img,
        mask_name="mask_img",
        resample=None if on_surface else "mask",
        nan_policy=nan_policy,
        n_jobs=n_jobs,
        memory_limit=memory_limit,
    ) as samples:
        if samples.n_samples != n_samples:
            raise ParameterError(
                f"`y` must have one label for each of the {samples.n_samples} volumes of `imgs`, "
                f"got {n_samples}"
            )
        if mesh is not None:
            yield _along(mesh, samples, mask_img, process_mask_img, radius)
            return
        if samples.mask is None:
            raise ParameterError("`mask_img` must be given for an array, to know where voxels lie")
        usable = samples.n_voxels if samples.usable is None else np.count_nonzero(samples.usable)
        if n_neighbours is not None and n_neighbours > usable:
            raise ParameterError(
                f"`n_neighbours` must be at most the {usable} usable voxels of the mask, "
                f"got {n_neighbours}"
            )
        centres = samples.mask if process is None else process
        space = (
            Spheres(samples.mask, radius, centres=centres)
            if n_neighbours is None
            else Nearest(samples.mask, n_neighbours, centres=centres)
        )
        yield Space(samples, space, Centres(centres.array, centres.grid))


def _along(mesh: Mesh, samples: Samples, mask: Any, process_mask: Any, radius: float) -> Space:
    """Neighbourhoods of the vertices of masks that were found to fit."""
    around = Geodesic(mesh, radius, mask=mask, centres=process_mask)
    if samples.n_voxels != around.n_voxels:
        raise ParameterError(
            f"`imgs` must have a value for each of the {around.n_voxels} vertices of {mesh.name}, "
            f"got {samples.n_voxels}"
        )
    centres = mask if process_mask is None else process_mask
    inside = np.ones(len(mesh.coordinates), np.bool_) if centres is None else centres
    return Space(samples, around, Centres(inside, None, mesh.faces))
