"""Decoding of regions: many regions, many targets."""

from boldstream.decoding.roi.decode import decode
from boldstream.decoding.roi.results import Decoding

__all__ = ["Decoding", "decode"]
