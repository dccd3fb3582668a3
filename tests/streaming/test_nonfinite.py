"""What NaN and infinity in the voxels do to each reduction, under each policy."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker, NiftiMasker, NiftiSpheresMasker
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
SHAPE = (6, 7, 5)
N = 9
HOLES = [(1, 2, 3, 4), (1, 2, 3, 5), (4, 1, 0, 7), (0, 0, 0, 8)]
WARNING = "Non-finite values detected. These values will be replaced with zeros."

rng = np.random.default_rng(11)
LABELS = rng.integers(1, 5, SHAPE).astype("i4")
SEEDS = [[2.0, 4.0, 9.0], [8.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
WEIGHTS = rng.random((*SHAPE, 3))

Make = Callable[[Any], bs.Reduction]
KINDS: dict[str, Make] = {
    "voxels": lambda policy: bs.Voxels(LABELS > 0, dtype="float64", nan_policy=policy),
    "labels": lambda policy: bs.Labels(LABELS, dtype="float64", nan_policy=policy),
    "median": lambda policy: bs.Labels(LABELS, "median", dtype="float64", nan_policy=policy),
    "spheres": lambda policy: bs.Spheres(SEEDS, 4.0, dtype="float64", nan_policy=policy),
    "maps": lambda policy: bs.Maps(image(WEIGHTS), dtype="float64", nan_policy=policy),
}
MASKERS: dict[str, Any] = {
    "voxels": lambda: NiftiMasker(image((LABELS > 0).astype("u1")), standardize=None),
    "labels": lambda: NiftiLabelsMasker(image(LABELS), standardize=None),
    "median": lambda: NiftiLabelsMasker(image(LABELS), strategy="median", standardize=None),
    "spheres": lambda: NiftiSpheresMasker(SEEDS, 4.0, allow_overlap=True, standardize=None),
    "maps": lambda: NiftiMapsMasker(image(WEIGHTS), standardize=None),
}


def image(data: NDArray[Any]) -> nib.Nifti1Image:
    return nib.Nifti1Image(data, AFFINE)


def values_of(data: NDArray[Any], reduction: bs.Reduction) -> NDArray[Any]:
    return np.asarray(bs.stream(image(data), reduction)[0])


@pytest.fixture
def data() -> NDArray[np.float64]:
    """Values with NaN and both infinities in four places."""
    data = np.random.default_rng(12).normal(500, 20, (*SHAPE, N))
    for hole, value in zip(HOLES, (np.nan, np.inf, -np.inf, np.nan), strict=True):
        data[hole] = value
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_zero_is_zero_in_the_data_without_a_word(kind: str, data: NDArray[Any]) -> None:
    clean = np.where(np.isfinite(data), data, 0)
    np.testing.assert_array_equal(
        values_of(data, KINDS[kind]("zero")), values_of(clean, KINDS[kind]("raise"))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_nilearn_is_nilearn(kind: str, data: NDArray[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A copy, as nilearn writes its zeros into the image that it is given.
        theirs = MASKERS[kind]().fit_transform(image(data.copy()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ours = values_of(data, KINDS[kind]("nilearn"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    expected = [] if kind == "voxels" else [WARNING]
    assert [str(warning.message) for warning in caught] == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", get_args(NanPolicy))
def test_finite_data_are_left_alone(kind: str, policy: Any, data: NDArray[Any]) -> None:
    data = np.where(np.isfinite(data), data, 1)
    ours = values_of(data, KINDS[kind](policy))
    np.testing.assert_array_equal(ours, values_of(data, KINDS[kind]("propagate")))


@pytest.mark.parametrize("kind", KINDS)
def test_raise_says_where(kind: str, data: NDArray[Any], tmp_path: Path) -> None:
    nib.save(image(data), tmp_path / "bold.nii.gz")
    says = r"bold\.nii\.gz must hold finite numbers, got nan in volume 4 at voxel \(1, 2, 3\)"
    with pytest.raises(bs.NonFiniteError, match=says) as caught:
        bs.stream(tmp_path / "bold.nii.gz", KINDS[kind]("raise"))
    assert isinstance(caught.value, ValueError)


def test_raise_names_the_first_voxel_of_the_first_volume(data: NDArray[Any]) -> None:
    data[5, 6, 4, 4] = data[0, 0, 1, 4] = np.inf  # (1, 2, 3) comes between them
    with pytest.raises(bs.NonFiniteError, match=r"got inf in volume 4 at voxel \(0, 0, 1\)"):
        bs.stream(image(data), bs.Labels(LABELS, nan_policy="raise"))


@pytest.mark.parametrize("kind", ["voxels", "labels"])
def test_voxels_that_are_not_taken_do_not_matter(kind: str, data: NDArray[Any]) -> None:
    taken = np.isfinite(data).all(axis=3)
    kinds: dict[str, Make] = {
        "voxels": lambda policy: bs.Voxels(taken, nan_policy=policy),
        "labels": lambda policy: bs.Labels(LABELS * taken, nan_policy=policy),
    }
    assert np.isfinite(values_of(data, kinds[kind]("raise"))).all()
    values_of(data, kinds[kind]("nilearn"))  # a warning would be an error


def test_large_numbers_are_finite(data: NDArray[Any]) -> None:
    huge = np.full((*SHAPE, N), np.finfo("f8").max)
    ours = values_of(huge, bs.Voxels(LABELS > 0, dtype="float64", nan_policy="raise"))
    np.testing.assert_array_equal(ours, huge[LABELS > 0].T)


def test_what_overflows_float32_is_found() -> None:
    data = np.ones((*SHAPE, 2))
    data[3, 2, 1, 1] = 1e300
    with pytest.raises(bs.NonFiniteError, match=r"got inf in volume 1 at voxel \(3, 2, 1\)"):
        bs.stream(image(data), bs.Voxels(LABELS > 0, nan_policy="raise"))


@pytest.mark.parametrize("prepared", [False, True])
def test_integers_whose_scaling_overflows_are_found(tmp_path: Path, prepared: bool) -> None:
    content = bytearray(nib.Nifti1Image(np.full((*SHAPE, 2), 1000, "i2"), AFFINE).to_bytes())
    # scl_slope of a NIfTI-1 header.
    struct.pack_into("<f", content, 112, 1e36)
    (tmp_path / "large.nii").write_bytes(content)
    taken: Any = bs.Voxels(LABELS > 0, nan_policy="raise")
    if prepared:
        taken = bs.Prepared(bs.Voxels(LABELS > 0), smoothing_fwhm=4.0, nan_policy="raise")
    with pytest.raises(bs.NonFiniteError, match="got inf in volume 0"):
        bs.stream(tmp_path / "large.nii", taken)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_policy_is_refused(kind: str, data: NDArray[Any]) -> None:
    with pytest.raises(bs.ParameterError, match="`nan_policy` must be one of 'nilearn', 'zero'"):
        bs.stream(image(data), KINDS[kind]("ignore"))


def test_threads_share_a_rule_and_warn_once() -> None:
    series = Series("bold", Grid(SHAPE, AFFINE), 64, np.dtype("f8"), None, (64,))
    rows = np.arange(series.grid.n_voxels)
    rule = NonFiniteRule("nilearn", series, rows)
    data = np.full((64, len(rows)), np.nan)
    threads = [
        threading.Thread(target=rule.apply, args=(data[t : t + 1], block))
        for t, block in ((t, Block(data[t : t + 1], t, Scaling(), 0)) for t in range(64))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not data.any()
    with pytest.warns(UserWarning, match="Non-finite values detected") as caught:
        rule.warn()
    assert len(caught) == 1
