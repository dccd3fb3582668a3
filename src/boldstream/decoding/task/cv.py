"""Folds, from what scikit-learn and nilearn take as `cv`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.decoding.task.labels import Labels, said, vector_of
from boldstream.decoding.task.problem import Folds, Rows

# What a name alone stands for, and whether it takes a number.
_NAMES = {"kfold": "5", "stratified": "5", "groupkfold": "5", "logo": "1", "loo": ""}
_FORMS = "'kfold:4', 'stratified:5', 'groupkfold:3', 'logo', 'logo:2' or 'loo'"


def parse_cv(text: str) -> Any:
    """The splitter that a name stands for.

    Parameters
    ----------
    text : str
        ``"kfold:4"``, ``"stratified:5"``, ``"groupkfold:3"`` (5 without a
        number), ``"logo"`` to leave out one group, ``"logo:2"`` two, or
        ``"loo"`` to leave out one sample.

    Raises
    ------
    ParameterError
        If it is none of these.

    Examples
    --------
    >>> parse_cv("kfold:4")
    KFold(n_splits=4, random_state=None, shuffle=False)
    >>> parse_cv("logo:2")
    LeavePGroupsOut(n_groups=2)
    """
    from sklearn import model_selection as splitters

    name, colon, given = text.strip().lower().partition(":")
    number = given if colon else _NAMES.get(name, "")
    least = 1 if name == "logo" else 2
    if (
        name not in _NAMES
        or (name == "loo" and colon)
        or (name != "loo" and not _is(number, least))
    ):
        hint = "" if name in _NAMES else did_you_mean(name, _NAMES)
        raise ParameterError(f"`cv` must be one of {_FORMS}, got {text!r}{hint}")
    if name == "loo":
        return splitters.LeaveOneOut()
    if name == "logo":
        n = int(number)
        return splitters.LeaveOneGroupOut() if n == 1 else splitters.LeavePGroupsOut(n)
    kinds = {"kfold": "KFold", "stratified": "StratifiedKFold", "groupkfold": "GroupKFold"}
    return getattr(splitters, kinds[name])(int(number))


def _is(number: str, least: int) -> bool:
    return number.isdecimal() and int(number) >= least


def make_folds(
    cv: Any, y: Any, groups: Any, n_samples: int, *, classifier: bool
) -> tuple[Folds, bool]:
    """Split samples, once for all spheres.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), str or None
        None is 5 folds. A number is that many, stratified for a classifier.
        Rows of an iterable are positions or booleans. A text is what
        `parse_cv` takes.
    y : sequence, shape (samples,)
        Labels or values.
    groups : sequence, shape (samples,), or None
        Such as the run of each sample. Splitters that know no groups ignore
        them.
    n_samples : int
    classifier : bool
        Whether `y` are classes; each fold has to train on two at least.

    Returns
    -------
    folds : Folds
    stratified : bool
        Whether the folds depend on `y`.

    Raises
    ------
    ParameterError
        If lengths differ, groups are missing, the samples cannot be split so,
        or a fold trains on one class only.

    Examples
    --------
    >>> folds, stratified = make_folds("logo", [0, 1, 0, 1], [1, 1, 2, 2], 4, classifier=True)
    >>> folds.test, stratified
    ((array([0, 1]), array([2, 3])), False)
    """
    labels = vector_of("y", y, n_samples)
    known = None if groups is None else vector_of("groups", groups, n_samples)
    splitter = _splitter_of(parse_cv(cv) if isinstance(cv, str) else cv, labels, classifier)
    if known is None and needs_groups(splitter):
        raise ParameterError(
            f"`groups` must hold a label for each sample, such as its run, as {splitter} splits "
            "by them; got None"
        )
    pairs = _split(splitter, labels, known)
    train: list[Rows] = []
    test: list[Rows] = []
    for i, pair in enumerate(pairs, 1):
        where = f"fold {i} of {len(pairs)}"
        for rows, name, given in zip((train, test), ("train", "test"), pair, strict=True):
            rows.append(_rows_of(given, n_samples, f"{where} must {name}"))
        if classifier:
            _require_two_classes(labels[train[-1]], where)
    return Folds(tuple(train), tuple(test), n_samples), _is_stratified(splitter)


def whole(n_samples: int) -> Folds:
    """One fold that trains on all samples and tests them, for what splits them by itself."""
    everyone = np.arange(n_samples)
    return Folds((everyone,), (everyone,), n_samples)


def _splitter_of(cv: Any, labels: Labels, classifier: bool) -> Any:
    from sklearn.model_selection import check_cv

    try:
        return check_cv(cv, labels, classifier=classifier)
    except (ValueError, TypeError) as error:
        raise ParameterError(_cannot_split(cv, len(labels), error)) from error


def _split(splitter: Any, labels: Labels, groups: Labels | None) -> list[tuple[Any, Any]]:
    import warnings

    with warnings.catch_warnings():
        # Who splits without groups may have given them for permutations.
        warnings.filterwarnings("ignore", "The groups parameter is ignored", UserWarning)
        try:
            pairs = [(a, b) for a, b in splitter.split(np.zeros((len(labels), 1)), labels, groups)]
        except (ValueError, TypeError) as error:
            raise ParameterError(_cannot_split(splitter, len(labels), error)) from error
    if not pairs:
        raise ParameterError("`cv` must give at least one fold, got none")
    return pairs


def _cannot_split(cv: Any, n_samples: int, error: Exception) -> str:
    return f"`cv` must be able to split the {n_samples} samples, got {cv!r}: {error}"


def needs_groups(splitter: Any) -> bool:
    """Whether a splitter cannot do without groups."""
    from sklearn import model_selection as splitters

    return isinstance(
        splitter,
        splitters.GroupKFold
        | splitters.GroupShuffleSplit
        | splitters.LeaveOneGroupOut
        | splitters.LeavePGroupsOut
        | splitters.StratifiedGroupKFold,
    )


def _is_stratified(splitter: Any) -> bool:
    from sklearn import model_selection as splitters

    return isinstance(
        splitter,
        splitters.StratifiedKFold
        | splitters.StratifiedGroupKFold
        | splitters.StratifiedShuffleSplit
        | splitters.RepeatedStratifiedKFold,
    )


def _rows_of(given: Any, n_samples: int, must: str) -> Rows:
    rows = np.asarray(given)
    if rows.dtype == bool and rows.shape == (n_samples,):
        rows = np.flatnonzero(rows)
    inside = rows.ndim == 1 and rows.dtype.kind in "iu" and len(rows) > 0
    if not inside or rows.min() < -n_samples or rows.max() >= n_samples:
        raise ParameterError(
            f"`cv`: {must} on at least one of the {n_samples} samples, by position or by a "
            f"boolean for each, got {_brief(rows)}"
        )
    return rows.astype(np.int64) % n_samples


def _brief(rows: NDArray[Any]) -> str:
    if rows.ndim == 1 and len(rows) > 0:
        return f"{rows.dtype} from {rows.min()} to {rows.max()}"
    return f"shape {rows.shape}"


def _require_two_classes(labels: Labels, where: str) -> None:
    if (labels == labels[0]).all():
        raise ParameterError(
            f"`cv`: {where} must train on at least two classes, got only {said(labels[0])}; "
            "take another `cv`, such as 'stratified:5', or leave out groups that hold one class"
        )
