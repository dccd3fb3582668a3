"""How voxels are scaled before the fit: always ``scale * y + offset``, known once all was read."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.glm.regression.sums import Sums

Floats = NDArray[np.float64]

Scale: TypeAlias = Literal["voxel", "volume", "grand", "zscore_sample", "psc"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Scaled:
    """What makes the data that are fitted, ``scale * y + offset``, of those in the image.

    Attributes
    ----------
    scale, offset : ndarray, shape (voxels,)
    from_reference : ndarray, shape (voxels,)
        The scaled first volume: ``scale * (y - first) + from_reference`` is the
        same, without the digits that a large mean takes.
    """

    scale: Floats
    offset: Floats
    from_reference: Floats


def scaling_of(sums: Sums, total: Floats, kind: Scale | None, volume_means: Floats) -> Scaled:
    """The scaling of each voxel, with nilearn's rules for means of 0 and constant voxels.

    Parameters
    ----------
    sums : Sums
        Of all volumes; with "volume", of volumes in percent of their mean.
    total : ndarray, shape (voxels,)
        Sum of d.
    kind : str or None
        None, "voxel", "volume" and "grand" are nilearn's ``signal_scaling``
        False, 0, 1 and (0, 1); the others its ``standardize``.
    volume_means : ndarray, shape (volumes,)
        Of each volume over voxels, for "volume".
    """
    moved = total / sums.n  # of the mean from the first volume
    mean = sums.reference + moved
    if kind is None:
        return Scaled(np.ones_like(mean), np.zeros_like(mean), sums.reference)
    if kind == "volume":
        warn_of_means(volume_means)
        ones = np.ones_like(mean)
        return Scaled(ones, -100 * ones, sums.reference - 100)
    if kind == "grand":
        # One voxel with NaN would take all others with it.
        finite = mean[np.isfinite(mean)]
        mean = np.full_like(mean, finite.mean() if finite.size else np.nan)
    if kind in ("voxel", "grand"):
        warn_of_means(mean)
        least = np.maximum(mean, 1)
        return Scaled(100 / least, np.full_like(mean, -100.0), 100 * (sums.reference / least - 1))
    if kind == "psc":
        meaningless = np.abs(mean) < _EPS
        scale = np.where(meaningless, 0.0, 100 / np.abs(np.where(meaningless, 1.0, mean)))
    else:
        deviation = _deviation(sums, total)
        deviation[deviation < _EPS] = 1.0
        scale = 1 / deviation
    return Scaled(scale, -scale * mean, -scale * moved)


def _deviation(sums: Sums, total: Floats) -> Floats:
    apart = sums.squares[0] - total * (total / sums.n)
    deviation: Floats = np.sqrt(np.maximum(apart, 0) / max(1, sums.n - 1))
    return deviation


def warn_of_means(means: Floats) -> None:
    """Give nilearn's warning of data in percent of a mean that is 0."""
    if (means == 0).any():
        warnings.warn(
            "Mean values of 0 observed. The data have probably been centered. "
            "Scaling might not work as expected.",
            UserWarning,
            stacklevel=2,
        )
