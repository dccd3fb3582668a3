"""The store: images that are read more than once, decoded once and shared by all processes."""

from boldstream.memory.store.entries import Entry
from boldstream.memory.store.store import Store
from boldstream.memory.store.voxels import StoredVoxels

__all__ = ["Entry", "Store", "StoredVoxels"]
