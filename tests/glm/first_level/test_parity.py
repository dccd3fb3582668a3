"""`FirstLevel` against nilearn's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.maskers
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.contrasts import compute_contrast
from nilearn.glm.first_level import FirstLevelModel, run_glm
from nilearn.maskers import NiftiMasker

import boldstream.maskers
from boldstream.glm.first_level import FirstLevel
from tests.glm.first_level.runs import (
    AFFINE,
    SHAPE,
    TR,
    N,
    assert_same_maps,
    both,
    designs,
    difference,
    events,
    mask,
    quietly,
    run,
)
from tests.oracle import load

# Which clusters are found hangs on the last bits of what is clustered; a cluster for each voxel
# does not.
BINS = {"ols": 100, "ar1": 100, "ar2": 1000}


@pytest.mark.parametrize("noise_model", ["ols", "ar1", "ar2"])
@pytest.mark.parametrize("smoothing_fwhm", [None, 5.0])
@pytest.mark.parametrize("n_runs", [1, 3])
def test_maps(noise_model: str, smoothing_fwhm: float | None, n_runs: int) -> None:
    images = [run(seed) for seed in range(n_runs)]
    tables = [events(seed) for seed in range(n_runs)]
    ours, theirs = both(
        images,
        tables,
        fit={"bins": BINS[noise_model]},
        mask_img=mask(),
        noise_model=noise_model,
        smoothing_fwhm=smoothing_fwhm,
        random_state=0,
    )
    assert_same_maps(ours, theirs)
    assert all(map(pd.DataFrame.equals, ours.design_matrices_, theirs.design_matrices_))


@pytest.mark.parametrize("signal_scaling", [False, 0, (0, 1)])
@pytest.mark.parametrize("standardize", [False, "zscore_sample", "psc"])
def test_scaling(signal_scaling: Any, standardize: Any) -> None:
    ours, theirs = both(
        run(), events(), mask_img=mask(), signal_scaling=signal_scaling, standardize=standardize
    )
    assert ours.standardize_ == theirs.standardize_
    assert_same_maps(ours, theirs)


def test_scaling_of_volumes() -> None:
    """nilearn 0.14.1 cannot: it divides voxels by the means of volumes."""
    ours = FirstLevel(TR, mask_img=mask(), signal_scaling=1).fit(run(), events())
    signals = run().get_fdata()[np.asarray(mask().dataobj) > 0].T
    percent = 100 * (signals / signals.mean(axis=1, keepdims=True) - 1)
    labels, results = run_glm(percent, ours.design_matrices_[0].to_numpy())
    assert np.array_equal(labels, ours.labels_[0])
    contrast = np.eye(1, ours.design_matrices_[0].shape[1])[0]
    wanted = compute_contrast(labels, results, contrast).effect_size()
    got = ours.compute_contrast(contrast, output_type="effect_size").get_fdata()
    np.testing.assert_allclose(got[np.asarray(mask().dataobj) > 0], wanted, atol=1e-9)
    with pytest.raises(ValueError, match="broadcast"):
        quietly(FirstLevelModel(TR, mask_img=mask(), signal_scaling=1).fit, run(), events())


@pytest.mark.parametrize("standardize", ["zscore_sample", "psc"])
def test_standardize_where_nilearn_comes_to_use_it(standardize: str) -> None:
    """In 0.14.1 ``False in [0, 1, (0, 1)]`` always switches it off."""
    model = FirstLevel(TR, mask_img=mask(), signal_scaling=False)
    model.fit(run(), events())
    model._reader.standardize = model.standardize_ = standardize
    model.labels_, model.results_ = [], []
    model._fit_single_run(None, 100, run(), 0)
    masker = NiftiMasker(mask(), standardize=standardize).fit()
    labels, results = run_glm(masker.transform(run()), model.design_matrices_[0].to_numpy())
    assert np.array_equal(labels, model.labels_[0])
    contrast = np.eye(1, model.design_matrices_[0].shape[1])[0]
    wanted = compute_contrast(labels, results, contrast).stat()
    got = model.compute_contrast(contrast, output_type="stat").get_fdata()
    np.testing.assert_allclose(got[np.asarray(mask().dataobj) > 0], wanted, atol=1e-9)


@pytest.mark.parametrize("as_bool", [False, True])
def test_sample_masks(as_bool: bool) -> None:
    kept: Any = np.setdiff1d(np.arange(N), [0, 1, 9, 20, 21, N - 1])
    sample_masks = [kept, np.arange(N)]
    if as_bool:
        sample_masks = [np.isin(np.arange(N), some) for some in sample_masks]
    images = [run(0), run(1)]
    fit = {"events": [events(), events(1)], "sample_masks": sample_masks}
    ours, theirs = both(images, fit=fit, mask_img=mask(), minimize_memory=False)
    assert_same_maps(ours, theirs)
    assert ours.design_matrices_[0].equals(theirs.design_matrices_[0])
    for got, wanted in zip(ours.residuals_, theirs.residuals_, strict=True):
        assert difference(got, wanted) < 1e-6


def test_confounds_and_designs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(N, 3)), columns=["a", "b", "c"])
    for confounds in (frame, frame.to_numpy()):
        fit = {"events": events(), "confounds": confounds}
        assert_same_maps(*both(run(), fit=fit, mask_img=mask()))
    table = tmp_path / "design.tsv"
    designs(1)[0].to_csv(table, sep="\t", index=False)
    for given in (designs(1), str(table)):
        fit = {"design_matrices": given}
        assert_same_maps(*both(run(), fit=fit, mask_img=mask(), t_r=None))


def test_designs_without_a_constant_and_with_too_many_columns() -> None:
    (design,) = designs(1)
    for given in (design[["face", "house"]], design.assign(twice=2 * design["drift"])):
        ours, theirs = both(run(), fit={"design_matrices": given}, mask_img=mask(), t_r=None)
        assert_same_maps(ours, theirs, 1e-8)


@pytest.mark.parametrize("kind", ["none", "image", "path", "target", "masker", "their masker"])
def test_masks(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    nib.save(mask(), path)
    options: dict[str, Any] = {
        "none": {},
        "image": {"mask_img": mask()},
        "path": {"mask_img": str(path)},
        "target": {
            "target_affine": np.diag([-4.0, 4.0, 4.0]),
            "mask_img": mask(),
            # Without, resampled voxels are cut off at the largest value of the data, for good.
            "smoothing_fwhm": 5,
        },
        "masker": {"mask_img": boldstream.maskers.NiftiMasker(mask(), smoothing_fwhm=4).fit()},
        "their masker": {"mask_img": NiftiMasker(mask(), smoothing_fwhm=4).fit()},
    }[kind]
    ours, theirs = both([run(0), run(1)], [events(), events()], minimize_memory=False, **options)
    assert difference(ours.mask_img_, theirs.mask_img_) == 0
    assert ours.n_elements_ == theirs.n_elements_
    assert_same_maps(ours, theirs)
    # The second pass says once more that it resamples.
    residuals = quietly(getattr, ours, "residuals_")
    for got, wanted in zip(residuals, theirs.residuals_, strict=True):
        assert difference(got, wanted) < 1e-6
    if "masker" in kind:
        assert ours.masker_ is ours.mask_img
    else:
        assert type(ours.masker_) is boldstream.maskers.NiftiMasker


def test_no_mask() -> None:
    ours, theirs = both(run(), events(), mask_img=False)
    assert ours.mask_img is False
    assert ours.n_elements_ == theirs.n_elements_ == np.prod(SHAPE)
    got, wanted = (model.compute_contrast("face - house").get_fdata() for model in (ours, theirs))
    # Of constant voxels nilearn fits the rounding.
    inside = run().get_fdata()[..., 0] > 0
    np.testing.assert_allclose(got[inside], wanted[inside], atol=1e-9)


@pytest.mark.parametrize("module", [boldstream.maskers, nilearn.maskers])
@pytest.mark.parametrize("options", [{"detrend": True}, {"low_pass": 0.15, "t_r": TR}], ids=str)
def test_maskers_that_clean(module: Any, options: dict[str, Any]) -> None:
    ours, theirs = (
        model(
            TR,
            mask_img=masker(mask(), standardize=None, **options).fit(),
            signal_scaling=False,
            minimize_memory=False,
        ).fit(run(), events())
        for model, masker in (
            (FirstLevel, module.NiftiMasker),
            (FirstLevelModel, NiftiMasker),
        )
    )
    assert_same_maps(ours, theirs, 1e-7)
    assert difference(ours.residuals_[0], theirs.residuals_[0]) < 1e-6


def test_a_masker_of_its_own_kind_reads_by_itself() -> None:
    class Doubled(NiftiMasker):  # type: ignore[misc]
        def transform_single_imgs(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().transform_single_imgs(*args, **kwargs)

    ours, theirs = both(
        run(), events(), mask_img=Doubled(mask(), standardize=None).fit(), signal_scaling=False
    )
    assert_same_maps(ours, theirs)


@pytest.mark.parametrize("noise_model", ["ols", "ar1", "ar2"])
@pytest.mark.parametrize("signal_scaling", [False, 0, (0, 1)])
@pytest.mark.parametrize("smoothing_fwhm", [None, 5])
def test_attributes(noise_model: str, signal_scaling: Any, smoothing_fwhm: Any) -> None:
    ours, theirs = both(
        [run(0), run(1)],
        [events(), events()],
        fit={"bins": BINS[noise_model]},
        mask_img=mask(),
        minimize_memory=False,
        noise_model=noise_model,
        signal_scaling=signal_scaling,
        smoothing_fwhm=smoothing_fwhm,
        random_state=0,
    )
    for name, is_series in (
        ("residuals", True),
        ("normalized_residuals", True),
        ("predicted", True),
        ("SSE", False),
        ("MSE", False),
        ("r_square", False),
    ):
        got, wanted = (
            model._get_element_wise_model_attribute(name, is_series) for model in (ours, theirs)
        )
        assert len(got) == len(wanted) == 2
        for image, expected in zip(got, wanted, strict=True):
            assert difference(image, expected) < (1e-6 if is_series else 1e-9), name
            assert image.get_data_dtype() == ("f4" if is_series else expected.get_data_dtype())


@pytest.mark.parametrize("dtype", ["f4", "i2"])
def test_stored_types(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "bold.nii.gz"
    nib.save(run(dtype=dtype), path)
    ours, theirs = both(str(path), events(), mask_img=mask())
    assert (ours.labels_[0] == theirs.labels_[0]).mean() > 0.99
    got, wanted = (model.compute_contrast("face - house").get_fdata() for model in (ours, theirs))
    alike = np.zeros(SHAPE, bool)
    alike[np.asarray(mask().dataobj) > 0] = ours.labels_[0] == theirs.labels_[0]
    # nilearn scales float32 in float32.
    np.testing.assert_allclose(got[alike], wanted[alike], atol=2e-4)


def test_non_finite_voxels() -> None:
    image = run()
    data = image.get_fdata()
    data[4, 4, 4, 7], data[5, 5, 5] = np.nan, np.inf
    image = nib.Nifti1Image(data, AFFINE)
    ours, theirs = both(image, events(), mask_img=mask())
    got, wanted = (model.compute_contrast("face - house").get_fdata() for model in (ours, theirs))
    inside = np.asarray(mask().dataobj) > 0
    inside[5, 5, 5] = False  # all zeros: nilearn fits the rounding
    np.testing.assert_allclose(got[inside], wanted[inside], atol=1e-9)


def test_results_are_nilearns() -> None:
    ours, theirs = both(run(), events(), mask_img=mask())
    assert set(ours.results_[0]) == set(theirs.results_[0])
    for label, wanted in theirs.results_[0].items():
        got = ours.results_[0][label]
        np.testing.assert_allclose(got.theta, wanted.theta, atol=1e-9)
        np.testing.assert_allclose(got.cov, wanted.cov, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(got.dispersion, wanted.dispersion, rtol=1e-9)
        assert got.df_residuals == wanted.df_residuals
    contrast = np.eye(1, ours.design_matrices_[0].shape[1])[0]
    # nilearn's own function, with the strings of the labels.
    one = compute_contrast(ours.labels_[0], ours.results_[0], contrast).stat()
    other = ours.compute_contrast(contrast, output_type="stat").get_fdata()
    np.testing.assert_array_equal(other[np.asarray(mask().dataobj) > 0], one)


def test_real_runs(shared_data: Path) -> None:
    bold = next((shared_data / "sforest_localizer").glob("*bold.nii.gz"))
    image = load(bold)
    part = nib.Nifti1Image(image.get_fdata()[..., :90], image.affine)
    fit = {"design_matrices": designs(1, 90)}
    ours, theirs = both(part, fit=fit, mask_img=None)
    assert difference(ours.mask_img_, theirs.mask_img_) == 0
    assert_same_maps(ours, theirs)
