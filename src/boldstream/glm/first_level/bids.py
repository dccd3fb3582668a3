"""First-level models of the subjects of a BIDS dataset."""

from __future__ import annotations

import inspect
from typing import Any

from nilearn.glm.first_level.first_level import first_level_from_bids as _find

from boldstream.glm.first_level.model import FirstLevel
from boldstream.signal.caller import warnings_at_caller
from boldstream.streaming.nonfinite import NanPolicy


@warnings_at_caller()
def first_level_from_bids(
    *args: Any,
    nan_policy: NanPolicy = "nilearn",
    memory_limit: str | int | None = None,
    **kwargs: Any,
) -> tuple[list[FirstLevel], list[Any], list[Any], list[Any]]:
    """Make a model for each subject of a BIDS dataset, and find what to fit it to.

    The same as `nilearn.glm.first_level.first_level_from_bids`, but the models
    are streamed, and with ``mask_img="derivatives"`` each subject gets its own
    mask; nilearn 0.14.1 gives all that of the first.

    Parameters
    ----------
    *args, **kwargs
        As for nilearn's function: ``dataset_path``, ``task_label`` and more.
    nan_policy : {"nilearn", "zero", "propagate", "raise"}
    memory_limit : str, int or None
        Of the models.

    Returns
    -------
    models : list of FirstLevel
        One for each subject.
    run_imgs, events, confounds : list of list
        For each model what its ``fit`` takes.
    """
    theirs, run_imgs, events, confounds = _find(*args, **kwargs)
    given = inspect.signature(_find).bind(*args, **kwargs).arguments
    given |= given.pop("kwargs", {})
    if given.get("mask_img") == "derivatives":
        for model in theirs[1:]:
            (alone,), *_ = _find(**{**given, "sub_labels": [model.subject_label]})
            model.mask_img = alone.mask_img
    models = [
        FirstLevel(**model.get_params(deep=False), nan_policy=nan_policy, memory_limit=memory_limit)
        for model in theirs
    ]
    return models, run_imgs, events, confounds


def _with_options(theirs: inspect.Signature) -> inspect.Signature:
    """The parameters of nilearn, and ours before its last, ``**kwargs``."""
    own = inspect.signature(first_level_from_bids).parameters
    options = [own[name] for name in ("nan_policy", "memory_limit")]
    *parameters, rest = theirs.parameters.values()
    return theirs.replace(parameters=[*parameters, *options, rest])


first_level_from_bids.__signature__ = _with_options(  # type: ignore[attr-defined]
    inspect.signature(_find)
)
