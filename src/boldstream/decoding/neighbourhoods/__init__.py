"""Which voxels each sphere holds: by a radius, by number, or along a surface."""

from boldstream.decoding.neighbourhoods.base import Neighbourhoods
from boldstream.decoding.neighbourhoods.nearest import Nearest
from boldstream.decoding.neighbourhoods.spheres import Spheres
from boldstream.decoding.neighbourhoods.surface import Geodesic

__all__ = ["Geodesic", "Nearest", "Neighbourhoods", "Spheres"]
