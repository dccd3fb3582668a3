"""`bs.extract` with cleaning against nilearn's maskers, run by run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Generator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.image import resample_img, smooth_img
from nilearn.interfaces.fmriprep import load_confounds_strategy
from nilearn.maskers import NiftiLabelsMasker, NiftiMasker
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Read, Series, VolumeSource
from boldstream.signal.cleaning import Cleaning
from boldstream.signal.extracting import Cleaned
from boldstream.signal.runs import load_runs
from tests.oracle import load
from tests.signal.made_up import (
    AFFINE,
    BAND,
    SHAPE,
    assert_equal,
    atlas_image,
    by_nilearn,
    made_up,
    mask_image,
)

# On real images.

N_REAL = 60
REAL = {
    "rapidtide": ("sub-RAPIDTIDETEST.nii.gz", "sub-RAPIDTIDETEST_restrictedmask.nii.gz", 1.5),
    # Its header says 1.794 s.
    "sforest_localizer": ("sub-02_task-oneback_run-1_bold.nii.gz", None, 2.0),
}


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Any, Any, Any, float]:
    """The first volumes of a real run in float64, a mask, an atlas, and the repetition time."""
    name, mask, t_r = REAL[request.param]
    found = load(shared_data / request.param / name)
    data = np.asarray(found.dataobj[..., :N_REAL], dtype=np.float64)
    mean = data.mean(axis=-1)
    inside = mean > np.quantile(mean, 0.98)
    if mask is not None:
        inside = load(shared_data / request.param / mask).get_fdata() > 0
    labels = np.digitize(mean, np.quantile(mean, [0.7, 0.8, 0.9, 0.95, 0.99]))
    image = nib.Nifti1Image(data, found.affine, found.header)
    image.set_data_dtype("f8")
    return (
        image,
        nib.Nifti1Image(inside.astype("u1"), found.affine),
        nib.Nifti1Image(labels.astype("i4"), found.affine),
        t_r,
    )


COMBINATIONS: list[dict[str, Any]] = [
    {"smoothing_fwhm": 6, "standardize": "zscore_sample"},
    {"smoothing_fwhm": [4, None, 8], "detrend": True},
    {**BAND, "confounds": True},
    {"detrend": True, "standardize": "psc", "sample_mask": True, "confounds": True},
    {"high_pass": 0.02, "clean_args": {"filter": "cosine"}, "sample_mask": True},
    {
        **BAND,
        "smoothing_fwhm": 6,
        "detrend": True,
        "standardize": "psc",
        "confounds": True,
        "sample_mask": True,
        "standardize_confounds": False,
    },
]


@pytest.mark.parametrize("options", COMBINATIONS, ids=str)
@pytest.mark.filterwarnings("ignore:psc standardization")
def test_combinations_on_real_images_equal_nilearn(
    real: tuple[Any, Any, Any, float], options: dict[str, Any], rng: np.random.Generator
) -> None:
    image, mask, atlas, t_r = real
    options = options | {"t_r": t_r}
    if "confounds" in options:
        options["confounds"] = rng.normal(size=(N_REAL, 5))
    if "sample_mask" in options:
        options["sample_mask"] = np.flatnonzero(rng.random(N_REAL) > 0.15)
    own = options | {"filter": options.get("clean_args", {}).get("filter", "butterworth")}
    own.pop("clean_args", None)
    masks: Any = {"mask": mask, "labels": bs.Labels(atlas, dtype="float64")}
    found = bs.extract(image, masks, dtype="float64", **own)
    assert_equal(found["mask"], by_nilearn(NiftiMasker, mask, image, **options))
    assert_equal(found["labels"], by_nilearn(NiftiLabelsMasker, atlas, image, **options))


# Made-up runs.


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
@pytest.mark.parametrize("standardize", ["psc", "zscore_sample", None])
def test_runs_are_cleaned_each_for_itself(
    runs: list[Path], rng: np.random.Generator, standardize: Any, n_jobs: int
) -> None:
    confounds = [rng.normal(size=(40, 3)), None, rng.normal(size=(47, 1))]
    kept_last = rng.random(47) > 0.2
    masks: list[Any] = [None, np.delete(np.arange(55), [0, 7, 8, 54]), kept_last]
    options: Any = {"detrend": True, "standardize": standardize, **BAND}
    own_masks: Any = {"V1": mask_image(), "atlas": bs.Labels(atlas_image(), dtype="float64")}
    found = bs.extract(
        runs,
        own_masks,
        dtype="float64",
        confounds=confounds,
        sample_mask=masks,
        n_jobs=n_jobs,
        **options,
    )
    for name, kind, where in (
        ("V1", NiftiMasker, mask_image()),
        ("atlas", NiftiLabelsMasker, atlas_image()),
    ):
        wanted = [
            by_nilearn(kind, where, run, t_r=2.0, confounds=regressed, sample_mask=kept, **options)
            for run, regressed, kept in zip(runs, confounds, masks, strict=True)
        ]
        assert_equal(found[name], np.concatenate(wanted))
    assert found["atlas"].run_lengths == (40, 51, int(kept_last.sum()))


def test_without_cleaning_runs_are_joined(runs: list[Path]) -> None:
    found = bs.extract(runs, {"V1": mask_image()}, n_jobs=2)["V1"]
    wanted = np.concatenate([by_nilearn(NiftiMasker, mask_image(), run) for run in runs])
    np.testing.assert_array_equal(found, wanted.astype("f4"))


def test_a_sample_mask_alone_picks_volumes(runs: list[Path]) -> None:
    plain = bs.extract(runs[:2], {"V1": mask_image()})["V1"]
    masks: Any = [[3, 1], [True] * 54 + [False]]
    kept = bs.extract(runs[:2], {"V1": mask_image()}, sample_mask=masks)
    np.testing.assert_array_equal(kept["V1"], plain[[1, 3, *range(40, 94)]])


def test_a_single_run_may_be_a_list_of_one(runs: list[Path], rng: np.random.Generator) -> None:
    confounds, kept = rng.normal(size=(40, 2)), np.arange(5, 40)
    plain: Any = {"detrend": True, "confounds": confounds, "sample_mask": kept}
    listed: Any = {"detrend": True, "confounds": [confounds], "sample_mask": [kept]}
    columns: Any = plain | {"confounds": [confounds[:, 0], confounds[:, 1]]}
    first, *others = (
        bs.extract(image, {"V1": mask_image()}, **options)["V1"]
        for image, options in ((runs[0], plain), (runs[:1], listed), (runs[0], columns))
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_one_mask_twice_is_cleaned_once_each(runs: list[Path]) -> None:
    voxels = bs.Voxels(mask_image())
    found = bs.extract(runs[0], {"a": voxels, "b": voxels}, standardize="psc")
    np.testing.assert_array_equal(found["a"], found["b"])
    assert not np.shares_memory(found["a"], found["b"])


@pytest.mark.parametrize("standardize", ["psc", "zscore_sample", None])
def test_regions_without_a_voxel_stay_nan_and_take_no_part(
    runs: list[Path], standardize: Any
) -> None:
    far = AFFINE.copy()
    far[0, 3] = -6.0
    shifted = nib.Nifti1Image(np.asarray(atlas_image().dataobj), far)
    values = np.asarray(shifted.dataobj).copy()
    values[values == 2] = 0
    values[0, 0, 0] = 2
    shifted = nib.Nifti1Image(values, far)
    options: Any = {"detrend": True, "standardize": standardize, "sample_mask": np.arange(3, 40)}
    regions = bs.Labels(shifted, resample="mask", dtype="float64")
    found = bs.extract(runs[0], {"atlas": regions}, **options)["atlas"]
    assert found.n_voxels[1] == 0
    assert np.isnan(found.values[:, 1]).all()
    native = np.zeros(SHAPE, "i4")
    native[:-2] = values[2:]
    expected = by_nilearn(NiftiLabelsMasker, nib.Nifti1Image(native, AFFINE), runs[0], **options)
    assert_equal(np.delete(found.values, 1, axis=1), expected)


def test_spheres_and_maps_are_cleaned_too(runs: list[Path]) -> None:
    maps = nib.Nifti1Image(np.random.default_rng(5).random((*SHAPE, 3)), AFFINE)
    reductions: Any = {
        "spheres": bs.Spheres([[6, 6, 7], [9, 9, 7]], radius=5.0, dtype="float64"),
        "maps": bs.Maps(maps, dtype="float64"),
    }
    plain = bs.extract(runs[0], reductions)
    found = bs.extract(runs[0], reductions, standardize="zscore_sample")
    for name, series in plain.items():
        values = series.values
        wanted = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
        assert_equal(found[name], wanted)
        assert found[name].names == series.names


def test_volumes_are_resampled_to_a_target_and_then_smoothed(runs: list[Path]) -> None:
    affine = np.diag([4.0, 3.5, 3.0, 1.0])
    affine[:3, 3] = [1, -1, 2]
    target = nib.Nifti1Image(
        (np.random.default_rng(1).random((4, 5, 5)) > 0.4).astype("u1"), affine
    )
    resampled = resample_img(runs[0], affine, (4, 5, 5), force_resample=True, copy_header=True)
    smoothed = smooth_img(resampled, 5)
    found = bs.extract(
        runs[0], {"V1": target}, target=target, smoothing_fwhm=5, dtype="float64", detrend=True
    )
    wanted = by_nilearn(NiftiMasker, target, smoothed, detrend=True)
    assert_equal(found["V1"], wanted)


def test_a_mask_as_target_does_what_niftimasker_does_with_a_mask_on_another_grid(
    runs: list[Path],
) -> None:
    affine = np.diag([4.0, 3.5, 3.0, 1.0])
    affine[:3, 3] = [1, -1, 2]
    mask = nib.Nifti1Image(np.ones((4, 5, 5), "u1"), affine)
    options: Any = {"nan_policy": "nilearn", "dtype": "float64"}
    found = bs.extract(runs[0], {"V1": mask}, target=mask, **options)["V1"]
    assert_equal(found, by_nilearn(NiftiMasker, mask, runs[0]))
    # The other way round there are other voxels.
    ours = bs.extract(runs[0], {"V1": mask}, resample="mask", **options)["V1"]
    assert ours.shape != found.shape


def test_censored_volumes_take_no_part_in_the_detrending() -> None:
    image, kept = made_up(40), np.delete(np.arange(40), [7, 30])
    masks, options = {"V1": mask_image()}, {"detrend": True, "sample_mask": kept}
    wanted = bs.extract(image, masks, **options)["V1"]  # type: ignore[arg-type]
    np.asarray(image.dataobj)[..., 7] = 1e6
    found = bs.extract(image, masks, **options)["V1"]  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", [bs.Maps, bs.Voxels])
def test_what_is_cleaned_multiplies_where_the_reduction_does(kind: Any) -> None:
    series = open_image(made_up(40)).series
    where = nib.Nifti1Image(np.ones((*SHAPE, 2)), AFFINE) if kind is bs.Maps else mask_image()
    bound = Cleaned(kind(where), [Cleaning(detrend=True)], "m").bind(series)
    assert bound.accumulator.multiplies is (kind is bs.Maps)


# The repetition time.


def test_the_repetition_time_is_the_images_unless_it_is_given(runs: list[Path]) -> None:
    masks = {"V1": mask_image()}
    said = bs.extract(runs[0], masks, high_pass=0.02)["V1"]
    np.testing.assert_array_equal(said, bs.extract(runs[0], masks, high_pass=0.02, t_r=2.0)["V1"])
    other = bs.extract(runs[0], masks, high_pass=0.02, t_r=1.0)["V1"]
    assert np.abs(other - said).max() > 0.1


def test_a_filter_without_a_repetition_time_is_refused(tmp_path: Path, runs: list[Path]) -> None:
    silent = made_up(40, t_r=0.0)
    with pytest.raises(bs.ParameterError, match="`t_r` must be the repetition time in seconds, as"):
        bs.extract(silent, {"V1": mask_image()}, high_pass=0.02)
    bs.extract(silent, {"V1": mask_image()}, detrend=True)
    bs.extract(silent, {"V1": mask_image()}, high_pass=0.02, t_r=2.0)
    with pytest.raises(bs.ParameterError, match="tells none that all runs share"):
        bs.extract([made_up(40), made_up(40, t_r=1.0)], {"V1": mask_image()}, high_pass=0.02)


# Confounds of fMRIPrep.


def write_confounds(image: Path, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    full = ["", "_derivative1", "_power2", "_derivative1_power2"]
    names = [name + end for name in [*motion, "csf", "white_matter"] for end in full]
    frame = pd.DataFrame(rng.normal(size=(n, len(names))), columns=names)
    frame["cosine00"] = np.cos(np.arange(n) / n * np.pi)
    frame["framewise_displacement"] = np.where(np.isin(np.arange(n), [5, 20 + seed]), 3.0, 0.01)
    frame["std_dvars"] = 1.0
    stem = image.name.partition("_space")[0]
    table = image.parent / f"{stem}_desc-confounds_timeseries.tsv"
    frame.to_csv(table, sep="\t", index=False)


@pytest.fixture
def derivatives(tmp_path: Path) -> list[Path]:
    """Two runs with confounds beside them."""
    paths = []
    for i, n in enumerate((150, 140)):
        name = f"sub-01_task-rest_run-{i + 1}_space-MNI_desc-preproc_bold.nii.gz"
        paths.append(tmp_path / name)
        nib.save(made_up(n, seed=i), paths[-1])
        write_confounds(paths[-1], n, seed=i)
    return paths


@pytest.mark.parametrize("strategy", ["simple", "scrubbing"])
def test_confounds_of_fmriprep_are_found_beside_each_run(
    derivatives: list[Path], strategy: str
) -> None:
    extra = [np.delete(np.arange(150), 60), None]
    found = bs.extract(
        derivatives,
        {"V1": mask_image()},
        confounds=f"fmriprep:{strategy}",
        sample_mask=extra,
        standardize="zscore_sample",
        dtype="float64",
    )
    wanted = []
    for image, kept in zip(derivatives, extra, strict=True):
        confounds, mask = load_confounds_strategy(str(image), strategy)
        if kept is not None:
            mask = kept if mask is None else np.intersect1d(mask, kept)
        wanted.append(
            by_nilearn(
                *(NiftiMasker, mask_image(), image),
                confounds=confounds,
                sample_mask=mask,
                standardize="zscore_sample",
            )
        )
    assert len(wanted[0]) < 150
    assert_equal(found["V1"], np.concatenate(wanted))


def test_entries_of_runs_may_differ_in_kind(derivatives: list[Path]) -> None:
    series = open_image(derivatives).series
    table = derivatives[1].parent / "motion.tsv"
    table.write_text("a\tb\n" + "1.5\t2\n0\t7\n" * 70)
    first, second = load_runs(derivatives, series, confounds=["fmriprep", table])
    assert "trans_x" in first.names
    assert (second.names, second.confounds is not None) == (("a", "b"), True)
    (frame,) = load_runs("", made_up_series(2), confounds=pd.DataFrame({"x": [1.0, 2.0]}))
    assert frame.names == ("x",)
    (plain,) = load_runs("", made_up_series(2), confounds=np.array([1.0, 2.0]))
    assert plain.names == ()


def made_up_series(n: int) -> Series:
    return Series("bold", Grid(SHAPE, AFFINE), n, np.dtype("f4"), 2.0, (n,))


# NaN and infinity.


def with_nan() -> Any:
    image = made_up(40)
    voxel = tuple(np.argwhere(np.asarray(mask_image().dataobj))[4])
    np.asarray(image.dataobj)[(*voxel, 7)] = np.nan
    return image


@pytest.mark.parametrize("smoothing", [None, 4.0])
def test_nan_policies(smoothing: float | None) -> None:
    def extract(policy: Any) -> NDArray[Any]:
        found: NDArray[Any] = bs.extract(
            with_nan(),
            {"V1": mask_image()},
            nan_policy=policy,
            smoothing_fwhm=smoothing,
            detrend=True,
            dtype="float64",
        )["V1"]
        return found

    spread = np.isnan(extract("propagate")).all(axis=0)
    assert (spread.sum() == 1) if smoothing is None else (spread.sum() > 1)
    wanted = by_nilearn(
        *(NiftiMasker, mask_image(), with_nan()), smoothing_fwhm=smoothing, detrend=True
    )
    assert_equal(extract("zero"), wanted)
    assert_equal(extract("nilearn"), wanted)
    with pytest.raises(bs.NonFiniteError, match="got nan in volume 7"):
        extract("raise")


def test_nan_that_would_be_interpolated_is_an_error_that_names_the_way_out() -> None:
    options: Any = {"high_pass": 0.02, "sample_mask": np.arange(2, 40)}
    with pytest.raises(bs.NonFiniteError, match=r'V1 must be finite .*nan_policy="zero"'):
        bs.extract(with_nan(), {"V1": mask_image()}, **options)
    found = bs.extract(with_nan(), {"V1": mask_image()}, nan_policy="zero", **options)
    assert np.isfinite(found["V1"]).all()


# One decode, and its memory.


class Counted(VolumeSource):
    """An image that counts how often it is read."""

    def __init__(self, image: Any) -> None:
        self._source = open_image(image)
        self.series, self.n_reads = self._source.series, 0

    @property
    def reads(self) -> tuple[Read, ...]:
        return self._source.reads

    def buffer_bytes(self, block_volumes: int) -> int:
        return self._source.buffer_bytes(block_volumes)

    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        self.n_reads += 1
        yield from self._source.blocks(block_volumes)


def test_many_masks_are_one_decode(runs: list[Path]) -> None:
    source = Counted(runs)
    masks: Any = {str(i): mask_image(i) for i in range(5)} | {"atlas": bs.Labels(atlas_image())}
    found = bs.extract(source, masks, smoothing_fwhm=5, detrend=True)
    assert source.n_reads == 1
    for name, mask in masks.items():
        alone = bs.extract(runs, {name: mask}, smoothing_fwhm=5, detrend=True)[name]
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(alone))


@pytest.mark.parametrize(("n", "n_columns"), [(200, 9000), (600, 60), (500, 3000)])
def test_the_plan_knows_what_cleaning_takes(
    n: int, n_columns: int, rng: np.random.Generator
) -> None:
    shape = (n_columns, 1, 1)
    series = Series("bold", Grid(shape, np.eye(4)), n, np.dtype("f4"), 2.0, (n,))
    cleaning = Cleaning(
        detrend=True,
        standardize="psc",
        confounds=rng.normal(size=(n, 4)),
        sample_mask=np.arange(2, n),
        t_r=2.0,
        low_pass=0.1,
        high_pass=0.02,
    )
    bound = Cleaned(bs.Voxels(np.ones(shape, bool)), [cleaning], "all").bind(series)
    state = bound.accumulator.init(range(n))
    state.values[:] = rng.normal(100, 1, state.values.shape)
    # What is imported once is no part of it.
    Cleaned(bs.Voxels(np.ones((2, 1, 1), bool)), [cleaning], "few")._clean(
        rng.normal(100, 1, (n, 2)), [n]
    )
    tracemalloc.start()
    result = bound.finalize(state)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.shares_memory(result, state.values)
    assert peak <= 1.25 * bound.result_bytes
