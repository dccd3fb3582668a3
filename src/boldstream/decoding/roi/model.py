"""What is fitted in each fold: scaling, selection and estimator, and no leak into the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.decoding.task.cv import needs_groups
from boldstream.decoding.task.names import is_classifier
from boldstream.decoding.task.problem import Folds


def build_model(
    estimator: Any, *, scale: bool, select: Any, param_grid: Any, scoring: Any, groups: Any
) -> Any:
    """An estimator with what has to be fitted inside the folds before it, and a search around it.

    Parameters
    ----------
    estimator : scikit-learn estimator
    scale : bool
    select : int, float, transformer or None
    param_grid : mapping or None
        Of parameters of the estimator, or of the pipeline as ``estimator__C``.
    scoring : str, callable or None
        By which the search chooses.
    groups : ndarray or None
        Whether the search leaves out one group, or one of 5 folds.

    Raises
    ------
    ParameterError
        If `select` or `param_grid` are none of these.
    """
    from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [("estimator", estimator)]
    if select is not None:
        steps.insert(0, ("select", _selector(select, values=not is_classifier(estimator))))
    if scale:
        steps.insert(0, ("scale", StandardScaler()))
    model = Pipeline(steps) if len(steps) > 1 else estimator
    if param_grid is None:
        return model
    return GridSearchCV(
        model,
        _of_model(param_grid, model, estimator),
        scoring=scoring,
        cv=5 if groups is None else LeaveOneGroupOut(),
        error_score="raise",
    )


def _selector(select: Any, *, values: bool) -> Any:
    from boldstream.decoding.roi.selection import BestVoxels

    if hasattr(select, "fit") and hasattr(select, "transform"):
        from sklearn.base import clone

        return clone(select)
    is_count = isinstance(select, int | np.integer) and not isinstance(select, bool) and select > 0
    is_share = isinstance(select, float) and 0 < select <= 1
    if not (is_count or is_share):
        raise ParameterError(
            "`select` must be a number of voxels, a share of them above 0 and up to 1.0, or a "
            f"transformer that is not fitted, got {select!r}"
        )
    return BestVoxels(select, values=values)


def _of_model(param_grid: Any, model: Any, estimator: Any) -> dict[str, Any]:
    if not isinstance(param_grid, Mapping) or not param_grid:
        raise ParameterError(
            "`param_grid` must map names of parameters to lists of values, such as "
            f"{{'C': [0.1, 1]}}, got {param_grid!r}"
        )
    known, own = model.get_params(), estimator.get_params()
    out = {}
    for name, values in param_grid.items():
        inner = f"estimator__{name}" if model is not estimator and name in own else name
        if inner not in known:
            raise ParameterError(
                f"`param_grid` must hold parameters of {type(estimator).__name__}, got {name!r}"
                f"{did_you_mean(name, [*own, *known])}"
            )
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise ParameterError(
                f"`param_grid` must hold a list of values for {name!r}, got {values!r}"
            )
        out[inner] = values
    return out


def searches_by_groups(model: Any) -> bool:
    """Whether a search splits the samples of a fold by their groups."""
    from sklearn.model_selection import check_cv

    # Searches have both; those that choose with own estimators (RidgeCV) have no grid.
    if not (hasattr(model, "cv") and hasattr(model, "estimator")):
        return False
    return needs_groups(check_cv(model.cv))


def check_selected_inside(estimator: Any, select: Any) -> None:
    """Raise `ParameterError` where voxels were selected before the folds were made."""
    for part in [estimator, *_parts(estimator)]:
        if type(part).__name__ == "FrozenEstimator" or (
            hasattr(part, "get_support") and _is_fitted(part)
        ):
            raise ParameterError(
                f"`estimator` must not be fitted before, got {type(part).__name__} that is: it "
                "may know the test samples; pass a new one, or allow_leakage=True"
            )
    if is_selected_outside(select):
        raise ParameterError(
            "`select` must select voxels inside each fold: a number, a share or a transformer "
            f"that is not fitted, got {_title(select)}; what was chosen on all samples knows the "
            "test samples (allow_leakage=True takes it)"
        )


def is_selected_outside(select: Any) -> bool:
    """Whether `select` was chosen before: voxels, or a transformer that is fitted."""
    if hasattr(select, "transform"):
        return _is_fitted(select)
    return isinstance(select, np.ndarray | list | tuple)


def selected_outside(values: NDArray[np.float32], select: Any) -> NDArray[np.float32]:
    """The voxels (samples, voxels) that were chosen before."""
    if hasattr(select, "transform"):
        return np.asarray(select.transform(values), np.float32)
    chosen = np.asarray(select)
    fits = chosen.ndim == 1 and (
        len(chosen) == values.shape[1]
        if chosen.dtype == bool
        else chosen.dtype.kind in "iu" and np.isin(chosen, np.arange(values.shape[1])).all()
    )
    if not fits or not len(chosen) or (chosen.dtype == bool and not chosen.any()):
        raise ParameterError(
            f"`select` must hold positions of some of the {values.shape[1]} voxels, or a boolean "
            f"for each, got {chosen.dtype} of shape {chosen.shape}"
        )
    return values[:, chosen]


def _parts(estimator: Any) -> list[Any]:
    given = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    return [part for part in given.values() if hasattr(part, "fit")]


def _is_fitted(part: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(part, type):
        return False
    try:
        check_is_fitted(part)
    except NotFittedError:
        return False
    return True


def _title(select: Any) -> str:
    if hasattr(select, "transform"):
        return f"{type(select).__name__} that is fitted"
    return f"{len(select)} entries"


def check_no_leak(folds: Folds, groups: NDArray[Any] | None) -> None:
    """Raise `ParameterError` if a fold trains on what it tests: a sample, or its group."""
    for i, (train, test) in enumerate(zip(folds.train, folds.test, strict=True), 1):
        where = f"fold {i} of {len(folds.test)}"
        if len(np.intersect1d(train, test)):
            raise ParameterError(
                f"`cv` must not train on samples that it tests, got {where} that does; "
                "allow_leakage=True takes it"
            )
        both = [] if groups is None else np.intersect1d(groups[train], groups[test]).tolist()
        if both:
            raise ParameterError(
                f"`cv` must keep each group together, got {where} with training and test samples "
                f"of the group {both[0]!r}; take cv='logo', or allow_leakage=True"
            )


def check_nested(folds: Folds, groups: NDArray[Any]) -> None:
    """Raise `ParameterError` where a search has no two groups to choose between in a fold."""
    for i, train in enumerate(folds.train, 1):
        if len(np.unique(groups[train])) < 2:
            raise ParameterError(
                "`param_grid` needs at least two groups among the training samples of each fold, "
                f"got one in fold {i} of {len(folds.train)}"
            )
