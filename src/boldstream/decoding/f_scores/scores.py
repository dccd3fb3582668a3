"""`f_scores`: how much the classes of volumes differ, voxel by voxel, from one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import positive_number
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.f_scores.class_sums import ClassSums, Design, TotalSums
from boldstream.decoding.task.conditions import kept_by_condition
from boldstream.decoding.task.labels import encode_targets, vector_of
from boldstream.io.betas import Betas
from boldstream.io.betas_source import open_volumes
from boldstream.io.masks import MaskLike, mask_among
from boldstream.io.opening import ImageLike
from boldstream.io.source import Series
from boldstream.io.writing import NiftiImage, as_image
from boldstream.streaming.nonfinite import NanPolicy
from boldstream.streaming.once import stream_once
from boldstream.streaming.progress import Report

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FScores:
    """F of an analysis of variance of each voxel, and its p.

    Attributes
    ----------
    f, p : ndarray, shape (voxels,), float64
        In the order of ``data[mask]``. NaN in a voxel that does not vary.
    neg_log10_p : ndarray, shape (voxels,), float64
        −log10 p, at most the cap; 0 in a voxel that does not vary.
    mask : ndarray of bool, shape (x, y, z)
    grid : Grid
    n_samples : tuple of int
        Volumes of each class.
    classes : ndarray
        Sorted.
    """

    f: Floats
    p: Floats
    neg_log10_p: Floats
    mask: NDArray[np.bool_]
    grid: Grid
    n_samples: tuple[int, ...]
    classes: NDArray[Any]

    @property
    def f_img(self) -> NiftiImage:
        """F as an image, 0 outside the mask and in voxels that do not vary."""
        return self._image(self.f)

    @property
    def p_img(self) -> NiftiImage:
        """P as an image, 1 outside the mask and in voxels that do not vary."""
        return self._image(self.p, 1.0)

    @property
    def neg_log10_p_img(self) -> NiftiImage:
        """−log10 p as an image, 0 outside the mask."""
        return self._image(self.neg_log10_p)

    def _image(self, values: Floats, elsewhere: float = 0.0) -> NiftiImage:
        volume = np.full(self.grid.shape, elsewhere, np.float32)
        volume[self.mask] = np.where(np.isnan(values), elsewhere, values)
        return as_image(volume, self.grid)


def f_scores(
    imgs: ImageLike | Betas,
    y: Any,
    *,
    mask: MaskLike | None = None,
    runs: Any = None,
    conditions: Sequence[Any] | None = None,
    standardize: bool = True,
    cap: float | None = 10.0,
    nan_policy: NanPolicy = "zero",
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> FScores:
    """F scores of classes of volumes, voxel by voxel, from one pass.

    What ``sklearn.feature_selection.f_classif`` gives for volumes that
    nilearn's `NiftiMasker` standardised run by run, without the volumes
    themselves ever being held.

    Parameters
    ----------
    imgs : path, nibabel image, list of either, or betas
        A list of 4-D images is a list of runs. Betas are a folder that
        `trial_betas` wrote, or what it or `open_betas` gave.
    y : sequence, shape (volumes,)
        Class of each volume.
    mask : path, nibabel image or boolean ndarray (x, y, z), optional
        All voxels by default, of betas those that have any.
    runs : sequence, shape (volumes,), optional
        Run of each volume; by default each 4-D image is one, and betas are one
        in all, over which F is standardised then: ``trials["run"]`` has theirs.
    conditions : sequence, optional
        Classes to take. Volumes of others count nowhere, as if they were not
        in the image.
    standardize : bool
        Bring each voxel to mean 0 and standard deviation 1 (ddof 1) in each
        run first. A voxel that is constant in a run is 0 there.
    cap : float or None
        −log10 p is cut there.
    nan_policy : {"zero", "nilearn", "raise", "propagate"}
        What becomes of NaN and infinity in the mask: they count as 0, as in
        nilearn, are refused, or make F NaN.
    n_jobs, memory_limit, progress
        As for `boldstream.stream`.

    Returns
    -------
    FScores

    Raises
    ------
    ParameterError
        If `y` or `runs` has not one entry for each volume, `y` is continuous
        or of one class, there are not more volumes than classes, or a run has
        one volume.
    GridMismatchError, MaskError, NonFiniteError, MemoryBudgetError

    Notes
    -----
    F = MS_between / MS_within. The z-scores of a run are known from its mean,
    its sum of squares and its sum over each class, which are gathered about
    the run's first volume, so that they keep their digits.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> data = np.random.default_rng(0).normal(100, 1, size=(2, 2, 2, 40))
    >>> y = ["face", "house"] * 20
    >>> data[0, 0, 0, ::2] += 5
    >>> found = f_scores(nib.Nifti1Image(data, np.eye(4)), y, runs=[1] * 20 + [2] * 20)
    >>> int(found.neg_log10_p.argmax()), float(found.neg_log10_p.max())
    (0, 10.0)
    """
    if cap is not None:
        cap = positive_number("cap", cap)
    source = open_volumes(imgs)
    series = source.series
    design = _design(y, runs, conditions, series, standardize)
    inside = mask_among(source.inside, series.grid, mask, may_resample=False).array
    (sums,) = stream_once(
        source,
        [ClassSums(inside, design, nan_policy)],
        n_jobs=n_jobs,
        memory_limit=memory_limit,
        progress=progress,
    )
    f, p = anova(sums, np.array(design.n_samples))
    with np.errstate(divide="ignore"):
        scores = -np.log10(np.where(np.isnan(p), 1.0, p))
    # 0, and not the −0 that numpy makes of log10(1).
    scores = np.abs(scores if cap is None else np.minimum(scores, cap))
    return FScores(f, p, scores, inside, series.grid, design.n_samples, design.classes)


def _design(y: Any, runs: Any, conditions: Any, series: Series, standardize: bool) -> Design:
    n = series.n_volumes
    labels = vector_of("y", y, n)
    kept = kept_by_condition(labels, conditions)
    targets = encode_targets(labels[kept], classifier=True)
    codes = np.full(n, -1, np.int64)
    codes[kept] = targets.labellings[0]
    if len(kept) <= targets.n_classes:
        raise ParameterError(
            f"`y` must have more volumes than classes, got {len(kept)} volumes of "
            f"{targets.n_classes} classes"
        )
    given = np.repeat(np.arange(len(series.run_lengths)), series.run_lengths)
    if runs is not None:
        given = vector_of("runs", runs, n)
    run_codes = np.zeros(n, np.int64)
    if standardize:
        run_codes = np.unique(given, return_inverse=True)[1].astype(np.int64)
    lengths = np.bincount(run_codes[kept], minlength=run_codes.max() + 1)
    if standardize and (lengths == 1).any():
        alone = given[run_codes == np.flatnonzero(lengths == 1)[0]][0]
        raise ParameterError(
            f"`runs` must have at least two volumes each to be standardised, got one of run {alone}"
        )
    assert targets.classes is not None
    return Design(codes, run_codes, targets.classes, lengths, standardize)


def anova(sums: TotalSums, n_samples: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """F and p from sums over each class (classes, voxels) and sums of squares (voxels,)."""
    from scipy.special import fdtrc

    n, k = int(n_samples.sum()), len(n_samples)
    common = sums.classes.sum(axis=0) ** 2 / n
    between = (sums.classes**2 / n_samples[:, None]).sum(axis=0) - common
    # Rounding must not take the sum of squares within classes below 0.
    within = np.maximum(sums.squares - common - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = (between / (k - 1)) / (within / (n - k))
    return f, cast("Floats", fdtrc(k - 1, n - k, f))
