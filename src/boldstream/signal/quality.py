"""How good a run is: changes between volumes, movement of the head, and the carpet of both.

Examples
--------
>>> import numpy as np
>>> motion = np.zeros((3, 6))
>>> motion[1, 0] = 0.2  # mm along x
>>> motion[2] = [0.2, 0, 0, 0, 0, 0.01]  # and 0.01 rad about z: 0.5 mm on a sphere of 50 mm
>>> framewise_displacement(motion)
array([nan, 0.2, 0.5])
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import integer_in, positive_number
from boldstream.core.errors import MaskError, ParameterError
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.opening import ImageLike, open_image
from boldstream.io.source import Series, VolumeSource
from boldstream.io.volume import real_values
from boldstream.kernels.standardize import zscore
from boldstream.signal.confounds import ConfoundsLike
from boldstream.signal.dvars import DVARS
from boldstream.signal.runs import load_runs
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions.voxels import Voxels

Floats = NDArray[np.float64]

MOTION_COLUMNS = tuple(f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz")
"""What fMRIPrep calls the parameters of motion: mm, and radians."""

HIGH_MOTION = 0.5
"""Framewise displacement in mm above which a volume is told as moved (Power et al. 2012)."""

# Power et al. 2012: about the distance from the cortex to the centre of the head.
_HEAD_RADIUS = 50.0
_N_VOXELS = 500
# FSL's FEAT: background lies below a tenth of the range, from the 2nd to the 98th percentile.
_ENDS, _SHARE = (2, 98), 0.1


@dataclass(frozen=True, eq=False)
class Carpet:
    """A run at a glance: voxels over time, and how much each volume differs from the one before.

    Attributes
    ----------
    values : ndarray of float32, shape (rows, volumes)
        z-scores over time (SD with n − 1) of voxels evenly spaced in the mask.
    dvars : ndarray of float64, shape (volumes,)
        In the image's unit; NaN for the first volume of a run.
    framewise_displacement : ndarray of float64, shape (volumes,), or None
        In mm; NaN for the first volume of a run. None where motion is not known.
    t_r : float or None
        Repetition time in seconds, where it is known.
    """

    values: NDArray[np.float32]
    dvars: Floats
    framewise_displacement: Floats | None
    t_r: float | None


def carpet_of(
    image: ImageLike,
    mask: MaskLike | None = None,
    *,
    confounds: ConfoundsLike | None = None,
    n_voxels: int = _N_VOXELS,
    t_r: float | None = None,
    memory_limit: str | int | None = None,
) -> Carpet:
    """Make the carpet of a run, its DVARS and framewise displacement, in one pass.

    Parameters
    ----------
    image : path, nibabel image, or list of either
        A list of 4-D images is a list of runs, joined in order.
    mask : path, image or boolean array, optional
        Voxels that are looked at; by default those of `foreground`, for which
        the first volume is read beforehand.
    confounds : path, data frame, array, or list of these, optional
        Motion of each volume: tables with fMRIPrep's ``trans_x``, ..., ``rot_z``,
        or arrays of these six; of several runs a list with one entry for each.
        "fmriprep" takes what lies beside each image.
    n_voxels : int
        Rows of the carpet, at most.
    t_r : float, optional
        Repetition time in seconds; by default what the header says.
    memory_limit
        As for `boldstream.stream`.

    Returns
    -------
    Carpet

    Raises
    ------
    ParameterError
        If a run has fewer than 2 volumes, or a parameter is none of its values.
    TableError
        If confounds do not hold the motion of each volume.
    GridMismatchError, MaskError, MemoryBudgetError, CorruptImageError

    References
    ----------
    J. D. Power, "A simple but useful way to assess fMRI scan qualities",
    NeuroImage 154, 2017 (the plot); J. D. Power et al., "Spurious but
    systematic correlations in functional connectivity MRI networks arise from
    subject motion", NeuroImage 59, 2012 (DVARS, framewise displacement).

    Examples
    --------
    >>> import numpy as np, nibabel as nib
    >>> data = np.random.default_rng(0).normal(100, 5, (6, 6, 6, 40)).astype("f4")
    >>> carpet = carpet_of(nib.Nifti1Image(data, np.eye(4)), data[..., 0] > 100, n_voxels=50)
    >>> carpet.values.shape, carpet.dvars.shape
    ((50, 40), (40,))
    """
    source = open_image(image)
    lengths = check_runs(source.series)
    displacement = None if confounds is None else _displacement(image, source.series, confounds)
    t_r = source.series.tr if t_r is None else positive_number("t_r", t_r, unit="s")
    if mask is None:
        inside = foreground(source)
    else:
        inside = load_mask(mask, source.series.grid, may_resample=False).array
    voxels, dvars = stream_once(
        source, carpet_reductions(inside, n_voxels), memory_limit=memory_limit
    )
    return Carpet(carpet_rows(voxels, lengths), dvars, displacement, t_r)


def carpet_reductions(inside: NDArray[np.bool_], n_voxels: int = _N_VOXELS) -> tuple[Voxels, DVARS]:
    """What a pass must gather for a carpet: voxels for `carpet_rows`, and DVARS.

    Parameters
    ----------
    inside : ndarray of bool, shape (x, y, z)
        On the grid of the image.
    n_voxels : int
        Of the carpet, at most.

    Raises
    ------
    ParameterError
        If `n_voxels` is not at least 1.
    """
    n_voxels = integer_in("n_voxels", n_voxels, 1)
    places = np.flatnonzero(inside)
    n_rows = min(n_voxels, len(places))
    some = np.zeros(inside.shape, dtype=np.bool_)
    # Centres of as many equal stretches, so that neither end weighs more.
    some.flat[places[(np.arange(n_rows) * 2 + 1) * len(places) // (2 * n_rows)]] = True
    return Voxels(some), DVARS(inside)


def carpet_rows(voxels: NDArray[np.float32], run_lengths: tuple[int, ...]) -> NDArray[np.float32]:
    """Time courses (volumes, rows) as the rows of a carpet, z-scored in each run, in place.

    Returns
    -------
    ndarray of float32, shape (rows, volumes)
        0 in a row that never changes, NaN in one that holds NaN or infinity.
    """
    zscore(voxels, run_lengths, ddof=1)
    return voxels.T


def check_runs(series: Series) -> tuple[int, ...]:
    """Volumes of each run of an image.

    Raises
    ------
    ParameterError
        If one has fewer than 2.
    """
    for length in series.run_lengths:
        if length < 2:
            raise ParameterError(
                f"`image` must hold runs of at least 2 volumes, got {length} in {series.name}"
            )
    return series.run_lengths


def foreground(source: VolumeSource) -> NDArray[np.bool_]:
    """Voxels that are no background in the first volume, which is read.

    Background lies below a tenth of the range of values, from their 2nd to their
    98th percentile, as in FSL's FEAT (Smith et al., NeuroImage 23, 2004).

    Returns
    -------
    ndarray of bool, shape (x, y, z)

    Raises
    ------
    MaskError
        If the volume holds no finite value.
    """
    with closing(source.blocks(1)) as blocks:
        values = np.array(real_values(next(blocks))[0], dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise MaskError(
            f"{source.series.name} has no finite value in its first volume; give `mask`"
        )
    low, high = np.percentile(values[finite], _ENDS, overwrite_input=True)
    inside: NDArray[np.bool_] = finite & (values >= low + _SHARE * (high - low))
    return source.series.grid.volume_of(inside)


def framewise_displacement(motion: ArrayLike) -> Floats:
    """How far the head moved since the volume before, rotations on a sphere of 50 mm.

    Parameters
    ----------
    motion : array-like of float, shape (volumes, 6)
        Translations along x, y, z in mm, and rotations about them in radians.

    Returns
    -------
    ndarray of float64, shape (volumes,)
        Sum of the sizes of the six changes, in mm; NaN for the first volume.

    Raises
    ------
    ParameterError
        If `motion` has another shape.

    References
    ----------
    J. D. Power et al., NeuroImage 59, 2012.

    Examples
    --------
    >>> framewise_displacement([[0, 0, 0, 0, 0, 0], [0.1, -0.1, 0, 0.002, 0, 0]])
    array([nan, 0.3])
    """
    values = np.asarray(motion, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(MOTION_COLUMNS) or not len(values):
        raise ParameterError(
            "`motion` must have shape (volumes, 6), 3 translations in mm and 3 rotations in "
            f"radians, got {values.shape}"
        )
    moved = np.abs(np.diff(values, axis=0))
    moved[:, 3:] *= _HEAD_RADIUS
    return np.concatenate([[np.nan], moved.sum(axis=1)])


def _displacement(image: Any, series: Series, confounds: Any) -> Floats:
    listed = confounds if isinstance(confounds, list | tuple) else [confounds]
    is_named = not any(isinstance(one, np.ndarray) for one in listed)
    runs = load_runs(
        image, series, confounds=confounds, columns=MOTION_COLUMNS if is_named else None
    )
    parts = [
        np.full(length, np.nan) if run.confounds is None else framewise_displacement(run.confounds)
        for run, length in zip(runs, series.run_lengths, strict=True)
    ]
    return np.concatenate(parts)
