"""What a group of maps gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.group.statistics import Statistic
from boldstream.decoding.inference.result import Inference
from boldstream.io.writing import NiftiImage, as_image

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupMaps:
    """Tests of a group of maps, voxel by voxel; each is one-sided.

    Attributes
    ----------
    n_subjects : int
    chance : float
    statistic : {"t", "mean"}
        What flips, TFCE and clusters are about.
    is_exact : bool
        Whether every pattern of signs was taken.
    mean, t : ndarray, shape (voxels,)
        Mean of the maps, and its t against chance.
    p_t, p_t_fdr : ndarray, shape (voxels,)
        Of t with n_subjects − 1 degrees of freedom, and adjusted by Benjamini
        and Hochberg.
    inference : Inference
        Of sign flips. Its `scores` are the statistic (the mean is that less
        chance), and what it says of clusters is in the statistic's unit.
    mask : ndarray of bool, shape (x, y, z), or None
        Voxels lie in the order of ``data[mask]``.
    grid : Grid or None
        Where the mask lies, if that is known.
    path : Path or None
        The folder that was written.
    """

    n_subjects: int
    chance: float
    statistic: Statistic
    is_exact: bool
    mean: Floats
    t: Floats
    p_t: Floats
    p_t_fdr: Floats
    inference: Inference
    mask: NDArray[np.bool_] | None = None
    grid: Grid | None = None
    path: Path | None = None

    @property
    def p_sign_flip(self) -> Floats:
        """Of one voxel looked at alone."""
        return self.inference.p_uncorrected

    @property
    def p_fwe(self) -> Floats:
        """The largest statistic of the map under each flip is what a voxel is compared with."""
        return self.inference.p_fwe

    @property
    def p_fdr(self) -> Floats:
        """`p_sign_flip`, adjusted by Benjamini and Hochberg."""
        return self.inference.p_fdr

    @property
    def tfce(self) -> Floats | None:
        """The statistic, enhanced; None where it was not asked for."""
        return self.inference.tfce

    @property
    def p_tfce_fwe(self) -> Floats | None:
        """As `p_fwe`, of `tfce`."""
        return self.inference.p_tfce_fwe

    @property
    def clusters(self) -> DataFrame | None:
        """A row for each cluster; see `boldstream.decoding.Inference`."""
        return self.inference.clusters

    def img_of(self, values: NDArray[Any], *, outside: float = 0.0) -> NiftiImage:
        """A value for each voxel, as an image of float32.

        Parameters
        ----------
        values : ndarray, shape (voxels,)
        outside : float
            Value of all other voxels.

        Raises
        ------
        ParameterError
            If it is not known where voxels lie, or there is not one value for each.
        """
        if self.mask is None or self.grid is None:
            raise ParameterError("`mask` must be a path or an image for maps to become images")
        if values.shape != self.mean.shape:
            raise ParameterError(
                f"`values` must be one for each of the {len(self.mean)} voxels, "
                f"got shape {values.shape}"
            )
        volume = np.full(self.grid.shape, outside, np.float32)
        volume[self.mask] = values
        return as_image(volume, self.grid)
