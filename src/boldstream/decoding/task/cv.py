"""Folds and targets, from what scikit-learn and nilearn take as `cv`, `y` and `groups`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.decoding.task.problem import Folds, Rows, Targets

Labels = NDArray[Any]

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
            f"`cv`: {where} must train on at least two classes, got only {_said(labels[0])}; "
            "take another `cv`, such as 'stratified:5', or leave out groups that hold one class"
        )


def encode_targets(y: Any, *, classifier: bool, name: str = "y") -> Targets:
    """What is predicted, as codes of classes or as values.

    Parameters
    ----------
    y : sequence, shape (samples,)
        Labels of one kind (text, integers, booleans, whole floats), or
        numbers; pandas' Series and Categorical too.
    classifier : bool
    name : str
        What errors call it.

    Returns
    -------
    Targets
        With one labelling, what was given.

    Raises
    ------
    ParameterError
        If values are missing, a classifier is given continuous values or one
        class, or a regressor something else than finite numbers.

    Examples
    --------
    >>> targets = encode_targets(["house", "face", "house"], classifier=True)
    >>> targets.labellings, targets.classes
    (array([[1, 0, 1]], dtype=int16), array(['face', 'house'], dtype='<U5'))
    """
    labels = vector_of(name, y)
    if not classifier:
        return _values(labels, name)
    if labels.dtype.kind == "f":
        broken = labels[labels != np.round(labels)]
        if len(broken) or not np.isfinite(labels).all():
            raise ParameterError(
                f"`{name}` must hold classes for a classifier, got continuous values such as "
                f"{_said(broken[0] if len(broken) else np.inf)}; for values take a regressor, "
                "such as 'ridge' or 'svr'"
            )
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ParameterError(
            f"`{name}` must hold at least two classes, got only {_said(classes[0])}"
        )
    return Targets(codes.astype(np.int16)[None], classes)


def _values(labels: Labels, name: str) -> Targets:
    if labels.dtype.kind not in "biuf":
        raise ParameterError(
            f"`{name}` must hold numbers for a regressor, got {_said(labels[0])}; for classes take "
            "a classifier, such as 'svc' or 'ridge_classifier'"
        )
    values = labels.astype(np.float64)
    if not np.isfinite(values).all():
        raise ParameterError(f"`{name}` must hold finite numbers, got infinity")
    return Targets(values[None], None, float(values.mean()))


def vector_of(name: str, given: Any, n_samples: int | None = None) -> Labels:
    """A label for each sample as an array of one kind.

    Raises
    ------
    ParameterError
        If it is not one-dimensional, of another length, mixes text and
        numbers, or misses values.
    """
    from pandas import isna

    array = np.asarray(given)
    if array.ndim != 1 or not len(array):
        raise ParameterError(
            f"`{name}` must hold one entry for each sample, got an array of shape {array.shape}"
        )
    if n_samples is not None and len(array) != n_samples:
        raise ParameterError(
            f"`{name}` must have one entry for each of the {n_samples} samples, got {len(array)}"
        )
    missing = int(np.sum(isna(array)))
    if missing:
        raise ParameterError(
            f"`{name}` must have no missing values, got {missing} among {len(array)}"
        )
    if array.dtype == object:
        array = _of_one_kind(name, array.tolist())
    if array.dtype.kind not in "biufUS":
        raise ParameterError(f"`{name}` must hold text, numbers or booleans, got {array.dtype}")
    return array


def _of_one_kind(name: str, entries: Sequence[Any]) -> Labels:
    """Entries as numpy's own type; beside text, numpy would make text of numbers."""
    array = np.array(entries)
    if array.ndim != 1 or (array.dtype.kind == "U") != all(isinstance(e, str) for e in entries):
        kinds = sorted({type(entry).__name__ for entry in entries})
        raise ParameterError(f"`{name}` must hold entries of one kind, got {', '.join(kinds)}")
    return array


def _said(label: Any) -> str:
    """A label as a user would write it: numpy's own form names its type."""
    return repr(label.item() if isinstance(label, np.generic) else label)
