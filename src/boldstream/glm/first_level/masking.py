"""The masker of a first-level model, as nilearn's model finds it, from streamed images."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from nilearn import maskers as nilearn_maskers
from nilearn._utils.masker_validation import check_compatibility_mask_and_images
from nilearn.maskers.masker_validation import check_embedded_masker
from sklearn.utils.validation import check_is_fitted

from boldstream.maskers import MultiNiftiMasker, NiftiMasker
from boldstream.maskers.images import open_images

# How these read images is known, and can be done in the pass of the model.
_KNOWN = (
    NiftiMasker,
    MultiNiftiMasker,
    nilearn_maskers.NiftiMasker,
    nilearn_maskers.MultiNiftiMasker,
)


def find_masker(estimator: Any, run_imgs: Sequence[Any]) -> Any:
    """The fitted masker of a model of volumes: the one it was given, or one of its `mask_img`.

    Parameters
    ----------
    estimator : FirstLevel
    run_imgs : list of path or image
        Read, one after another, only where the mask is to be found in them.

    Raises
    ------
    TypeError
        If the mask does not go with volumes.
    sklearn.exceptions.NotFittedError
        If a masker was given that is not fitted.
    """
    given = estimator.mask_img
    if given is not False:
        check_compatibility_mask_and_images(given, run_imgs[0])
    # A fitted masker without a mask lends nothing but its parameters.
    is_empty = getattr(given, "mask_img_", given) is None
    if isinstance(given, nilearn_maskers.NiftiMasker) and not is_empty:
        check_is_fitted(given)
        return given
    first = _embedded(estimator, "multi_nii", MultiNiftiMasker)
    first.reports = False
    if given is False:
        first.mask_img = _everything(run_imgs[0])
    first.fit(run_imgs if first.mask_img is None else None)
    # Twice, as nilearn: resampled to an affine without origin, a mask may move once more.
    masker = _embedded(estimator, "nii", NiftiMasker)
    masker.mask_img = first.mask_img_
    return masker.fit()


def find_reader(masker: Any, estimator: Any) -> Any:
    """A masker that takes what this one takes, streamed, and standardizes as the model says.

    The one that is given is left as it is.
    """
    reader = copy(masker)
    if type(masker) in _KNOWN:
        options = {"nan_policy": estimator.nan_policy, "memory_limit": estimator.memory_limit}
        reader = NiftiMasker(**options)
        reader.__dict__.update({**options, **vars(masker)})
    reader.standardize = estimator.standardize_
    return reader


def is_one_pass(reader: Any) -> bool:
    """Whether a reader does nothing but what can be done to each volume by itself."""
    steps = ("detrend", "low_pass", "high_pass", "high_variance_confounds")
    return type(reader) is NiftiMasker and not any(getattr(reader, step) for step in steps)


def _embedded(estimator: Any, kind: Any, cls: type) -> Any:
    """The masker that nilearn makes for a model, in our class."""
    theirs = check_embedded_masker(estimator, masker_type=kind, ignore=["high_pass"])
    parameters = theirs.get_params(deep=False)
    options = {"nan_policy": estimator.nan_policy, "memory_limit": estimator.memory_limit}
    masker = cls(**{**parameters, **options})
    masker.memory_level = estimator.memory_level
    masker.mask_strategy = "epi"
    return masker


def _everything(image: Any) -> Any:
    """A mask of all voxels."""
    images = open_images(image)
    return images.like(np.ones(images.grid.shape, np.uint8))
