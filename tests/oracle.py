"""What nibabel reads: the oracle of most tests."""

from __future__ import annotations

import os
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray


def load(path: str | os.PathLike[str]) -> Any:
    """Open an image of any kind with nibabel; its class depends on the file."""
    return nib.load(path)


def fdata(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """All values of an image file, as float64."""
    values: NDArray[np.float64] = load(path).get_fdata()
    return values
