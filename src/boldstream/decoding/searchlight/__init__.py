"""`SearchLight`: decode the neighbourhood of every voxel."""

from boldstream.decoding.searchlight.estimator import SearchLight

__all__ = ["SearchLight"]
