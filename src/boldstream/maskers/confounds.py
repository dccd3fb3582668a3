"""Confounds as nilearn's maskers take them, and those of fMRIPrep by the name of a strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from nilearn._utils.helpers import stringify_path
from nilearn.signal import sanitize_confounds

from boldstream.maskers.images import Images
from boldstream.signal.confounds import read_confounds
from boldstream.signal.fmriprep import (
    fmriprep_confounds,
    merge_sample_masks,
    parse_confounds_strategy,
)
from boldstream.signal.high_variance import high_variance_confounds


def load_confounds(images: Images, confounds: Any, sample_mask: Any) -> tuple[Any, Any]:
    """Confounds as a matrix, and the sample mask; those of fMRIPrep come from beside the image."""
    strategy = parse_confounds_strategy(confounds)
    if strategy is not None:
        confounds, kept = fmriprep_confounds(images.given, strategy)
        sample_mask = merge_sample_masks(kept, sample_mask, images.n_volumes)
    if confounds is None:
        return None, sample_mask
    confounds = _without_polars(confounds, images.n_volumes)
    # nilearn's own reading, for its errors; ours says where a cell is empty.
    matrix = sanitize_confounds(images.n_volumes, confounds)
    if not np.isfinite(matrix).all():
        read_confounds(confounds, images.n_volumes)
    return matrix, sample_mask


def _without_polars(confounds: Any, n_volumes: int) -> Any:
    """Frames that nilearn does not know as matrices."""
    if isinstance(confounds, list | tuple):
        return [_without_polars(part, n_volumes) for part in confounds]
    is_frame = hasattr(confounds, "columns") and hasattr(confounds, "to_numpy")
    if is_frame and not isinstance(confounds, pd.DataFrame):
        return read_confounds(confounds, n_volumes)
    return stringify_path(confounds)


def with_high_variance(images: Images, confounds: Any, memory_limit: str | int | None) -> list[Any]:
    """Confounds, and the time courses of the voxels of highest variance before them."""
    found = high_variance_confounds(images.source, memory_limit=memory_limit)
    return [found] if confounds is None else [found, confounds]
