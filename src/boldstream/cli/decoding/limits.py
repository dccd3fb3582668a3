"""Memory that is left for decoding once figures have theirs."""

from __future__ import annotations

from boldstream.core.budget import parse_bytes

# Measured with nilearn 0.14: what drawing takes, and volumes that are drawn take beside it.
_DRAWING_BYTES = 26 << 20
_BYTES_PER_VOXEL = 32


def limit_beside_figures(memory_limit: str | None, n_voxels: int = 0) -> int | None:
    """The limit less what figures of volumes of so many voxels take; None if none is given.

    Examples
    --------
    >>> limit_beside_figures("1GiB", 1_000_000)
    1014478848
    """
    if memory_limit is None:
        return None
    most = parse_bytes(memory_limit, name="--memory-limit")
    return max(1, most - _DRAWING_BYTES - _BYTES_PER_VOXEL * n_voxels)
