"""The reductions that users write down."""

from boldstream.streaming.reductions.labels import Labels
from boldstream.streaming.reductions.maps import Maps, WeightMaps
from boldstream.streaming.reductions.moments import TSNR, Mean, Std
from boldstream.streaming.reductions.project import Project
from boldstream.streaming.reductions.regions import Regions
from boldstream.streaming.reductions.spheres import Spheres
from boldstream.streaming.reductions.volumes import Volumes
from boldstream.streaming.reductions.voxels import Voxels

__all__ = [
    "TSNR",
    "Labels",
    "Maps",
    "Mean",
    "Project",
    "Regions",
    "Spheres",
    "Std",
    "Volumes",
    "Voxels",
    "WeightMaps",
]
