"""What the tests of reading share."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from boldstream.io.opening import open_image

AFFINE = np.array([[-3.0, 0, 0, 12], [0, 3, 0, -9], [0, 0.2, 3.5, -4], [0, 0, 0, 1]])


def load(path: Any) -> Any:
    """`nibabel.load`, whose type says too little."""
    return nib.load(path)


def read_all(image: Any, block_volumes: int = 3) -> NDArray[Any]:
    """All volumes, scaled as nibabel scales them, shape (volumes, voxels)."""
    source = open_image(image)
    rows, at = [], 0
    for block in source.blocks(block_volumes):
        assert block.start == at
        assert 1 <= len(block.data) <= block_volumes
        at = block.stop
        rows.append(block.data.astype(np.float64) * block.scaling.slope + block.scaling.inter)
    assert at == source.series.n_volumes
    return np.concatenate(rows)


def as_rows(data: NDArray[Any]) -> NDArray[Any]:
    """Volumes of an array of nibabel's as flat rows, by a naive loop."""
    data = data.reshape((*data.shape[:3], -1), order="F")
    return np.array([data[..., t].ravel(order="F") for t in range(data.shape[3])])


def saved(path: Any, data: NDArray[Any], kind: Any = nib.Nifti1Image) -> Any:
    """Save an array as an image and return its path."""
    nib.save(kind(data, AFFINE), path)
    return path
