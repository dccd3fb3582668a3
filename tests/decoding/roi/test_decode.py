"""Decoding of regions against scikit-learn's own cross-validation."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import (
    GridSearchCV,
    LeaveOneGroupOut,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from boldstream.core.errors import GridMismatchError, NonFiniteError, ParameterError
from boldstream.decoding.roi import decode
from boldstream.io import parts
from boldstream.streaming import progress as bars

RNG = np.random.default_rng(0)
N = 40
RUNS = np.repeat([1, 2, 3, 4], 10)
CHOICE = np.concatenate([RNG.permutation(["left", "right"] * 5) for _ in range(4)])
KIND = np.concatenate([RNG.permutation(["a", "b", "c", "a", "b"] * 2) for _ in range(4)])
STRONG = RNG.normal(size=(N, 30))
STRONG[CHOICE == "left", :10] += 1.5
WEAK = RNG.normal(10_000, 100, size=(N, 12))
VALUE = STRONG[:, 0] + 0.3 * RNG.normal(size=N)
LOGO = LeaveOneGroupOut()
FOLDS = list(LOGO.split(STRONG, CHOICE, RUNS))


def f4(x: Any) -> Any:
    """As decode holds it."""
    return x.astype("f4").astype("f8")


def test_scores_of_many_regions_and_targets() -> None:
    found = decode(
        {"strong": STRONG, "weak": WEAK},
        pd.DataFrame({"choice": CHOICE, "kind": KIND, "value": VALUE}),
        RUNS,
        estimator={"choice": LinearSVC(tol=1e-8, max_iter=10**6), "kind": "svc", "value": Ridge()},
        scoring={"choice": "balanced_accuracy", "kind": None, "value": "neg_mean_squared_error"},
        scale=True,
    )
    table = found.table.set_index(["roi", "target"])
    assert table.index.tolist() == [
        (roi, target) for target in ("choice", "kind", "value") for roi in ("strong", "weak")
    ]
    exact = LinearSVC(tol=1e-8, max_iter=10**6)
    for roi, x in (("strong", STRONG), ("weak", WEAK)):
        for target, y, estimator, scoring in (
            ("choice", CHOICE, exact, "balanced_accuracy"),
            ("kind", KIND, exact, None),
            ("value", VALUE, Ridge(), "neg_mean_squared_error"),
        ):
            model = make_pipeline(StandardScaler(), estimator)
            expected = cross_val_score(model, f4(x), y, groups=RUNS, cv=LOGO, scoring=scoring)
            row = table.loc[roi, target]
            assert row.score == pytest.approx(expected.mean(), abs=1e-6)
            of_folds = found.folds[(found.folds.roi == roi) & (found.folds.target == target)]
            np.testing.assert_allclose(of_folds.score, expected, atol=1e-6)
            assert of_folds.held_out.tolist() == ["1", "2", "3", "4"]
            assert of_folds.n_test.tolist() == [10] * 4
            assert (row.n_voxels, row.n_samples) == (x.shape[1], N)
            assert np.isnan(row.p)
            assert "StandardScaler" in row.estimator
            assert "scikit-learn" not in row.engine
    assert table.scoring.unique().tolist() == [
        "balanced_accuracy",
        "accuracy",
        "neg_mean_squared_error",
    ]
    assert set(found.confusion) == {
        (roi, target) for roi in ("strong", "weak") for target in ("choice", "kind")
    }


@pytest.mark.parametrize("y", [CHOICE, KIND])
@pytest.mark.parametrize("estimator", [RidgeClassifier(), SVC(kernel="linear")])
def test_predictions_and_confusion(estimator: Any, y: Any) -> None:
    found = decode(STRONG, y, RUNS, estimator=estimator)
    expected = cross_val_predict(estimator, f4(STRONG), y, cv=FOLDS)
    rows = found.predictions
    assert sorted(rows["sample"]) == list(range(N))
    np.testing.assert_array_equal(rows.truth, y[rows["sample"]])
    np.testing.assert_array_equal(rows.predicted, expected[rows["sample"]])
    np.testing.assert_array_equal(rows.fold, RUNS[rows["sample"]])
    confusion = found.confusion["all", "y"]
    np.testing.assert_array_equal(confusion, confusion_matrix(y, expected))
    assert confusion.index.tolist() == sorted(set(y))
    if y is CHOICE:
        decided = cross_val_predict(estimator, f4(STRONG), y, cv=FOLDS, method="decision_function")
        np.testing.assert_allclose(rows.decision, decided[rows["sample"]], rtol=1e-4, atol=1e-5)
    else:
        assert rows.decision.isna().all()


def test_predictions_of_values() -> None:
    found = decode(STRONG, pd.Series(VALUE + 500, name="delay"), RUNS, estimator=Ridge(2.0))
    expected = cross_val_predict(Ridge(2.0), f4(STRONG), VALUE + 500, cv=FOLDS)
    rows = found.predictions
    assert rows.target.unique().tolist() == ["delay"]
    np.testing.assert_allclose(rows.predicted, expected[rows["sample"]], rtol=1e-6)
    assert not found.confusion


def test_predicted_values_keep_their_digits_far_from_0() -> None:
    near, far = (
        decode(STRONG, y, RUNS, estimator=Ridge(2.0)).predictions for y in (VALUE, VALUE + 1e8)
    )
    np.testing.assert_allclose(far.predicted - 1e8, near.predicted, atol=1e-4)


def test_folds_without_groups_are_those_of_scikit_learn() -> None:
    found = decode(STRONG, CHOICE, estimator=RidgeClassifier())
    expected = cross_val_score(RidgeClassifier(), f4(STRONG), CHOICE)
    np.testing.assert_array_equal(found.folds.score, expected)
    assert found.folds.held_out.unique().tolist() == [""]
    again = decode(STRONG, CHOICE, estimator=RidgeClassifier(), cv=iter(FOLDS))
    assert len(again.folds) == 4


def test_selection_is_made_inside_each_fold() -> None:
    noise = np.random.default_rng(5).normal(size=(N, 2000))
    inside = decode(noise, CHOICE, RUNS, select=10, estimator=RidgeClassifier())
    model = make_pipeline(SelectKBest(f_classif, k=10), RidgeClassifier())
    expected = cross_val_score(model, f4(noise), CHOICE, cv=FOLDS)
    np.testing.assert_array_equal(inside.folds.score, expected)
    best = SelectKBest(f_classif, k=10).fit(noise, CHOICE)
    leaking = decode(
        noise, CHOICE, RUNS, select=best, estimator=RidgeClassifier(), allow_leakage=True
    )
    assert leaking.table.score[0] > 0.9 > 0.7 > inside.table.score[0]
    assert leaking.table.n_voxels[0] == 10
    positions = decode(
        noise,
        CHOICE,
        RUNS,
        select=best.get_support(),
        estimator=RidgeClassifier(),
        allow_leakage=True,
    )
    assert positions.table.score[0] == leaking.table.score[0]
    assert "BestVoxels" in inside.table.engine[0] or "BestVoxels" in inside.table.estimator[0]


def test_a_share_of_voxels_of_each_region() -> None:
    found = decode({"a": STRONG, "b": WEAK}, CHOICE, RUNS, select=0.1, estimator=RidgeClassifier())
    for (_, scores), x, k in zip(found.folds.groupby("roi"), (STRONG, WEAK), (3, 2), strict=True):
        model = make_pipeline(SelectKBest(f_classif, k=k), RidgeClassifier())
        np.testing.assert_array_equal(scores.score, cross_val_score(model, f4(x), CHOICE, cv=FOLDS))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_nested_search_leaves_out_groups_inside_and_outside(n_jobs: int) -> None:
    grid = {"C": [0.001, 0.1, 10.0]}
    found = decode(
        {"strong": STRONG, "weak": WEAK},
        CHOICE,
        RUNS,
        estimator=SVC(),
        param_grid=grid,
        scale=True,
        n_jobs=n_jobs,
    )
    model = make_pipeline(StandardScaler(), SVC())
    search = GridSearchCV(model, {"svc__C": grid["C"]}, cv=LOGO)
    for roi, x in (("strong", STRONG), ("weak", WEAK)):
        expected = []
        for train, test in FOLDS:
            search.fit(f4(x)[train], CHOICE[train], groups=RUNS[train])
            expected.append(search.score(f4(x)[test], CHOICE[test]))
        np.testing.assert_array_equal(found.folds.score[found.folds.roi == roi], expected)
    assert "scikit-learn" in found.table.engine[0]


def test_a_search_of_one_target_only() -> None:
    found = decode(
        STRONG,
        {"choice": CHOICE, "value": VALUE},
        RUNS,
        estimator={"choice": SVC(), "value": Ridge()},
        param_grid={"value": {"alpha": [1, 100]}},
    )
    assert found.table.estimator.str.startswith("GridSearchCV").tolist() == [False, True]


def test_permutations_find_what_is_there() -> None:
    kwargs: dict[str, Any] = {"estimator": RidgeClassifier(), "permutations": 199}
    found = decode({"strong": STRONG, "weak": WEAK}, CHOICE, RUNS, **kwargs)
    p = found.table.p
    assert p[0] <= 0.02 < 0.05 < p[1]
    for row in found.table.itertuples():
        null = found.permuted[row.roi, "y"]
        assert len(null) == 199
        assert row.p == (1 + (null >= row.score - 1e-9).sum()) / 200
    again = decode({"weak": WEAK}, CHOICE, RUNS, **kwargs)
    np.testing.assert_array_equal(again.permuted["weak", "y"], found.permuted["weak", "y"])


def test_permutations_by_scikit_learn_are_the_same() -> None:
    kwargs: dict[str, Any] = {"permutations": 39, "scale": True}
    fast = decode(STRONG, CHOICE, RUNS, estimator=RidgeClassifier(), **kwargs)

    class Own(RidgeClassifier):  # type: ignore[misc]
        pass

    slow = decode(STRONG, CHOICE, RUNS, estimator=Own(), **kwargs)
    assert "scikit-learn" in slow.table.engine[0]
    np.testing.assert_allclose(fast.permuted["all", "y"], slow.permuted["all", "y"], atol=1e-9)
    assert fast.table.p[0] == slow.table.p[0]


def test_a_block_design_needs_its_blocks() -> None:
    blocks = np.repeat(np.arange(20), 2)
    y = np.tile(np.repeat(["left", "right"], 2), 10)
    with pytest.raises(ParameterError, match="permutation_blocks"):
        decode(STRONG, y, RUNS, estimator=RidgeClassifier(), permutations=9)
    found = decode(
        STRONG, y, RUNS, estimator=RidgeClassifier(), permutations=9, permutation_blocks=blocks
    )
    assert 0.1 <= found.table.p[0] <= 1


@pytest.mark.parametrize(
    ("y", "scoring", "chance"),
    [
        (KIND, None, 0.4),  # two of five are "a", as many are "b"
        (KIND, "balanced_accuracy", 1 / 3),
        (CHOICE, "roc_auc", 0.5),
        (CHOICE, "f1_macro", np.nan),
        (VALUE, None, 0.0),
        (VALUE, "neg_mean_squared_error", np.nan),
    ],
)
def test_chance_is_what_guessing_gives(y: Any, scoring: str | None, chance: float) -> None:
    estimator = Ridge() if y is VALUE else RidgeClassifier()
    table = decode(WEAK, y, RUNS, estimator=estimator, scoring=scoring).table
    np.testing.assert_allclose(table["chance"], [chance])
    if y is KIND:
        score = scoring or "accuracy"
        guessed = cross_val_score(
            DummyClassifier(strategy="most_frequent"), WEAK, y, groups=RUNS, cv=LOGO, scoring=score
        )
        assert guessed.mean() == pytest.approx(chance)


def test_conditions_leave_the_rest_out() -> None:
    taken = np.isin(KIND, ["a", "c"])
    found = decode(STRONG, KIND, RUNS, conditions=["a", "c"], estimator=RidgeClassifier())
    expected = cross_val_score(
        RidgeClassifier(), f4(STRONG)[taken], KIND[taken], groups=RUNS[taken], cv=LOGO
    )
    np.testing.assert_array_equal(found.folds.score, expected)
    np.testing.assert_array_equal(np.sort(found.predictions["sample"]), np.flatnonzero(taken))
    np.testing.assert_array_equal(found.predictions.truth, KIND[found.predictions["sample"]])
    by_target = decode(
        STRONG,
        {"kind": KIND, "choice": CHOICE},
        RUNS,
        conditions={"kind": ["a", "c"]},
        estimator=RidgeClassifier(),
    )
    assert by_target.table.n_samples.tolist() == [int(taken.sum()), N]


def test_an_image_is_read_once_for_all_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = RNG.normal(1000, 30, (4, 5, 3, N)).astype("f4")
    data[0, 0, :, CHOICE == "left"] += 100
    left = np.zeros((4, 5, 3), "u1")
    left[0] = 1
    affine = np.diag([3.0, 3.0, 3.0, 1])
    nib.save(nib.Nifti1Image(data, affine), tmp_path / "bold.nii.gz")
    nib.save(nib.Nifti1Image(left, affine), tmp_path / "left.nii.gz")
    opened = []
    blocks = parts.JoinedSource.blocks

    def counted(self: Any, *args: Any) -> Any:
        opened.append(self.series.name)
        return blocks(self, *args)

    monkeypatch.setattr(parts.JoinedSource, "blocks", counted)
    rois = {"left": tmp_path / "left.nii.gz", "right": left == 0}
    found = decode(tmp_path / "bold.nii.gz", CHOICE, RUNS, rois=rois, estimator=RidgeClassifier())
    assert opened.count(str(tmp_path / "bold.nii.gz")) == 1
    arrays = {"left": data[left > 0].T, "right": data[left == 0].T}
    again = decode(arrays, CHOICE, RUNS, estimator=RidgeClassifier())
    pd.testing.assert_frame_equal(found.table, again.table)
    assert found.table.score[0] == 1
    listed = decode(
        nib.Nifti1Image(data, affine),
        CHOICE,
        RUNS,
        rois=[tmp_path / "left.nii.gz", left == 0],
        estimator=RidgeClassifier(),
    )
    assert listed.table.roi.tolist() == ["left", "mask_2"]
    np.testing.assert_array_equal(listed.table.score, found.table.score)
    wrong = nib.Nifti1Image(left, np.eye(4))
    with pytest.raises(GridMismatchError, match="other"):
        decode(tmp_path / "bold.nii.gz", CHOICE, RUNS, rois={"other": wrong})


def test_haxby_faces_and_houses(shared_data: Path) -> None:
    folder = shared_data / "haxby_pymvpa"
    table = pd.read_csv(folder / "attributes_literal.txt", sep=" ", names=["label", "run"])
    found = decode(
        folder / "bold.nii.gz",
        table.label,
        table.run,
        rois={"slice": folder / "mask.nii.gz"},
        conditions=["face", "house"],
        estimator=LinearSVC(),
        scale=True,
        permutation_blocks="auto",
        permutations=19,
    )
    assert found.table.score[0] > 0.95
    assert found.table.p[0] == 0.05
    assert found.folds.held_out.tolist() == [str(run) for run in range(12)]
    assert found.table.engine[0].count("scikit-learn") == 0


def test_tables_and_lists_are_arrays() -> None:
    found = decode(pd.DataFrame(STRONG), list(CHOICE), RUNS, estimator=RidgeClassifier())
    again = decode(STRONG.tolist(), CHOICE, RUNS.astype(str), estimator=RidgeClassifier())
    pd.testing.assert_frame_equal(found.table, again.table)
    assert str(found).split()[:4] == ["roi", "target", "score", "p"]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_tells_of_each_region(n_jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    decode(
        {str(i): STRONG for i in range(3)},
        {"choice": CHOICE, "kind": KIND},
        RUNS,
        estimator=RidgeClassifier(),
        progress=lambda done, total: seen.append((done, total)),
        n_jobs=n_jobs,
    )
    assert seen == [(i, 6) for i in range(7)]


def test_a_first_call_says_that_kernels_are_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown while nothing is done yet, and not once a region is."""
    monkeypatch.setattr(bars, "_PATIENCE", 0.0)

    def refuse(*_: Any) -> None:
        raise ParameterError("stopped")

    decode(STRONG, CHOICE, RUNS, estimator="gnb", progress=True)
    said = capsys.readouterr().err
    assert "decoding" in said
    assert "1/1" in said
    assert "compiling" not in said
    # The package has a function of the module's name.
    monkeypatch.setattr(import_module("boldstream.decoding.roi.decode"), "make_ready", refuse)
    with pytest.raises(ParameterError, match="stopped"):
        decode(STRONG, CHOICE, RUNS, estimator="gnb", progress=True)
    assert "compiling kernels (once, about 10 s)" in capsys.readouterr().err


def test_a_generator_is_a_source_of_random_numbers() -> None:
    scores = [
        decode(STRONG, CHOICE, RUNS, permutations=9, random_state=np.random.default_rng(3)).table
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*(table[["score", "p"]] for table in scores))


def test_what_is_given_is_left_as_it_was() -> None:
    x, y, runs = STRONG.copy(), CHOICE.copy(), RUNS.copy()
    estimator = RidgeClassifier(alpha=3.0)
    decode(x, y, runs, estimator=estimator, scale=True, permutations=3)
    np.testing.assert_array_equal(x, STRONG)
    np.testing.assert_array_equal(y, CHOICE)
    np.testing.assert_array_equal(runs, RUNS)
    assert not hasattr(estimator, "coef_")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"cv": 3}, r"fold 1 of 3 with training and test samples of the group 2; take cv='logo'"),
        ({"cv": StratifiedKFold(3)}, "keep each group together"),
        ({"cv": [(np.arange(30), np.arange(29, 40))], "groups": None}, "samples that it tests"),
        (
            {"select": SelectKBest(k=3).fit(STRONG, CHOICE)},
            "`select` must select voxels inside each fold.*SelectKBest that is fitted",
        ),
        ({"select": np.arange(5)}, "`select` must select voxels inside each fold.*5 entries"),
        (
            {"estimator": make_pipeline(SelectKBest(k=3), SVC()).fit(STRONG, CHOICE)},
            "`estimator` must not be fitted before, got SelectKBest",
        ),
    ],
)
def test_leaks_are_refused_and_may_be_allowed(kwargs: dict[str, Any], message: str) -> None:
    given = {"groups": RUNS, "estimator": RidgeClassifier(), **kwargs}
    with pytest.raises(ParameterError, match=message):
        decode(STRONG, CHOICE, **given)
    found = decode(STRONG, CHOICE, **given, allow_leakage=True)
    assert np.isfinite(found.table.score[0])


def test_a_frozen_estimator_is_refused() -> None:
    frozen = pytest.importorskip("sklearn.frozen").FrozenEstimator
    pipeline = make_pipeline(frozen(StandardScaler().fit(STRONG)), SVC())
    with pytest.raises(ParameterError, match="got FrozenEstimator"):
        decode(STRONG, CHOICE, RUNS, estimator=pipeline)


NAN = STRONG.copy()
NAN[3, 4] = np.nan


@pytest.mark.parametrize(
    ("x", "y", "kwargs", "error", "message"),
    [
        (NAN, CHOICE, {}, NonFiniteError, "infinity in 1 of 30 voxels of the region 'all'"),
        (
            STRONG[0],
            CHOICE,
            {},
            ParameterError,
            r"numbers \(samples, voxels\), got .*shape \(30,\)",
        ),
        (STRONG[:, :0], CHOICE, {}, ParameterError, r"shape \(40, 0\)"),
        ({}, CHOICE, {}, ParameterError, "at least one region"),
        ({"a": STRONG, "b": STRONG[1:]}, CHOICE, {}, ParameterError, "'a' has 40, 'b' has 39"),
        (STRONG, CHOICE[1:], {}, ParameterError, "each of the 40 samples, got 39"),
        (STRONG, CHOICE, {"groups": RUNS[1:]}, ParameterError, "`groups` must have one entry"),
        (STRONG, {}, {}, ParameterError, "`y` must hold at least one target"),
        (STRONG, {"a": CHOICE, "b": VALUE}, {}, ParameterError, "target 'b': .*got continuous"),
        (STRONG, {"a": CHOICE, "b": CHOICE[1:]}, {}, ParameterError, r"`y\['b'\]` must have one"),
        (STRONG, CHOICE, {"rois": "vt.nii"}, ParameterError, "`rois` must be None where `X` is"),
        ("bold.nii.gz", CHOICE, {}, ParameterError, "`rois` must be masks where `X` is an image"),
        (STRONG, CHOICE, {"select": 0}, ParameterError, "`select` must be a number of voxels"),
        (STRONG, CHOICE, {"select": 1.5}, ParameterError, "`select` must be a number of voxels"),
        (STRONG, CHOICE, {"select": True}, ParameterError, "`select` must be a number of voxels"),
        (STRONG, CHOICE, {"param_grid": {"c": [1]}}, ParameterError, "parameters of LinearSVC"),
        (STRONG, CHOICE, {"param_grid": {"C": 1}}, ParameterError, "a list of values for 'C'"),
        (STRONG, CHOICE, {"param_grid": [1]}, ParameterError, "`param_grid` must map names"),
        (STRONG, CHOICE, {"n_jobs": 0}, ParameterError, "`n_jobs` must be"),
        (STRONG, CHOICE, {"random_state": "x"}, ParameterError, "`random_state` must be an int"),
        (STRONG, CHOICE, {"permutation_blocks": RUNS[1:]}, ParameterError, "40 samples, got 39"),
        (STRONG, CHOICE, {"scoring": "acuracy"}, ParameterError, "did you mean 'accuracy'"),
        (STRONG, CHOICE, {"estimator": {"why": "svc"}}, ParameterError, "must map targets .'y'."),
        (
            STRONG,
            {"a": CHOICE, "b": KIND},
            {"estimator": {"a": "svc"}},
            ParameterError,
            "an entry for each target, got none for 'b'",
        ),
        (
            STRONG,
            {"a": CHOICE, "b": KIND},
            {"conditions": ["left"]},
            ParameterError,
            "`conditions` must map targets",
        ),
        (STRONG, CHOICE, {"conditions": ["left", "rihgt"]}, ParameterError, "mean 'right'"),
        (STRONG, CHOICE, {"groups": np.ones(N)}, ParameterError, "able to split"),
        (
            STRONG[:20],
            CHOICE[:20],
            {"groups": RUNS[:20], "param_grid": {"C": [1, 2]}},
            ParameterError,
            "two groups among the training samples of each fold, got one in fold 1 of 2",
        ),
    ],
)
def test_what_cannot_be(
    x: Any, y: Any, kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        decode(x, y, **{"groups": RUNS, **kwargs})


def test_masks_of_one_name() -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2, N)), np.eye(4))
    with pytest.raises(ParameterError, match="different names, got 'vt' more than once"):
        decode(image, CHOICE, RUNS, rois=["a/vt.nii", "b/vt.nii.gz"])
    with pytest.raises(ParameterError, match="at least one mask"):
        decode(image, CHOICE, RUNS, rois=[])
