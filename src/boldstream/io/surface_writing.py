"""Write values of the vertices of a surface."""

from __future__ import annotations

import os
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from numpy.typing import NDArray


def write_surface_data(path: str | os.PathLike[str], values: NDArray[Any]) -> None:
    """Write a value for each vertex as a GIFTI file of float32.

    Parameters
    ----------
    path : path
        Ends in ``.gii``.
    values : ndarray, shape (vertices,)
    """
    array = GiftiDataArray(values.astype(np.float32), intent="NIFTI_INTENT_NONE")
    nib.save(GiftiImage(darrays=[array]), os.fspath(path))
