"""Preparations of volumes inside the pass."""

from boldstream.streaming.preparations.prepared import Prepared

__all__ = ["Prepared"]
