"""Inference over maps: p of every voxel, of maxima, of clusters, of TFCE, of a group."""

from boldstream.decoding.inference.null_maps import NullMaps, open_null_maps
from boldstream.decoding.inference.result import Inference

__all__ = [
    "Inference",
    "NullMaps",
    "open_null_maps",
]
