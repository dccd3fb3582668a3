"""DVARS, framewise displacement and the carpet against numpy, nibabel and fMRIPrep's tables."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.io.source import Block, Scaling
from boldstream.signal.dvars import DVARS
from boldstream.signal.quality import (
    MOTION_COLUMNS,
    carpet_of,
    foreground,
    framewise_displacement,
)
from tests.oracle import fdata

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
Floats = NDArray[np.float64]


def image(data: NDArray[Any]) -> nib.Nifti1Image:
    return nib.Nifti1Image(data, AFFINE)


def dvars_of(voxels: Floats) -> Floats:
    """By numpy, of all voxels (voxels, volumes) at once."""
    change = np.diff(voxels, axis=1)
    return np.concatenate([[np.nan], np.sqrt((change**2).mean(axis=0))])


def test_dvars_of_a_real_file_is_numpys(shared_data: Path) -> None:
    path = shared_data / "small4d" / "fsl_av_fmri.nii.gz"
    exact = fdata(path)
    mask = exact[..., 0] > np.median(exact[..., 0])
    carpet = carpet_of(path, mask)
    np.testing.assert_allclose(carpet.dvars, dvars_of(exact[mask]), rtol=1e-12)


def test_dvars_of_a_scaled_file_and_of_two_runs(tmp_path: Path, rng: np.random.Generator) -> None:
    mask = rng.random((6, 5, 4)) > 0.5
    paths, exact = [], []
    for run, slope in enumerate((0.5, 7.25)):
        part = image(rng.integers(-900, 900, (6, 5, 4, 13)).astype("i2"))
        part.header.set_slope_inter(slope, run)
        paths.append(tmp_path / f"run-{run}.nii.gz")
        nib.save(part, paths[-1])
        exact.append(dvars_of(fdata(paths[-1])[mask]))
    (one,) = bs.stream(paths, DVARS(mask))
    (side_by_side,) = bs.stream(paths, DVARS(mask), n_jobs=2)
    np.testing.assert_allclose(one, np.concatenate(exact), rtol=1e-12)
    np.testing.assert_array_equal(one, side_by_side)


def test_the_memory_of_dvars_is_what_its_plan_says() -> None:
    import tracemalloc

    data = np.zeros((4, 40_000), np.float32)
    series = bs.open_image(image(data.T.reshape(200, 200, 1, 4))).series
    accumulator = DVARS(np.ones((200, 200, 1), bool)).bind(series).accumulator
    state, cost = accumulator.init(range(4)), accumulator.cost()
    tracemalloc.start()
    accumulator.update(state, Block(data, 0, Scaling(), 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    planned = cost.state + cost.scratch
    assert 0.6 * planned < peak < planned + 10_000


def test_dvars_leaves_out_what_is_not_finite() -> None:
    data = np.zeros((2, 2, 2, 4))
    data[..., 1] = 3.0
    data[0, 0, 0, 2] = np.nan
    data[..., 3] = np.inf
    (dvars,) = bs.stream(image(data), DVARS(np.ones((2, 2, 2), bool)))
    np.testing.assert_array_equal(dvars, [np.nan, 3.0, 3.0, np.nan])


@given(
    cuts=st.lists(st.integers(1, 11), max_size=4, unique=True),
    size=st.integers(1, 12),
    run=st.integers(2, 10),
)
def test_dvars_depend_neither_on_blocks_nor_on_parts(cuts: list[int], size: int, run: int) -> None:
    """The same to the bit, also where a part ends where a run does."""
    data = np.random.default_rng(run).normal(1e4, 5, (12, 24)).astype("f4")
    whole = image(data.T.reshape(2, 3, 4, 12, order="F"))
    series = bs.open_image([whole.slicer[..., :run], whole.slicer[..., run:]]).series
    mask = np.arange(24).reshape(2, 3, 4, order="F") % 3 > 0
    bound = DVARS(mask).bind(series)
    accumulator = bound.accumulator
    edges = [0, *sorted(cuts), 12]
    parts = []
    for start, stop in pairwise(edges):
        state = accumulator.init(range(start, stop))
        for first in range(start, stop, size):
            last = min(first + size, stop)
            accumulator.update(state, Block(data[first:last], first, Scaling(), 0))
        parts.append(state)
    found = bound.finalize(accumulator.join(accumulator.init(range(12)), parts))
    voxels = np.asarray(whole.dataobj)[mask].astype("f8")
    expected = np.concatenate([dvars_of(voxels[:, :run]), dvars_of(voxels[:, run:])])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    (streamed,) = bs.stream([whole.slicer[..., :run], whole.slicer[..., run:]], DVARS(mask))
    np.testing.assert_array_equal(found, streamed)


@pytest.mark.parametrize(
    "name",
    [
        "bids/srndna/derivatives/fmriprep/sub-105/func/"
        "sub-105_task-trust_run-1_desc-confounds_regressors.tsv",
        "bids/nilearn_confounds/test-v21_desc-confounds_timeseries.tsv",
    ],
)
def test_framewise_displacement_is_that_of_fmriprep(shared_data: Path, name: str) -> None:
    table = pd.read_csv(shared_data / name, sep="\t")
    found = framewise_displacement(table[list(MOTION_COLUMNS)].to_numpy())
    np.testing.assert_allclose(found, table["framewise_displacement"], rtol=1e-5, atol=2e-6)


def test_framewise_displacement_by_hand() -> None:
    motion = np.zeros((3, 6))
    motion[1] = [0.1, -0.2, 0.3, 0, 0, 0]  # mm
    motion[2] = [0.1, -0.2, 0.3, 0.01, 0, -0.02]  # and 0.5 + 1 mm on a sphere of 50 mm
    np.testing.assert_allclose(framewise_displacement(motion), [np.nan, 0.6, 1.5])


@pytest.mark.parametrize("shape", [(5,), (5, 5), (0, 6)])
def test_motion_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(bs.ParameterError, match=r"shape \(volumes, 6\).*got \("):
        framewise_displacement(np.zeros(shape))


def test_the_rows_of_a_carpet_are_z_scores_of_voxels_evenly_spaced(
    rng: np.random.Generator,
) -> None:
    data = rng.normal(100, 5, (7, 6, 5, 30))
    data[3, 3, 3] = 8.0  # never changes
    mask = rng.random((7, 6, 5)) > 0.3
    mask[3, 3, 3] = True
    carpet = carpet_of(image(data), mask, t_r=2)
    voxels = data[mask]
    deviation = voxels.std(axis=1, ddof=1, keepdims=True)
    expected = (voxels - voxels.mean(axis=1, keepdims=True)) / np.where(deviation, deviation, 1)
    assert carpet.values.dtype == np.float32
    np.testing.assert_allclose(carpet.values, expected, atol=1e-5)
    assert carpet.t_r == 2.0
    assert carpet.framewise_displacement is None
    few = carpet_of(image(data), mask, n_voxels=10).values
    rows = [int(np.abs(expected - row).sum(axis=1).argmin()) for row in few]
    np.testing.assert_allclose(few, expected[rows], atol=1e-5)
    steps = np.diff(rows)
    assert steps.min() >= 1
    assert steps.max() - steps.min() <= 1


def test_motion_comes_from_tables_frames_and_arrays(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    data = rng.normal(100, 5, (4, 4, 4, 20))
    motion = pd.DataFrame(rng.normal(0, 0.1, (20, 6)), columns=list(MOTION_COLUMNS))
    motion["csf"] = 1.0
    motion.to_csv(tmp_path / "confounds.tsv", sep="\t", index=False)
    expected = framewise_displacement(motion[list(MOTION_COLUMNS)].to_numpy())
    mask = np.ones((4, 4, 4), bool)
    for given_as in (tmp_path / "confounds.tsv", motion, motion.to_numpy()[:, :6]):
        found = carpet_of(image(data), mask, confounds=given_as).framewise_displacement
        assert found is not None
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    halves = [image(data[..., :8]), image(data[..., 8:])]
    parts = [motion.iloc[:8], None]
    found = carpet_of(halves, mask, confounds=parts).framewise_displacement
    assert found is not None
    np.testing.assert_allclose(found, [*expected[:8], *[np.nan] * 12], rtol=1e-12)


def test_a_table_without_motion_is_refused(rng: np.random.Generator) -> None:
    one = image(rng.normal(100, 5, (4, 4, 4, 20)))
    with pytest.raises(bs.TableError, match="must have a column 'trans_x', got csf"):
        carpet_of(one, np.ones((4, 4, 4), bool), confounds=pd.DataFrame({"csf": np.zeros(20)}))


def test_without_a_mask_the_background_is_left_out(rng: np.random.Generator) -> None:
    data = rng.normal(2, 0.5, (12, 12, 12, 10))
    head = np.zeros((12, 12, 12), bool)
    head[3:9, 3:9, 3:9] = True
    data[head] += 1000
    data[0, 0, 0] = np.nan
    np.testing.assert_array_equal(foreground(bs.open_image(image(data))), head)
    found = carpet_of(image(data))
    np.testing.assert_allclose(found.dvars, dvars_of(data[head]), rtol=1e-12)
    with pytest.raises(bs.MaskError, match="no finite value in its first volume; give `mask`"):
        carpet_of(image(np.full((2, 2, 2, 3), np.nan)))


def test_what_is_no_run_and_wrong_numbers_are_refused() -> None:
    with pytest.raises(bs.ParameterError, match="at least 2 volumes, got 1"):
        carpet_of(image(np.ones((2, 2, 2))))
    one = image(np.ones((2, 2, 2, 4)))
    with pytest.raises(bs.ParameterError, match="`n_voxels` must be an integer of at least 1"):
        carpet_of(one, n_voxels=0)
    with pytest.raises(bs.ParameterError, match="`t_r` must be a positive number of s, got -1"):
        carpet_of(one, t_r=-1)


def test_the_plan_holds_what_a_carpet_takes(rng: np.random.Generator) -> None:
    """Memory that is planned does not grow with the volumes, but by a number for each."""
    mask = np.ones((8, 8, 8), bool)
    one, many = (
        bs.plan(image(np.zeros((8, 8, 8, n), "f4")), DVARS(mask)).needs[0].state for n in (10, 1000)
    )
    assert many - one == 990 * 8
