"""F of every voxel: what differs between classes, in one pass."""

from boldstream.decoding.f_scores.scores import FScores, f_scores

__all__ = ["FScores", "f_scores"]
