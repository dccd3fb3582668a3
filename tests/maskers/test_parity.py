"""The drop-ins against nilearn's classes of the same name, on made-up and real images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.maskers as theirs
import numpy as np
import pandas as pd
import pytest
from nilearn.image import smooth_img

import boldstream.maskers as ours

AFFINE = np.array(
    [[-3.0, 0.0, 0.0, 20.0], [0.0, 3.0, 0.0, -15.0], [0.0, 0.0, 3.5, -10.0], [0.0, 0.0, 0.0, 1.0]]
)
SHAPE = (11, 10, 9)
N = 40
CLEANED = {
    "detrend": True,
    "standardize": "zscore_sample",
    "low_pass": 0.1,
    "high_pass": 0.01,
    "t_r": 2.0,
}
Pair = tuple[Any, Any]


def series(dtype: str = "f4", *, nan: bool = False) -> Any:
    rng = np.random.default_rng(3)
    data = 400 + 30 * rng.normal(size=(*SHAPE, N)) + 20 * np.sin(np.arange(N) / 3)
    for axis in range(3):
        # A homogeneous background, from which masks are computed.
        edge = np.moveaxis(data, axis, 0)
        edge[:2] = edge[-2:] = 0
    if nan:
        data[4, 4, 4, 7] = np.nan
        data[5, 5, 5, 3] = np.inf
    return nib.Nifti1Image(data.astype(dtype), AFFINE)


def mask() -> Any:
    inside = np.zeros(SHAPE, "u1")
    inside[3:9, 2:8, 2:8] = 1
    return nib.Nifti1Image(inside, AFFINE)


def atlas(affine: np.ndarray = AFFINE, shape: tuple[int, int, int] = SHAPE) -> Any:
    labels = np.random.default_rng(1).integers(0, 6, shape)
    return nib.Nifti1Image((labels * 10).astype("i4"), affine)


def maps(affine: np.ndarray = AFFINE, shape: tuple[int, int, int] = SHAPE) -> Any:
    rng = np.random.default_rng(2)
    centres = rng.uniform(2, 8, size=(4, 3))
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    far = ((grid[..., None, :] - centres) ** 2).sum(-1)
    weights = np.exp(-far / 6)
    weights[weights < 0.05] = 0
    return nib.Nifti1Image(weights.astype("f4"), affine)


SEEDS = [(2.0, 0.0, 3.0), (-7.0, 3.0, 4.0), (5.5, 6.2, 7.7)]
KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "NiftiMasker": lambda: {"mask_img": mask()},
    "NiftiLabelsMasker": lambda: {"labels_img": atlas()},
    "NiftiMapsMasker": lambda: {"maps_img": maps()},
    "NiftiSpheresMasker": lambda: {"seeds": SEEDS, "radius": 4.0, "allow_overlap": True},
}


def both(kind: str, **options: Any) -> Pair:
    options = {"standardize": None, "reports": False, **KINDS[kind](), **options}
    return getattr(ours, kind)(**options), getattr(theirs, kind)(**options)


def outcome(masker: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return masker.fit_transform(*args, **kwargs)


def tolerance_of(kind: str, dtype: str) -> float | None:
    """nilearn solves maps in float32, which costs it a digit; ours are solved in float64."""
    return 1e-4 if "Maps" in kind and dtype != "f8" else None


def assert_equal(got: Any, wanted: Any, tolerance: float | None = None) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    if tolerance is None:
        tolerance = 1e-10 if wanted.dtype == np.float64 else 1e-5
    largest = np.abs(wanted).max(axis=0)
    assert (np.abs(got - wanted) <= tolerance * np.where(largest == 0, 1, largest)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"smoothing_fwhm": 5.0},
        CLEANED,
        {"standardize": "psc"},
        {**CLEANED, "standardize": "psc", "smoothing_fwhm": 6},
        {"clean_args": {"filter": "cosine"}, "high_pass": 0.01, "t_r": 2.0},
        {"detrend": True, "high_variance_confounds": True},
        {"dtype": "float32"},
        {"dtype": "auto"},
    ],
    ids=str,
)
def test_options(kind: str, dtype: str, options: dict[str, Any]) -> None:
    our, their = both(kind, **options)
    image = series(dtype)
    tolerance = tolerance_of(kind, dtype)
    if "high_variance_confounds" in options and dtype == "f4":
        tolerance = 1e-4
    assert_equal(outcome(our, image), outcome(their, image), tolerance)


@pytest.mark.parametrize("options", [{}, {"standardize": "psc"}, CLEANED], ids=str)
def test_maps_are_nearer_to_the_exact_solution(options: dict[str, Any]) -> None:
    our, their = both("NiftiMapsMasker", **options)
    exact = nib.Nifti1Image(maps().get_fdata(), AFFINE)
    _, double = both("NiftiMapsMasker", maps_img=exact, **options)
    wanted = outcome(double, series("f8"))
    got, single = outcome(our, series("f4")), outcome(their, series("f4"))
    assert_equal(got.astype("f8"), wanted, 1e-5)
    assert np.abs(got - wanted).max() <= np.abs(single - wanted).max()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("fwhm", ["fast", [4, None, 7]], ids=str)
def test_smoothing_that_nilearn_refuses_in_a_masker(kind: str, dtype: str, fwhm: Any) -> None:
    our, _ = both(kind, smoothing_fwhm=fwhm)
    _, their = both(kind)
    image = series(dtype)
    assert_equal(outcome(our, image), outcome(their, smooth_img(image, fwhm)))
    assert our.smoothing_fwhm == fwhm


@pytest.mark.parametrize("kind", ["NiftiMasker", "NiftiLabelsMasker", "NiftiMapsMasker"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "i4", "f4"])
def test_stored_types(kind: str, dtype: str, tmp_path: Path) -> None:
    image = series("f8")
    image.set_data_dtype(dtype)
    scaled = tmp_path / "scaled.nii.gz"
    nib.save(image, scaled)
    plain = nib.Nifti1Image((image.get_fdata() / 3).astype(dtype), AFFINE)
    for given in (str(scaled), plain):
        for options in ({}, {"smoothing_fwhm": 5}):
            our, their = both(kind, **options)
            tolerance = tolerance_of(kind, dtype)
            assert_equal(outcome(our, given), outcome(their, given), tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_confounds_and_sample_mask(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N, 3)), columns=["a", "b", "c"])
    table = tmp_path / "confounds.csv"
    frame.to_csv(table, index=False)
    kept = np.setdiff1d(np.arange(N), [3, 11, 12, 30])
    scrub = np.ones(N, dtype=bool)
    scrub[[3, 11, 12, 30]] = False
    image = series()
    for confounds in (frame, frame.to_numpy(), str(table), [frame.to_numpy()[:, :1], str(table)]):
        for sample_mask in (None, kept, scrub):
            our, their = both(kind, **CLEANED)
            assert_equal(
                outcome(our, image, confounds=confounds, sample_mask=sample_mask),
                outcome(their, image, confounds=confounds, sample_mask=sample_mask),
                tolerance_of(kind, "f4"),
            )


@pytest.mark.parametrize("kind", KINDS)
def test_non_finite(kind: str) -> None:
    for options in ({}, {"smoothing_fwhm": 5.0}):
        our, their = both(kind, **options)
        assert_equal(outcome(our, series(nan=True)), outcome(their, series(nan=True)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_volume_and_lists(kind: str) -> None:
    image = series()
    volumes = [nib.Nifti1Image(image.get_fdata(dtype="f4")[..., t], AFFINE) for t in range(5)]
    for given in (volumes[0], volumes):
        our, their = both(kind)
        assert_equal(outcome(our, given), outcome(their, given))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("NiftiLabelsMasker", "data"),
        ("NiftiLabelsMasker", "labels"),
        ("NiftiMapsMasker", "data"),
        ("NiftiMapsMasker", "maps"),
        ("NiftiMapsMasker", "mask"),
    ],
)
@pytest.mark.parametrize("smoothing_fwhm", [None, 6])
def test_resampling_target(kind: str, target: str, smoothing_fwhm: float | None) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] += (1.3, -0.7, 2.1)
    affine[0, 0] = -4
    regions = {"labels_img": atlas} if "Labels" in kind else {"maps_img": maps}
    name, make = next(iter(regions.items()))
    options = {
        name: make(affine, (9, 9, 8)),
        "mask_img": mask(),
        "resampling_target": target,
        "smoothing_fwhm": smoothing_fwhm,
    }
    our, their = both(kind, **options)
    for image in (series(), series("f8")):
        assert_equal(outcome(our, image), outcome(their, image))
    assert np.array_equal(our.mask_img_.get_fdata(), their.mask_img_.get_fdata())


@pytest.mark.parametrize("shift", [0.0, 1.4])
@pytest.mark.parametrize("rotated", [False, True])
def test_target_affine(shift: float, rotated: bool) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] += shift
    affine[:3, :3] *= 1.3
    if rotated:
        turn = np.array([[0.98, -0.2, 0], [0.2, 0.98, 0], [0, 0, 1]])
        affine[:3, :3] = turn @ affine[:3, :3]
    for smoothing_fwhm in (None, 6):
        our, their = both(
            "NiftiMasker",
            target_affine=affine,
            target_shape=(8, 8, 7),
            smoothing_fwhm=smoothing_fwhm,
        )
        # nilearn fails on a target_shape without reports.
        their.reports = True
        for image in (series(), series("f8")):
            assert_equal(outcome(our, image), outcome(their, image))


@pytest.mark.parametrize("strategy", ["background", "epi"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_computed_masks(strategy: str, dtype: str) -> None:
    our, their = both(
        "NiftiMasker", mask_img=None, mask_strategy=strategy, mask_args={"opening": 0}
    )
    image = series(dtype)
    assert_equal(outcome(our, image), outcome(their, image))
    assert np.array_equal(our.mask_img_.get_fdata(), their.mask_img_.get_fdata())


@pytest.mark.parametrize(
    "strategy",
    ["mean", "sum", "median", "minimum", "maximum", "standard_deviation", "variance"],
)
@pytest.mark.parametrize("masked", [False, True])
def test_label_strategies(strategy: str, masked: bool) -> None:
    our, their = both("NiftiLabelsMasker", strategy=strategy, mask_img=mask() if masked else None)
    image = series("f8")
    assert_equal(outcome(our, image), outcome(their, image))
    assert our.labels_ == their.labels_
    assert our.region_names_ == their.region_names_
    assert our.region_ids_ == their.region_ids_
    assert np.array_equal(our.region_atlas_.get_fdata(), their.region_atlas_.get_fdata())


@pytest.mark.parametrize("kind", KINDS)
def test_way_back(kind: str) -> None:
    our, their = both(kind, mask_img=mask())
    image = series()
    signals = outcome(our, image)
    outcome(their, image)
    back, wanted = our.inverse_transform(signals), their.inverse_transform(signals)
    assert back.get_data_dtype() == wanted.get_data_dtype()
    np.testing.assert_allclose(back.get_fdata(), wanted.get_fdata(), rtol=1e-6)
    assert np.array_equal(back.affine, wanted.affine)


@pytest.mark.parametrize("frame", ["pandas", "polars"])
@pytest.mark.parametrize("kind", KINDS)
def test_frames(kind: str, frame: str) -> None:
    our, their = (masker.set_output(transform=frame) for masker in both(kind))
    got, wanted = outcome(our, series()), outcome(their, series())
    assert type(got) is type(wanted)
    assert list(got.columns) == list(wanted.columns)
    assert_equal(got.to_numpy(), wanted.to_numpy())


@pytest.mark.parametrize(
    "kind", ["MultiNiftiMasker", "MultiNiftiLabelsMasker", "MultiNiftiMapsMasker"]
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_many_images(kind: str, n_jobs: int, tmp_path: Path) -> None:
    first, second = series(), series()
    paths = []
    for i, image in enumerate((first, second)):
        paths.append(str(tmp_path / f"bold{i}.nii.gz"))
        nib.save(nib.Nifti1Image(image.get_fdata(dtype="f4") * (i + 1), AFFINE), paths[-1])
    options = {**KINDS[kind.removeprefix("Multi")](), "reports": False, "n_jobs": n_jobs, **CLEANED}
    confounds = [np.random.default_rng(i).normal(size=(N, 2)) for i in range(2)]
    our, their = getattr(ours, kind)(**options), getattr(theirs, kind)(**options)
    got, wanted = (outcome(masker, paths, confounds=list(confounds)) for masker in (our, their))
    for one, other in zip(got, wanted, strict=True):
        assert_equal(one, other, tolerance_of(kind, "f4"))


def test_multi_finds_the_same_mask(tmp_path: Path) -> None:
    images = [series(), series("f8")]
    options = {"mask_strategy": "epi", "mask_args": {"opening": 0}, "standardize": None}
    our, their = ours.MultiNiftiMasker(**options), theirs.MultiNiftiMasker(**options)
    for got, wanted in zip(outcome(our, images), outcome(their, images), strict=True):
        assert_equal(got, wanted)
    assert np.array_equal(our.mask_img_.get_fdata(), their.mask_img_.get_fdata())


def test_real_images(shared_data: Path) -> None:
    bold = str(shared_data / "rapidtide/sub-RAPIDTIDETEST.nii.gz")
    brain = str(shared_data / "rapidtide/sub-RAPIDTIDETEST_brainmask.nii.gz")
    regions = str(shared_data / "rapidtide/sub-RAPIDTIDETEST_synthseg.nii.gz")
    cleaned = {**CLEANED, "t_r": 1.5, "smoothing_fwhm": 6, "reports": False}
    pairs = [
        (ours.NiftiMasker(brain, **cleaned), theirs.NiftiMasker(brain, **cleaned)),
        (ours.NiftiLabelsMasker(regions, **cleaned), theirs.NiftiLabelsMasker(regions, **cleaned)),
    ]
    for our, their in pairs:
        assert_equal(outcome(our, bold), outcome(their, bold), 1e-4)
