"""`fit_transform_many`: any number of maskers from one decode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import check_is_fitted

from boldstream.core.budget import parse_bytes
from boldstream.core.errors import ParameterError
from boldstream.maskers.confounds import load_confounds, with_high_variance
from boldstream.maskers.extraction import extract_together
from boldstream.maskers.images import open_images
from boldstream.maskers.streamed import Streamed
from boldstream.signal.caller import warnings_at_caller


@warnings_at_caller()
def fit_transform_many(
    maskers: Sequence[Streamed],
    imgs: Any,
    *,
    confounds: Any = None,
    sample_mask: Any = None,
    memory_limit: str | int | None = None,
    progress: bool = False,
) -> list[Any]:
    """Fit maskers that are not fitted yet, and transform images by all of them in one decode.

    Each masker keeps its own mask, smoothing and cleaning; the image is
    decoded once for all, and smoothed once for those that smooth alike.

    Parameters
    ----------
    maskers : sequence of maskers of `boldstream.maskers`
        A `NiftiMasker` without a mask reads the image once more, to find one.
    imgs : path, image, or list of 3-D ones
    confounds, sample_mask
        As for ``transform``; the same for all maskers.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``; the
        least of this and of what the maskers say.
    progress : bool
        Whether a bar is drawn on standard error.

    Returns
    -------
    list
        What each masker's ``transform`` would return, in their order.

    Raises
    ------
    ParameterError
        If one of `maskers` is none of this package.

    Examples
    --------
    >>> import numpy as np, nibabel as nib
    >>> from boldstream.maskers import NiftiLabelsMasker, NiftiSpheresMasker, fit_transform_many
    >>> data = np.random.default_rng(0).normal(size=(4, 4, 4, 10)).astype("f4")
    >>> image = nib.Nifti1Image(data, np.eye(4))
    >>> regions = np.repeat([0, 1, 2, 3], 16).reshape(4, 4, 4)
    >>> atlas = nib.Nifti1Image(regions.astype("i4"), np.eye(4))
    >>> maskers = [
    ...     NiftiLabelsMasker(atlas, standardize=None),
    ...     NiftiSpheresMasker([(1, 1, 1)], radius=1, standardize=None),
    ... ]
    >>> [signals.shape for signals in fit_transform_many(maskers, image)]
    [(10, 3), (10, 1)]
    """
    for masker in _checked(maskers):
        if not _is_fitted(masker):
            masker.fit(imgs)
    images = open_images(imgs)
    confounds, sample_mask = load_confounds(images, confounds, sample_mask)
    for masker in maskers:
        masker._check_cleaning(images, confounds, sample_mask)
    memory_limit = _least_limit([memory_limit, *(masker.memory_limit for masker in maskers)])
    richer = confounds
    if any(masker.high_variance_confounds for masker in maskers):
        richer = with_high_variance(images, confounds, memory_limit)
    extracted = extract_together(
        maskers, images, confounds=richer, memory_limit=memory_limit, progress=progress
    )
    results = []
    for masker, signals in zip(maskers, extracted, strict=True):
        own = richer if masker.high_variance_confounds else confounds
        cleaned = masker._finish(signals, images, own, sample_mask)
        results.append(_wrap_data_with_container("transform", cleaned, imgs, masker))
    return results


def _least_limit(limits: Sequence[str | int | None]) -> int | None:
    given = (parse_bytes(limit, name="memory_limit") for limit in limits if limit is not None)
    return min(given, default=None)


def _checked(maskers: Any) -> Sequence[Streamed]:
    if not isinstance(maskers, list | tuple) or not maskers:
        raise ParameterError(f"`maskers` must be a list of at least one masker, got {maskers!r}")
    for masker in maskers:
        if not isinstance(masker, Streamed):
            raise ParameterError(
                f"`maskers` must be maskers of boldstream.maskers, got {type(masker).__name__} of "
                f"{type(masker).__module__}"
            )
    return maskers


def _is_fitted(masker: Streamed) -> bool:
    try:
        check_is_fitted(masker)
    except NotFittedError:
        return False
    return True
