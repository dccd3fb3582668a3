"""Folds against scikit-learn's own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    LeavePGroupsOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

from boldstream.core.errors import ParameterError
from boldstream.decoding.task.cv import make_folds, parse_cv, whole

N = 24
Y = np.tile(["face", "house", "face"], 8)
RUNS = np.repeat(np.arange(4), 6)


def folds_of(cv: Any, y: Any = Y, groups: Any = RUNS, *, classifier: bool = True) -> Any:
    return make_folds(cv, y, groups, N, classifier=classifier)[0]


@pytest.mark.parametrize("classifier", [True, False])
@pytest.mark.parametrize(
    "cv",
    [
        None,
        3,
        KFold(4),
        StratifiedKFold(3, shuffle=True, random_state=5),
        ShuffleSplit(4, random_state=1),
        StratifiedShuffleSplit(3, random_state=1),
        GroupKFold(2),
        LeaveOneGroupOut(),
        StratifiedGroupKFold(2),
        PredefinedSplit(RUNS % 2),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
    ],
    ids=repr,
)
def test_folds_are_those_of_scikit_learn(cv: Any, classifier: bool) -> None:
    y = Y if classifier else np.linspace(0, 1, N)
    if not classifier and "Stratified" in repr(cv):
        y = RUNS % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = list(check_cv(cv, y, classifier=classifier).split(np.zeros(N), y, RUNS))
    folds = folds_of(cv, y, classifier=classifier)
    assert folds.n_samples == N
    for (train, test), ours_train, ours_test in zip(expected, folds.train, folds.test, strict=True):
        np.testing.assert_array_equal(ours_train, train)
        np.testing.assert_array_equal(ours_test, test)


def test_an_iterable_may_hold_positions_or_booleans() -> None:
    inside = RUNS == 0
    for pair in [
        (~inside, inside),
        (np.flatnonzero(~inside).tolist(), np.flatnonzero(inside)),
        (np.arange(-18, 0), np.arange(6)),
    ]:
        folds = folds_of(iter([pair]))
        np.testing.assert_array_equal(folds.train[0], np.arange(6, N))
        np.testing.assert_array_equal(folds.test[0], np.arange(6))


@pytest.mark.parametrize(
    ("cv", "classifier", "stratified"),
    [
        (None, True, True),
        (4, False, False),
        (KFold(3), True, False),
        ("stratified:3", True, True),
        (StratifiedGroupKFold(2), True, True),
        (RepeatedStratifiedKFold(n_splits=2, n_repeats=1), True, True),
        ("logo", True, False),
    ],
)
def test_it_is_known_whether_folds_depend_on_labels(
    cv: Any, classifier: bool, stratified: bool
) -> None:
    y = Y if classifier else np.arange(N)
    assert make_folds(cv, y, RUNS, N, classifier=classifier)[1] is stratified


@pytest.mark.parametrize(
    ("text", "splitter"),
    [
        ("kfold:4", KFold(4)),
        ("kfold", KFold(5)),
        ("Stratified:3", StratifiedKFold(3)),
        ("groupkfold:2", GroupKFold(2)),
        ("logo", LeaveOneGroupOut()),
        ("logo:1", LeaveOneGroupOut()),
        ("logo:2", LeavePGroupsOut(2)),
        ("loo", LeaveOneOut()),
    ],
)
def test_names_of_splitters(text: str, splitter: BaseCrossValidator) -> None:
    assert repr(parse_cv(text)) == repr(splitter)


@pytest.mark.parametrize("text", ["kfold:1", "kfold:x", "kfold:", "loo:2", "logo:0", "lgo", ""])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ParameterError, match="`cv` must be one of 'kfold:4'"):
        parse_cv(text)


def test_a_name_that_is_nearly_one() -> None:
    with pytest.raises(ParameterError, match="did you mean 'kfold'"):
        parse_cv("kflod:4")


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        (LeaveOneGroupOut(), None, "`groups` must hold a label for each sample"),
        ("groupkfold:3", None, "`groups` must hold a label for each sample"),
        (GroupKFold(9), RUNS, "`cv` must be able to split the 24 samples.*number of groups: 4"),
        (LeaveOneGroupOut(), np.zeros(N), "`cv` must be able to split the 24 samples"),
        (KFold(30), None, "`cv` must be able to split the 24 samples.*KFold"),
        (1, None, "`cv` must be able to split"),
        (2.5, None, "`cv` must be able to split"),
        (KFold, None, "`cv` must be able to split"),
        ([], None, "`cv` must give at least one fold"),
        ([(np.arange(4), np.arange(4, 30))], None, "fold 1 of 1 must test on at least one of"),
        ([(np.arange(4), [])], None, "fold 1 of 1 must test on"),
        ([(np.ones(5, bool), [3])], None, "fold 1 of 1 must train on"),
        ([(Y == "face", Y == "house")], None, "fold 1 of 1 must train on at least two classes"),
        (2, RUNS[:-1], "`groups` must have one entry for each of the 24 samples, got 23"),
        (2, np.where(RUNS == 0, np.nan, RUNS), "`groups` must have no missing values, got 6"),
    ],
)
def test_folds_that_cannot_be(cv: Any, groups: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        folds_of(cv, groups=groups)


def test_labels_of_another_length() -> None:
    with pytest.raises(ParameterError, match="`y` must have one entry for each of the 24 samples"):
        folds_of(3, Y[:-1])


def test_the_fold_of_one_class_is_named() -> None:
    y = np.where(np.isin(RUNS, [1]), "house", "face")
    with pytest.raises(ParameterError, match=r"fold 2 of 4 must train on .* got only 'face'"):
        folds_of("logo", y)


def test_one_fold_of_everything() -> None:
    folds = whole(3)
    assert folds.train[0].tolist() == folds.test[0].tolist() == [0, 1, 2]
