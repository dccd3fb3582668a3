"""`SearchLight` beside nilearn's, on what it keeps, and on what must change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.decoding
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import KFold, LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from boldstream.core.errors import (
    BoldstreamError,
    MaskError,
    MemoryBudgetError,
    NonFiniteError,
    ParameterError,
)
from boldstream.decoding import SearchLight

AFFINE = np.array([[-3.0, 0.2, 0, 30], [0.2, 3.0, 0.1, -20], [0, -0.1, 3.5, 5], [0, 0, 0, 1]])
RIDGE = RidgeClassifier(alpha=50.0)
PEAK = (3, 3, 2)


class Made:
    """Runs of an image with an effect around one voxel, and its masks."""

    def __init__(self, n: int = 32, n_classes: int = 2, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.data = rng.normal(100, 5, (7, 6, 5, n)).astype(np.float32)
        codes = np.concatenate([rng.permutation(np.arange(n // 4) % n_classes) for _ in range(4)])
        self.y = np.array(["face", "house", "chair", "shoe"])[codes]
        self.data[PEAK] += 10 * codes
        self.groups = np.repeat(np.arange(4), n // 4)
        inside = np.ones((7, 6, 5), np.uint8)
        inside[0] = 0
        self.mask = inside
        self.process = inside.copy()
        self.process[:, :, 3:] = 0
        # A centre outside of the mask, which nilearn allows.
        self.process[0, 2, 1] = 1

    @property
    def image(self) -> Any:
        return nib.Nifti1Image(self.data, AFFINE)

    @property
    def mask_img(self) -> Any:
        return nib.Nifti1Image(self.mask, AFFINE)

    @property
    def process_img(self) -> Any:
        return nib.Nifti1Image(self.process, AFFINE)

    def light(self, **options: Any) -> Any:
        given: dict[str, Any] = {"radius": 5.0, "estimator": RIDGE, "cv": LeaveOneGroupOut()}
        return SearchLight(self.mask_img, self.process_img, **(given | options))

    def fit(self, **options: Any) -> Any:
        return self.light(**options).fit(self.image, self.y, self.groups)


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.mark.parametrize("cv", [KFold(4), LeaveOneGroupOut(), 4, None])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_are_those_of_nilearn(cv: Any, n_classes: int) -> None:
    made = Made(n_classes=n_classes)
    groups = made.groups if isinstance(cv, LeaveOneGroupOut) else None
    with pytest.warns(UserWarning, match="custom estimator"):
        theirs = nilearn.decoding.SearchLight(
            made.mask_img, made.process_img, radius=5.0, estimator=RIDGE, cv=cv
        ).fit(made.image, made.y, groups)
    ours = made.light(cv=cv).fit(made.image, made.y, groups)
    np.testing.assert_allclose(ours.scores_, theirs.scores_, atol=1e-12)
    np.testing.assert_allclose(ours.masked_scores_, theirs.masked_scores_, atol=1e-12)
    np.testing.assert_array_equal(ours.process_mask_, theirs.process_mask_)
    assert ours.n_elements_ == theirs.n_elements_
    np.testing.assert_allclose(
        ours.scores_img_.get_fdata(), theirs.scores_img_.get_fdata(), atol=1e-6
    )


@pytest.mark.parametrize("name", ["svc", "ridge_classifier"])
def test_names_mean_what_they_mean_in_nilearn(made: Made, name: str) -> None:
    theirs = nilearn.decoding.SearchLight(
        made.mask_img, made.process_img, radius=4.0, estimator=name, cv=KFold(4)
    ).fit(made.image, made.y)
    ours = made.light(radius=4.0, estimator=name, cv=KFold(4)).fit(made.image, made.y)
    apart = np.abs(ours.masked_scores_ - theirs.masked_scores_)
    # nilearn's LinearSVC stops at a tolerance of 1e-4, on values around 100.
    assert np.count_nonzero(apart > 1e-9) <= (0.1 * len(apart) if name == "svc" else 0)


def test_what_no_engine_knows_scikit_learn_fits(made: Made) -> None:
    estimator = KNeighborsClassifier(3)
    with pytest.warns(UserWarning, match="custom estimator"):
        theirs = nilearn.decoding.SearchLight(
            made.mask_img, made.process_img, radius=4.0, estimator=estimator, cv=KFold(4)
        ).fit(made.image, made.y)
    for n_jobs in (1, 2):
        ours = made.light(radius=4.0, estimator=estimator, cv=KFold(4), n_jobs=n_jobs)
        ours.fit(made.image, made.y)
        np.testing.assert_allclose(ours.scores_, theirs.scores_, atol=1e-12)
    assert "KNeighborsClassifier" in ours.engine_


def test_regression(made: Made) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(40, 2, len(made.y))
    with pytest.warns(UserWarning, match="custom estimator"):
        theirs = nilearn.decoding.SearchLight(
            made.mask_img, made.process_img, radius=5.0, estimator=Ridge(5.0), cv=KFold(4)
        ).fit(made.image, y)
    ours = made.light(estimator=Ridge(5.0), cv=KFold(4), keep=("fold_scores", "predictions"))
    ours.fit(made.image, y)
    np.testing.assert_allclose(ours.scores_, theirs.scores_, rtol=1e-4, atol=1e-5)
    sphere = 20
    voxels = _members(made, sphere)
    expected = cross_val_predict(Ridge(5.0), voxels, y, cv=KFold(4))
    np.testing.assert_allclose(ours.predictions_[sphere], expected, rtol=1e-5)
    assert ours.classes_ is None


def test_what_is_kept_follows_from_predictions() -> None:
    made = Made(n_classes=4)
    light = made.fit(keep=("scores", "fold_scores", "predictions", "confusion"))
    sphere = 30
    expected = cross_val_predict(
        RIDGE, _members(made, sphere), made.y, groups=made.groups, cv=LeaveOneGroupOut()
    )
    assert light.classes_[light.predictions_[sphere]].tolist() == expected.tolist()
    np.testing.assert_array_equal(
        light.confusion_[sphere], confusion_matrix(made.y, expected, labels=light.classes_)
    )
    right = (made.y == expected).reshape(4, -1).mean(axis=1)
    np.testing.assert_allclose(light.fold_scores_[sphere], right)
    np.testing.assert_allclose(light.fold_scores_.mean(axis=1), light.masked_scores_, atol=1e-6)
    again = light.set_params(keep=("scores",)).fit(made.image, made.y, made.groups)
    assert again.predictions_ is None


def _members(made: Made, sphere: int) -> np.ndarray:
    """Samples (samples, voxels) of one sphere, by a loop over all voxels."""
    centre = np.argwhere(made.process)[sphere] @ AFFINE[:3, :3].T
    voxels = np.argwhere(made.mask)
    near = np.linalg.norm(voxels @ AFFINE[:3, :3].T - centre, axis=1) <= 5.0
    return np.asarray(made.data[tuple(voxels[near].T)].T, np.float64)


def test_runs_jobs_and_memory_change_nothing(made: Made, tmp_path: Path) -> None:
    whole = made.fit(permutations=20, tfce=True)
    parts = []
    for run in range(4):
        path = tmp_path / f"run-{run}.nii.gz"
        nib.Nifti1Image(made.data[..., made.groups == run], AFFINE).to_filename(path)
        parts.append(path)
    for options in ({"n_jobs": 2}, {"n_jobs": 3, "memory_limit": "8GiB"}):
        light = made.light(permutations=20, tfce=True, **options)
        light.fit(parts, pd.Series(made.y), made.groups)
        np.testing.assert_array_equal(light.scores_, whole.scores_)
        np.testing.assert_array_equal(light.inference_.p_fwe, whole.inference_.p_fwe)
        np.testing.assert_array_equal(light.inference_.tfce, whole.inference_.tfce)


def test_names_and_order_of_labels_change_nothing(made: Made) -> None:
    whole = made.fit(permutations=10)
    swapped = np.where(made.y == "face", "z", "a")
    for y in (swapped, swapped == "z", np.where(made.y == "face", 7, 3)):
        light = made.light(permutations=10).fit(made.image, y, made.groups)
        np.testing.assert_array_equal(light.scores_, whole.scores_)
        np.testing.assert_array_equal(
            light.inference_.p_uncorrected, whole.inference_.p_uncorrected
        )


def test_a_planted_effect_is_found(made: Made) -> None:
    made.data[PEAK][made.y == "house"] += 60
    light = made.fit(permutations=199, tfce=True, forming_threshold=0.7, n_jobs=2)
    found = light.img_of(light.inference_.p_fwe).get_fdata()
    assert found[PEAK] == pytest.approx(1 / 200)
    enhanced = light.img_of(light.inference_.p_tfce_fwe).get_fdata()
    assert enhanced[PEAK] == pytest.approx(1 / 200)
    far = np.zeros_like(made.process, bool)
    far[6, :, 2] = made.process[6, :, 2] > 0
    assert found[far].min() > 0.05
    assert light.inference_.clusters["p_mass_fwe"].min() == pytest.approx(1 / 200)


def test_null_maps_are_stored_for_groups(made: Made, tmp_path: Path) -> None:
    from boldstream.decoding.inference.null_maps import open_null_maps

    light = made.fit(permutations=9, null_maps=tmp_path / "nulls")
    stored = open_null_maps(tmp_path / "nulls")
    assert stored.values.shape == (9, light.n_elements_)
    np.testing.assert_allclose(stored.values.max(axis=1), light.inference_.max_null, rtol=1e-6)
    np.testing.assert_array_equal(stored.scores, light.masked_scores_)
    assert stored.mask is not None
    np.testing.assert_array_equal(stored.mask.array, light.process_mask_)


def test_nearest_voxels_in_place_of_a_radius(made: Made) -> None:
    light = made.fit(n_neighbours=1, estimator=RidgeClassifier(alpha=1.0))
    assert light.scores_[PEAK] == light.masked_scores_.max() > 0.8


def test_a_sphere_without_a_voxel_has_no_score(made: Made) -> None:
    made.mask[:4] = 0
    made.process[:] = made.mask
    made.process[0, 0, 0] = 1
    light = made.light(radius=1.0, permutations=5, cv=KFold(4), keep="fold_scores")
    light.fit(made.image, made.y, made.groups)
    assert np.isnan(light.scores_[0, 0, 0])
    assert np.isnan(light.inference_.p_fwe[0])
    assert np.isnan(light.fold_scores_[0]).all()
    assert np.isfinite(light.masked_scores_[1:]).all()
    assert np.isfinite(light.inference_.max_null).all()


def test_a_radius_smaller_than_a_voxel_leaves_the_centre(made: Made) -> None:
    light = made.light(radius=0.1, cv=KFold(4), estimator=RidgeClassifier(alpha=1.0))
    light.set_params(process_mask_img=made.mask_img).fit(made.image, made.y)
    assert light.scores_[PEAK] > 0.8


def test_progress_tells_spheres_of_all_workers(made: Made) -> None:
    told: list[tuple[int, int]] = []
    made.fit(n_jobs=2, progress=lambda done, total: told.append((done, total)))
    total = int(made.process.sum())
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_image_is_left_as_it_was(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "bold.nii.gz"
    made.image.to_filename(path)
    image: Any = nib.load(path)
    made.light().fit(image, made.y, made.groups)
    assert not image.in_memory


def test_fit_transform_gives_scores_and_there_is_no_transform(made: Made) -> None:
    light = made.light()
    scores = light.fit_transform(made.image, made.y, made.groups)
    np.testing.assert_array_equal(scores, light.scores_)
    with pytest.raises(AttributeError, match="scores need labels"):
        _ = light.transform
    assert not hasattr(light, "transform")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"radius": 0}, "`radius` must be a positive number of mm, got 0"),
        ({"n_jobs": 0}, "`n_jobs` must be"),
        ({"estimator": "scv"}, "did you mean 'sv"),
        ({"estimator": LinearSVC}, "`estimator` must be an instance"),
        ({"keep": ("score",)}, "`keep` must hold names among"),
        ({"tfce": True}, "`permutations` must be above 0 for `tfce`"),
        ({"permutations": -1}, "`n_permutations`|`permutations` must be"),
        ({"nan_policy": "drop"}, "`nan_policy` must be one of"),
        ({"cv": "lego"}, "`cv` must be one of"),
        ({"n_neighbours": 0}, "`k`|`n_neighbours` must be"),
        ({"scoring": "acuracy"}, "did you mean 'accuracy'"),
        ({"chance": "half"}, "`chance` must be a finite number"),
        ({"chance": 10**400}, "`chance` must be a finite number"),
        ({"estimator": Ridge()}, "must hold numbers for a regressor"),
    ],
)
def test_what_cannot_be_used_is_refused(made: Made, change: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        made.fit(**change)


def test_labels_that_do_not_fit_are_refused(made: Made) -> None:
    light = made.light()
    with pytest.raises(ParameterError, match="`y` must have one label for each of the 32"):
        light.fit(made.image, made.y[:-1], made.groups[:-1])
    with pytest.raises(ParameterError, match="`groups` must have one entry"):
        light.fit(made.image, made.y, made.groups[:-1])
    with pytest.raises(ParameterError, match="`groups` must hold a label for each sample"):
        light.fit(made.image, made.y)
    one_class = np.where(made.groups == 0, "face", "house")
    with pytest.raises(ParameterError, match="train on at least two classes"):
        light.fit(made.image, one_class, made.groups)


def test_voxels_that_are_not_finite(made: Made) -> None:
    made.data[3, 3, 1, 5] = np.nan
    light = made.light()
    with pytest.raises(NonFiniteError, match="1 of 180 voxels"):
        light.fit(made.image, made.y, made.groups)
    excluded = light.set_params(nan_policy="exclude").fit(made.image, made.y, made.groups)
    smaller = Made()
    smaller.mask[3, 3, 1] = 0
    expected = smaller.light().fit(smaller.image, made.y, made.groups)
    np.testing.assert_allclose(excluded.scores_, expected.scores_, atol=1e-12)


def test_masks_that_do_not_fit_are_refused(made: Made) -> None:
    empty = nib.Nifti1Image(np.zeros_like(made.mask), AFFINE)
    with pytest.raises(MaskError, match="process_mask_img"):
        SearchLight(made.mask_img, empty, radius=5.0).fit(made.image, made.y)
    with pytest.raises(MaskError, match="`mask_img` is empty"):
        SearchLight(empty, radius=5.0).fit(made.image, made.y)


def test_a_block_design_needs_its_blocks(made: Made) -> None:
    y = np.tile(np.repeat(["face", "house"], 4), 4)
    with pytest.raises(ParameterError, match="permutation_blocks"):
        made.light(permutations=5).fit(made.image, y, made.groups)
    light = made.light(permutations=5, permutation_blocks="auto").fit(made.image, y, made.groups)
    assert light.inference_.n_permutations == 5


def test_memory_that_cannot_be_is_refused_before_images_are_decoded(made: Made) -> None:
    with pytest.raises(MemoryBudgetError):
        made.fit(memory_limit="1MiB")


def test_all_errors_are_of_one_family(made: Made) -> None:
    with pytest.raises(BoldstreamError):
        made.fit(estimator=3)
