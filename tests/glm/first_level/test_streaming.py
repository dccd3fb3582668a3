"""`FirstLevel` decodes once, holds little, and leaves no trace on what it is given."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.exceptions import DimensionError
from nilearn.glm.second_level import SecondLevelModel
from nilearn.maskers import NiftiMasker
from sklearn.base import clone

import boldstream as bs
from boldstream.glm.first_level import FirstLevel
from boldstream.io import parts
from tests.glm.first_level.runs import (
    AFFINE,
    TR,
    N,
    both,
    designs,
    difference,
    events,
    mask,
    quietly,
    run,
)
from tests.oracle import load


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    path = tmp_path / "sub-01_task-faces_bold.nii.gz"
    nib.save(run(dtype="f4"), path)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images whose data are decoded, one for each time."""
    names: list[str] = []
    real = parts.JoinedSource.blocks

    def blocks(self: Any, block_volumes: int) -> Any:
        names.append(Path(self.series.name).name)
        return real(self, block_volumes)

    monkeypatch.setattr(parts.JoinedSource, "blocks", blocks)
    return names


@pytest.fixture
def never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nibabel refuse to decode series of volumes."""
    real = nib.arrayproxy.ArrayProxy._get_scaled

    def refuse(self: Any, dtype: Any, slicer: Any) -> Any:
        assert len(self.shape) < 4 or slicer != (), "a whole image was loaded"
        return real(self, dtype=dtype, slicer=slicer)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(nib.arrayproxy.ArrayProxy, "_get_scaled", refuse)


def model(**options: Any) -> FirstLevel:
    return FirstLevel(**{"t_r": TR, "mask_img": mask(), "reports": False, **options})


@pytest.mark.usefixtures("never_loaded")
@pytest.mark.parametrize("given", ["path", "image"])
def test_one_decode(bold: Path, opened: list[str], given: str) -> None:
    image = bold if given == "path" else load(bold)
    fitted = model(smoothing_fwhm=5, minimize_memory=False).fit(image, events())
    assert opened.count(bold.name) == 1
    fitted.compute_contrast("face - house")
    assert fitted.r_square_[0].shape == (*mask().shape, 1)
    assert fitted.predicted_[0].shape[3] == N
    assert opened.count(bold.name) == 1
    assert fitted.residuals_[0].shape[3] == N
    assert opened.count(bold.name) == 2
    if given == "image":
        assert not image.in_memory  # type: ignore[union-attr]


@pytest.mark.usefixtures("never_loaded")
def test_a_mask_from_the_data_takes_one_more(bold: Path, opened: list[str]) -> None:
    model(mask_img=None).fit([bold, bold], [events(), events()])
    assert opened.count(bold.name) == 4
    opened.clear()
    quietly(model(mask_img=False).fit, bold, events())
    assert opened.count(bold.name) == 1


def test_the_image_is_not_held(tmp_path: Path) -> None:
    shape, n = (40, 40, 30), 150
    data = np.random.default_rng(0).normal(500, 5, (*shape, n)).astype("f4")
    inside = np.zeros(shape, "u1")
    inside[10:20, 10:20, 10:20] = 1
    path = tmp_path / "bold.nii"
    nib.save(nib.Nifti1Image(data, AFFINE), path)
    image_bytes = data.nbytes
    del data
    small = nib.Nifti1Image(inside, AFFINE)
    fitted = model(t_r=None, mask_img=small, minimize_memory=False)
    fitted.fit(str(path), design_matrices=designs(1, n))  # what is imported and cached once
    tracemalloc.start()
    try:
        fitted.fit(str(path), design_matrices=designs(1, n))
        _, peak = tracemalloc.get_traced_memory()
        assert peak < image_bytes / 4
        tracemalloc.reset_peak()
        held, _ = tracemalloc.get_traced_memory()
        residuals = fitted.residuals_[0]
        _, peak = tracemalloc.get_traced_memory()
        assert peak - held < 1.25 * image_bytes
    finally:
        tracemalloc.stop()
    assert residuals.get_data_dtype() == np.float32
    assert not residuals.dataobj[0, 0, 0].any()


def test_the_plan_counts_the_second_pass(bold: Path) -> None:
    with pytest.raises(bs.MemoryBudgetError, match="bold"):
        model(memory_limit="1MiB").fit(bold, events())
    fitted = model(minimize_memory=False).fit(bold, events())
    fitted.set_params(memory_limit="1MiB")
    with pytest.raises(bs.MemoryBudgetError, match="bold"):
        _ = fitted.residuals_


def test_pickles_and_clones(bold: Path) -> None:
    fitted = model(nan_policy="zero", memory_limit="4GiB", minimize_memory=False)
    fitted.fit(bold, events())
    copy = pickle.loads(pickle.dumps(fitted))
    for name in ("stat", "effect_size"):
        again, first = (m.compute_contrast("face", output_type=name) for m in (copy, fitted))
        assert difference(again, first) == 0
    assert difference(copy.residuals_[0], fitted.residuals_[0]) == 0
    fresh = clone(fitted)
    assert fresh.get_params()["nan_policy"] == "zero"
    assert fresh.get_params()["memory_limit"] == "4GiB"
    assert not fresh.__sklearn_is_fitted__()


def test_a_model_without_mask_stays_one(bold: Path) -> None:
    fitted = model(mask_img=False)
    quietly(fitted.fit, bold, events())
    assert fitted.mask_img is False
    assert clone(fitted).mask_img is False


def test_a_masker_is_left_as_it_was(bold: Path) -> None:
    for masker in (bs.maskers.NiftiMasker(mask()).fit(), NiftiMasker(mask()).fit()):
        fitted = model(mask_img=masker).fit(bold, events())
        assert fitted.masker_ is masker
        assert masker.standardize is False


def test_fits_are_cached_by_the_state_of_the_file(
    bold: Path, tmp_path: Path, opened: list[str]
) -> None:
    def fitted(**options: Any) -> FirstLevel:
        cached = model(memory=str(tmp_path / "cache"), **options)
        cached.fit(bold, events())
        return cached

    first = fitted()
    opened.clear()
    second = fitted()
    assert not opened.count(bold.name)
    assert difference(second.compute_contrast("face"), first.compute_contrast("face")) == 0
    for options in (
        {"smoothing_fwhm": 4},
        {"signal_scaling": False},
        {"noise_model": "ols"},
        {"hrf_model": "spm"},
        {"nan_policy": "zero"},
    ):
        opened.clear()
        fitted(**options)
        assert opened.count(bold.name) == 1, options
    os.utime(bold, ns=(1, 1))
    opened.clear()
    fitted()
    assert opened.count(bold.name) == 1


def test_a_second_fit_forgets_the_first(bold: Path) -> None:
    fitted = model(minimize_memory=False).fit(bold, events())
    before = fitted.residuals_[0]
    fitted.set_params(noise_model="ols").fit(bold, events())
    assert difference(fitted.residuals_[0], before) > 0


def test_residuals_of_another_file_are_refused(bold: Path) -> None:
    fitted = model(minimize_memory=False).fit(bold, events())
    nib.save(run(9, dtype="f4"), bold)
    with pytest.raises(bs.ImageFileError, match="as it was when the model was fitted"):
        _ = fitted.residuals_
    bold.unlink()
    with pytest.raises(ValueError, match="File not found"):
        _ = fitted._get_element_wise_model_attribute("residuals", True)


def test_residuals_of_a_run_in_many_files(tmp_path: Path) -> None:
    paths = [tmp_path / f"vol_{t:03d}.nii" for t in range(N)]
    for path, volume in zip(paths, nib.four_to_three(run()), strict=True):
        nib.save(volume, path)
    pattern = str(tmp_path / "vol_*.nii")
    ours, theirs = both(pattern, events(), mask_img=mask(), minimize_memory=False)
    assert difference(ours.residuals_[0], quietly(getattr, theirs, "residuals_")[0]) < 1e-6
    changed = model(minimize_memory=False).fit(pattern, events())
    nib.save(nib.four_to_three(run(9))[0], paths[3])
    with pytest.raises(bs.ImageFileError, match=rf"vol_000.nii and {N - 1} more must be as it was"):
        _ = changed.residuals_


def test_damaged_files(bold: Path) -> None:
    bold.write_bytes(bold.read_bytes()[:-2000])
    with pytest.raises(bs.CorruptImageError, match="bold"):
        model().fit(bold, events())


@pytest.mark.parametrize(
    ("options", "fit", "message"),
    [
        ({"noise_model": "ar0"}, {}, "AR order must be a positive integer"),
        ({"noise_model": "arma"}, {}, "AR order must be a positive integer"),
        ({}, {"design_matrices": designs(1, N - 1)}, f"a row for each of the {N} volumes"),
        (
            {},
            {"design_matrices": designs(1, N + 1), "sample_masks": np.arange(N)},
            f"a row for each of the {N} volumes",
        ),
        ({}, {"sample_masks": np.array([0, 2, 1])}, "in rising order"),
        ({}, {"sample_masks": np.array([0, 1, N])}, f"from 0 to {N - 1}"),
        ({"nan_policy": "drop"}, {}, "`nan_policy` must be one of"),
        ({"signal_scaling": "voxel"}, {}, "'signal_scaling' must be one of"),
        ({"signal_scaling": True}, {}, "`signal_scaling` must be False, 0, 1"),
    ],
)
def test_errors(
    bold: Path, opened: list[str], options: Any, fit: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        quietly(model(**options).fit, bold, **{"events": events(), **fit})
    assert not opened


def test_a_volume_is_no_run() -> None:
    volume = nib.Nifti1Image(np.ones(mask().shape), AFFINE)
    for fit in ({"events": events()}, {"design_matrices": designs(1, 1)}):
        with pytest.raises(DimensionError, match="Expected dimension is 4D"):
            quietly(model().fit, volume, **fit)


@pytest.mark.parametrize("scaling", [0, 1, (0, 1)])
def test_non_finite_values_are_named(scaling: Any) -> None:
    data = run().get_fdata()
    data[4, 4, 4, 7] = np.nan
    image = nib.Nifti1Image(data, AFFINE)
    with pytest.raises(bs.NonFiniteError, match=r"volume 7 at voxel \(4, 4, 4\)"):
        model(nan_policy="raise").fit(image, events())
    fitted = model(nan_policy="propagate", signal_scaling=scaling).fit(image, events())
    stat = fitted.compute_contrast("face")
    assert np.isnan(stat.get_fdata()).sum() == 1


@pytest.mark.parametrize("scaling", [0, 1, (0, 1)])
def test_a_volume_without_a_finite_voxel_gives_nan_without_a_word(scaling: Any) -> None:
    data = run().get_fdata()
    data[..., 7] = np.nan
    fitted = model(nan_policy="propagate", signal_scaling=scaling)
    fitted.fit(nib.Nifti1Image(data, AFFINE), events())
    assert np.isnan(fitted.compute_contrast("face").get_fdata()[mask().get_fdata() > 0]).all()


def test_warnings_point_at_the_caller(bold: Path) -> None:
    fitted = model().fit([bold, bold], [events(), events()])
    with pytest.warns(RuntimeWarning, match="same contrast will be used") as caught:
        fitted.compute_contrast("face")
    assert caught[0].filename == __file__
    centred = nib.Nifti1Image(np.zeros((*mask().shape, N)), AFFINE)
    with pytest.warns(UserWarning, match="Mean values of 0 observed") as caught:
        model().fit(centred, events())
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_run_without_degrees_of_freedom_is_told(bold: Path) -> None:
    (design,) = designs(1)
    kept = np.arange(design.shape[1])
    with pytest.warns(UserWarning, match=f"run 0 has {len(kept)} volumes that are fitted"):
        model(t_r=None).fit(bold, design_matrices=design, sample_masks=kept)


def test_what_is_told(bold: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(verbose=1).fit(bold, events())
    told = capsys.readouterr().out
    assert "[FirstLevel.fit] Computing run 1 out of 1 runs" in told
    assert "Performing GLM computation" in told
    assert "GLM took 0 seconds" in told


def test_a_second_level_of_ours(bold: Path) -> None:
    each = [model(subject_label=f"{i}").fit(run(i), events()) for i in range(3)]
    second = SecondLevelModel(mask_img=mask()).fit(each)
    z = quietly(second.compute_contrast, first_level_contrast="face - house")
    assert np.isfinite(z.get_fdata()).all()
