"""Prepared volumes against `nilearn.image.smooth_img` and `resample_img`."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import resample_img, smooth_img

import boldstream as bs
from boldstream.core.errors import GridMismatchError, NonFiniteError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Scaling
from boldstream.streaming.once import stream_once
from boldstream.streaming.preparation import Preparation
from boldstream.streaming.preparations import Prepared
from tests.oracle import load

SHAPE = (9, 10, 8)
N = 5
AFFINE = np.array([[-3.0, 0, 0, 40], [0, 3.5, 0, -20], [0, 0, 4, -10], [0, 0, 0, 1]])
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def turned(angle: float, size: float = 3.0) -> Any:
    """An affine that no axis of `AFFINE` is parallel to."""
    c, s = size * np.cos(angle), size * np.sin(angle)
    return np.array([[-c, s, 0, 42], [s, c, 0, -18], [0, 0.3, size, -9], [0, 0, 0, 1]])


def moved(affine: Any, *offset: float) -> Any:
    """An affine whose first voxel lies `offset` mm further."""
    return affine + np.outer([*offset, 0], [0, 0, 0, 1])


def of_voxels(scale: Any, *first: float) -> Any:
    """An affine with axes parallel to those of `AFFINE`: `scale` and `first` in its voxels."""
    return AFFINE @ moved(np.diag([*scale, 1]), *first)


TARGETS = {
    "finer": Grid((20, 21, 16), of_voxels([0.5, 0.49, 0.5], 0, 0, 0)),
    "coarser": Grid((5, 6, 4), of_voxels([2, 1.7, 1.8], 0.3, 0.3, 0.5)),
    "shifted": Grid(SHAPE, moved(AFFINE, 1.2, -0.7, 3.1)),
    "half a voxel": Grid(SHAPE, of_voxels([1, 1, 1], 0.5, 0.5, 0.5)),
    "flipped": Grid(SHAPE, of_voxels([-1, 1, 1], 8, 0, 0)),
    "smaller": Grid((4, 3, 5), of_voxels([1, 1, 1], 2, 3, 1)),
    "larger": Grid((14, 13, 12), moved(AFFINE, 6, -7, -8)),
    "turned": Grid((10, 11, 9), turned(0.3)),
    "axes swapped": Grid((10, 9, 8), AFFINE[:, [1, 0, 2, 3]]),
}


def made_up(dtype: str = "f8", *, seed: int = 3, shape: Any = (*SHAPE, N)) -> Any:
    values = np.random.default_rng(seed).normal(100, 40, shape)
    return nib.Nifti1Image(values.astype(dtype), AFFINE)


def with_holes(dtype: str = "f8") -> Any:
    """NaN at a border, inside, as a lump, and one infinite value."""
    image = made_up(dtype)
    values = np.array(image.dataobj)
    values[:2, :, :, 1] = np.nan
    values[4, 5, 4, 2] = np.nan
    values[3:8, 3:9, 2:7, 3] = np.nan
    values[6, 2, 3, 4] = np.nan
    return nib.Nifti1Image(values, AFFINE)


def bound(image: Any, **options: Any) -> Any:
    return Prepared(bs.Mean(), **options).bind(open_image(image).series)


def passes(preparation: Preparation, image: Any, block: int = 2) -> list[Any]:
    """What each pass over the image gives, until one stands: arrays (x, y, z, volumes)."""
    given = []
    for _ in range(3):
        worker, rows = preparation.worker(), []
        for stored in open_image(image).blocks(block):
            ready = worker.prepare(stored)
            assert (ready.start, ready.run, len(ready.data)) == (
                stored.start, stored.run, len(stored.data)
            )  # fmt: skip
            assert ready.scaling.is_identity
            assert ready.data.dtype == preparation.series.dtype
            rows.append(ready.data.copy())
        flat = np.concatenate(rows)
        given.append(flat.reshape(len(flat), *preparation.series.grid.shape[::-1]).T)
        if preparation.settle([worker]):
            return given
    raise AssertionError("a third pass was asked for")


def prepared(image: Any, **options: Any) -> Any:
    return passes(bound(image, **options).preparation, image)[-1]


def by_nilearn(image: Any, target: Grid, interpolation: str = "continuous") -> Any:
    with warnings.catch_warnings():
        # NaN, and the types that it computes in.
        warnings.simplefilter("ignore")
        return resample_img(image, target.affine, target.shape, interpolation=interpolation)


def assert_close(values: Any, expected: Any, dtype: str) -> None:
    np.testing.assert_allclose(
        values, expected, rtol=0, atol=TOLERANCE[dtype] * np.nanmax(np.abs(expected))
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fwhm", [6, 1.0, [6, None, 9], (0, 0, 8), [4.0, 5.0, 0], 60.0, "fast"])
def test_smoothing(fwhm: Any, dtype: Any) -> None:
    image = made_up()
    assert_close(
        prepared(image, smoothing_fwhm=fwhm, dtype=dtype),
        smooth_img(image, fwhm).get_fdata(),
        dtype,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("interpolation", ["continuous", "linear", "nearest"])
@pytest.mark.parametrize("target", TARGETS)
def test_resampling(target: str, interpolation: Any, dtype: Any) -> None:
    image, grid = made_up(), TARGETS[target]
    values = prepared(image, target=grid, interpolation=interpolation, dtype=dtype)
    assert_close(values, by_nilearn(image, grid, interpolation).get_fdata(), dtype)


@pytest.mark.parametrize("target", ["finer", "turned"])
def test_resampling_then_smoothing(target: str) -> None:
    image, grid = made_up(), TARGETS[target]
    expected = smooth_img(by_nilearn(image, grid), 6).get_fdata()
    assert_close(
        prepared(image, target=grid, smoothing_fwhm=6, dtype="float64"), expected, "float64"
    )


@pytest.mark.parametrize("stored", ["u1", "i2", "u2", "i4", "f4", ">f4", ">i2"])
@pytest.mark.parametrize("slope", [1.0, 0.37])
def test_stored_types_and_scaling(stored: str, slope: float, tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.array(made_up("i2").dataobj).clip(0, 255).astype(stored), AFFINE)
    image.header.set_data_dtype(stored)
    image.header.set_slope_inter(slope, 3.0 * (slope != 1))
    nib.save(image, tmp_path / "bold.nii")
    read = load(tmp_path / "bold.nii")
    # As real numbers: nilearn wraps unsigned integers round where a spline goes below 0.
    real = nib.Nifti1Image(read.get_fdata(), AFFINE)
    grid = TARGETS["shifted"]
    expected = smooth_img(by_nilearn(real, grid), 5).get_fdata()
    values = prepared(tmp_path / "bold.nii", target=grid, smoothing_fwhm=5)
    assert_close(values, expected, "float32")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("interpolation", ["continuous", "linear"])
def test_nan_is_resampled_as_by_nilearn(target: str, interpolation: Any) -> None:
    image, grid = with_holes(), TARGETS[target]
    resampled = by_nilearn(image, grid, interpolation)
    options: Any = {"target": grid, "interpolation": interpolation, "dtype": "float64"}
    for policy in ("nilearn", "propagate"):
        values = prepared(image, nan_policy=policy, **options)
        assert_close(values, resampled.get_fdata(), "float64")
    smoothed = smooth_img(resampled, 6).get_fdata()
    values = prepared(image, nan_policy="nilearn", smoothing_fwhm=6, **options)
    assert_close(values, smoothed, "float64")


@pytest.mark.parametrize("target", ["shifted", "turned"])
def test_zero_is_resampled_in_place_of_nan(target: str) -> None:
    image, grid = with_holes(), TARGETS[target]
    zeros = nib.Nifti1Image(np.nan_to_num(image.get_fdata(), posinf=0, neginf=0), AFFINE)
    image.uncache()
    expected = by_nilearn(zeros, grid).get_fdata()
    values = prepared(image, target=grid, nan_policy="zero", dtype="float64")
    assert_close(values, expected, "float64")


@pytest.mark.parametrize("policy", ["zero", "nilearn"])
@pytest.mark.parametrize("fwhm", [6, "fast"])
def test_zeros_are_smoothed_in_place_of_nan(policy: Any, fwhm: Any) -> None:
    image = with_holes()
    expected = smooth_img(image, fwhm).get_fdata()
    values = prepared(image, smoothing_fwhm=fwhm, nan_policy=policy, dtype="float64")
    assert_close(values, expected, "float64")


@pytest.mark.parametrize("fwhm", [6.0, [6.0, None, 3.0], [0, 0, 9], "fast"])
def test_nan_and_infinity_spread_as_far_as_the_kernel(fwhm: Any) -> None:
    image = made_up()
    values = np.array(image.dataobj)
    values[3, 4, 2, 1] = np.nan
    values[7, 1, 5, 2] = np.inf
    values[[1, 2], 1, 1, 3] = np.inf, -np.inf
    image = nib.Nifti1Image(values, AFFINE)
    impulse = np.zeros((*SHAPE, 3))
    impulse[3, 4, 2, 0] = impulse[7, 1, 5, 1] = 1
    reach = smooth_img(nib.Nifti1Image(impulse, AFFINE), fwhm).get_fdata() > 0
    given = prepared(image, smoothing_fwhm=fwhm, dtype="float64")
    np.testing.assert_array_equal(np.isnan(given[..., 1]), reach[..., 0])
    np.testing.assert_array_equal(np.isposinf(given[..., 2]), reach[..., 1])
    # Where both signs reach there is no number.
    assert np.isnan(given[..., 3]).any() == (fwhm != [0, 0, 9])
    expected = smooth_img(nib.Nifti1Image(np.nan_to_num(values, posinf=0, neginf=0), AFFINE), fwhm)
    clean = np.isfinite(given)
    np.testing.assert_allclose(given[clean], expected.get_fdata()[clean], rtol=1e-12)
    assert clean[..., 0].all()


def test_nan_can_be_refused() -> None:
    with pytest.raises(
        NonFiniteError, match=r"must hold finite .* got nan in volume 1 at voxel \(0, 0, 0\)"
    ):
        prepared(with_holes(), smoothing_fwhm=6, nan_policy="raise")


def test_the_source_is_left_as_it_is() -> None:
    image = with_holes("f4")
    before = np.array(image.dataobj)
    for policy in ("zero", "nilearn", "propagate"):
        for target in (TARGETS["shifted"], None):
            prepared(image, target=target, smoothing_fwhm=4, nan_policy=policy)
    np.testing.assert_array_equal(np.asarray(image.dataobj), before)


def lump(height: float) -> Any:
    """A volume whose splines overshoot, above and below."""
    volume = np.zeros(SHAPE)
    volume[2:4, 3:5, 3:5], volume[5:7, 5:7, 3:5] = height, -height
    return volume


def widening() -> Any:
    """Each volume reaches higher and lower than the one before it."""
    return nib.Nifti1Image(np.stack([lump(i + 1) for i in range(N)], axis=3), AFFINE)


@pytest.mark.parametrize("target", ["half a voxel", "finer", "turned"])
def test_a_range_that_widens_repeats_the_pass(target: str) -> None:
    image, grid = widening(), TARGETS[target]
    given = passes(bound(image, target=grid, dtype="float64").preparation, image)
    assert len(given) == 2
    expected = by_nilearn(image, grid).get_fdata()
    assert np.abs(given[0] - expected).max() > 0.01
    # Once it was known that there would be another pass, nothing was resampled any more.
    assert not given[0][..., -1].any()
    assert_close(given[1], expected, "float64")


@pytest.mark.parametrize("policy", ["nilearn", "propagate", "zero"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_values_near_nan_are_kept_within_those_there_are(sign: int, policy: Any) -> None:
    """All are less than 1, so that no other number that stands for NaN widens the range."""
    values = sign * np.abs(lump(0.25))[..., None]
    values[0, 0, 0] = np.nan
    image, grid = nib.Nifti1Image(values, AFFINE), TARGETS["half a voxel"]
    given = prepared(image, target=grid, nan_policy=policy, dtype="float64")
    assert np.nanmax(sign * given) == 0.25
    far = (slice(3, None), slice(3, None))
    np.testing.assert_allclose(given[far], by_nilearn(image, grid).get_fdata()[far], atol=1e-12)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_results_of_a_pass_that_was_repeated(n_jobs: int) -> None:
    runs, grid = [widening(), widening()], TARGETS["half a voxel"]
    mask = np.random.default_rng(0).random(SHAPE) < 0.3
    options: Any = {"target": grid, "smoothing_fwhm": 5, "dtype": "float64"}
    inner = [bs.Mean(), bs.Voxels(mask, dtype="float64"), bs.Mean()]
    wanted = [Prepared(inner[0], **options), Prepared(inner[1], **options), inner[2]]
    mean, voxels, raw = stream_once(runs, wanted, n_jobs=n_jobs)
    expected = smooth_img(by_nilearn(widening(), grid), 5).get_fdata()
    np.testing.assert_allclose(np.asarray(mean), expected.mean(axis=3), atol=1e-6)
    np.testing.assert_allclose(voxels, np.tile(expected[mask].T, (2, 1)), atol=1e-12)
    np.testing.assert_allclose(np.asarray(raw), widening().get_fdata().mean(axis=3), atol=1e-6)


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_what_cannot_overshoot_is_read_once(interpolation: Any) -> None:
    image = widening()
    preparation = bound(image, target=TARGETS["finer"], interpolation=interpolation).preparation
    assert len(passes(preparation, image)) == 1


def test_a_range_that_was_known_from_the_first_volume_needs_one_pass() -> None:
    image = nib.Nifti1Image(np.array(widening().dataobj)[..., ::-1], AFFINE)
    assert len(passes(bound(image, target=TARGETS["finer"]).preparation, image)) == 1


def test_workers_of_several_runs_settle_on_one_range() -> None:
    runs = [nib.Nifti1Image(lump(height)[..., None], AFFINE) for height in (2.0, 3.0, 1.0)]
    grid = TARGETS["half a voxel"]
    preparation = bound(runs, target=grid, dtype="float64").preparation
    for stands in (False, True):
        workers = [preparation.worker() for _ in runs]
        rows = [
            workers[block.run].prepare(block).data.copy() for block in open_image(runs).blocks(2)
        ]
        assert preparation.settle(workers) == stands
    whole = nib.Nifti1Image(np.concatenate([np.array(run.dataobj) for run in runs], 3), AFFINE)
    flat = np.concatenate(rows)
    values = flat.reshape(len(flat), *grid.shape[::-1]).T
    assert_close(values, by_nilearn(whole, grid).get_fdata(), "float64")


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("rapidtide/sub-RAPIDTIDETEST.nii.gz", 3),
        ("sforest_localizer/sub-02_task-oneback_run-1_bold.nii.gz", 3),
    ],
)
def test_real_images(shared_data: Path, name: str, n: int) -> None:
    whole = load(shared_data / name)
    image = nib.Nifti1Image(np.asarray(whole.dataobj[..., :n]), whole.affine)
    sizes = np.sqrt((image.affine[:3, :3] ** 2).sum(axis=0))
    x, y, z = image.shape[:3]
    finer = Grid((x + 9, y + 5, z + 3), image.affine @ np.diag([0.8, 0.9, 0.85, 1]))
    mni = Grid(
        (40, 48, 40), np.array([[-4.0, 0, 0, 80], [0, 4, 0, -100], [0, 0, 4, -60], [0, 0, 0, 1]])
    )
    real = nib.Nifti1Image(image.get_fdata(), image.affine)
    image.uncache()
    for target in (finer, mni):
        expected = by_nilearn(real, target)
        assert_close(
            prepared(image, target=target, dtype="float64"), expected.get_fdata(), "float64"
        )
        both = smooth_img(expected, 2 * sizes.max()).get_fdata()
        assert_close(
            prepared(image, target=target, smoothing_fwhm=2 * sizes.max()), both, "float32"
        )
    for fwhm in (6, "fast"):
        expected = smooth_img(real, fwhm)
        assert_close(prepared(image, smoothing_fwhm=fwhm), expected.get_fdata(), "float32")


def test_nothing_to_do_is_no_preparation() -> None:
    image = made_up()
    near = Grid(SHAPE, AFFINE + 1e-9)
    for options in ({}, {"smoothing_fwhm": 0}, {"smoothing_fwhm": [0, None, 0]}, {"target": near}):
        assert bound(image, **options).preparation is None


def test_equal_parameters_share_the_work() -> None:
    image = made_up()
    series = open_image(image).series

    def made(**options: Any) -> Any:
        return Prepared(bs.Mean(), **options).bind(series).preparation

    target = TARGETS["finer"]
    copied = Grid(target.shape, target.affine.copy())
    elsewhere = Grid(target.shape, moved(target.affine, 1e-6, 0, 0))
    assert made(smoothing_fwhm=6) == made(smoothing_fwhm=[6.0, 6, 6])
    assert hash(made(smoothing_fwhm=6)) == hash(made(smoothing_fwhm=[6.0, 6, 6]))
    assert made(target=target) == made(target=copied)
    different = [
        made(target=target), made(target=elsewhere), made(target=target, interpolation="linear"),
        made(target=target, smoothing_fwhm=6), made(smoothing_fwhm=6),
        made(smoothing_fwhm=6, dtype="float64"), made(smoothing_fwhm=6, nan_policy="zero"),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_the_reduction_is_bound_to_the_prepared_series() -> None:
    image, target = made_up("i2"), TARGETS["finer"]
    done = bound(image, target=target, smoothing_fwhm=[4, 4, 6], dtype="float64")
    series = done.preparation.series
    assert (series.grid.shape, series.dtype, series.n_volumes) == (target.shape, "f8", N)
    np.testing.assert_array_equal(series.grid.affine, target.affine)
    assert done.label == "Mean, resampling to 20 x 21 x 16, smoothing 4 x 4 x 6 mm"
    assert bound(image, smoothing_fwhm=4.5).label == "Mean, smoothing 4.5 mm"
    assert bound(image, smoothing_fwhm="fast").label == "Mean, fast smoothing"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing_fwhm": -3}, "`smoothing_fwhm` must be a number of mm .* got -3"),
        ({"smoothing_fwhm": np.nan}, "`smoothing_fwhm` must be a number of mm"),
        ({"smoothing_fwhm": [3, 3, 10**400]}, "`smoothing_fwhm` must be a number of mm"),
        ({"smoothing_fwhm": [3, 3]}, "one for each of x, y and z"),
        ({"smoothing_fwhm": True}, "`smoothing_fwhm` must be"),
        ({"smoothing_fwhm": {"x": 3}}, "`smoothing_fwhm` must be"),
        ({"smoothing_fwhm": "fats"}, "did you mean 'fast'"),
        ({"smoothing_fwhm": 6, "nan_policy": "drop"}, "`nan_policy` must be one of"),
        ({"smoothing_fwhm": 6, "dtype": "float16"}, "`dtype` must be one of"),
        ({"interpolation": "cubic"}, "`interpolation` must be one of"),
    ],
)
def test_parameters_are_checked(options: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        bound(made_up(), **options)


@pytest.mark.parametrize("stored", ["i2", "f4", "scaled", "holes"])
@pytest.mark.parametrize(
    "options",
    [
        {"smoothing_fwhm": 6},
        {"smoothing_fwhm": "fast"},
        {"target": Grid((45, 40, 50), of_voxels([0.9, 1, 0.6], 0, 0, 0))},
        {"target": Grid((40, 40, 30), turned(0.3)), "smoothing_fwhm": 6},
        {"target": Grid((40, 40, 30), turned(0.3)), "dtype": "float64"},
    ],
    ids=["smoothed", "fast", "finer", "turned and smoothed", "turned"],
)
def test_memory_is_what_the_plan_is_told(stored: str, options: Any) -> None:
    values = made_up(shape=(40, 40, 30, 3)).get_fdata().astype("i2" if stored == "i2" else "f4")
    if stored == "holes":
        values[5:9, 5:9, 5:9, 1] = np.nan
    image = nib.Nifti1Image(values, AFFINE)
    scaling = Scaling(2.0, 1.0) if stored == "scaled" else Scaling()
    data = values.reshape(-1, 3, order="F").T
    preparation = bound(image, **options).preparation
    # The first one ever imports, and fills the caches of scipy.
    preparation.worker().prepare(Block(data, 0, scaling, 0))
    gc.collect()
    tracemalloc.start()
    worker = preparation.worker()
    worker.prepare(Block(data, 0, scaling, 0))
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cost = preparation.cost()
    told = cost.state + cost.scratch + 3 * cost.scratch_per_volume
    # Beside it numpy takes buffers of 8192 values for some operations.
    assert taken <= told + (1 << 17)
    if stored == "holes":
        assert told <= 1.5 * taken


def test_matrices_of_both_steps_count_as_loaded() -> None:
    def loaded(**options: Any) -> int:
        return int(bound(made_up(), **options).preparation.cost().loaded)

    alone = loaded(target=TARGETS["shifted"])
    assert alone > 0
    both = loaded(target=TARGETS["shifted"], smoothing_fwhm=6)
    assert both == alone + loaded(smoothing_fwhm=6) > alone


def test_the_target_may_be_an_image(tmp_path: Path) -> None:
    target = TARGETS["finer"]
    image = nib.Nifti1Image(np.zeros((*target.shape, 2), "u1"), target.affine)
    nib.save(image, tmp_path / "finer.nii.gz")
    for given in (image, tmp_path / "finer.nii.gz", str(tmp_path / "finer.nii.gz")):
        assert bound(made_up(), target=given).preparation.series.grid.same_as(target)
    with pytest.raises(ParameterError, match="must be a path, a nibabel image"):
        bound(made_up(), target=(3, 3, 3))


def test_a_target_far_away_is_refused() -> None:
    for shift in (500, -500):
        far = Grid(SHAPE, moved(AFFINE, 0, 0, shift))
        with pytest.raises(GridMismatchError, match="`target` must overlap the image"):
            bound(made_up(), target=far)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", [-1, 1])
def test_a_target_may_share_the_outermost_voxels(axis: int, side: int) -> None:
    """With nothing of the image between them and its end, that is; one voxel further is none."""
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    image = nib.Nifti1Image(made_up().get_fdata(), affine)
    step = side * np.eye(3)[axis] * affine.diagonal()[:3]
    last = SHAPE[axis] - 1
    beside = Grid(SHAPE, moved(affine, *last * step))
    values = prepared(image, target=beside, interpolation="nearest", dtype="float64")
    expected = by_nilearn(image, beside, "nearest").get_fdata()
    np.testing.assert_array_equal(values, expected)
    shared, own = (-1, 0) if side < 0 else (0, -1)
    shared_values = np.take(values, shared, axis=axis)
    np.testing.assert_array_equal(shared_values, np.take(image.get_fdata(), own, axis=axis))
    with pytest.raises(GridMismatchError, match="`target` must overlap the image"):
        bound(image, target=Grid(SHAPE, moved(affine, *(last + 1) * step)))


def test_volumes_are_prepared_once() -> None:
    series = open_image(made_up()).series
    twice = Prepared(Prepared(bs.Mean(), smoothing_fwhm=6), smoothing_fwhm=6)
    with pytest.raises(ParameterError, match="must take volumes as they are"):
        twice.bind(series)
