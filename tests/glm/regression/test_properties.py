"""What must not change a fit: blocks, cuts, threads, the order of voxels, a constant."""

from __future__ import annotations

import itertools
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boldstream as bs
from boldstream.glm.regression import RunFit, RunGLM, RunModel
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Scaling
from boldstream.streaming.run import run_pass
from tests.glm.regression.made_up import SHAPE, designs, image_of, signals

N = 150  # more than a stage holds
WHOLE = np.ones(SHAPE, bool)
DATA = signals(N)
KEPT = np.setdiff1d(np.arange(N), [0, 1, 2, 3, 70, 71, 90, N - 1])

noises = st.sampled_from(["ols", "ar1", "ar3"])
scalings = st.sampled_from([None, "voxel", "volume", "grand", "zscore_sample"])
names = st.sampled_from(["constant", "no constant"])


def model_of(name: str, noise_model: str, scaling: Any, *, censored: bool = False) -> RunModel:
    design = designs(N)[name]
    return RunModel(
        design[KEPT] if censored else design,
        kept=KEPT if censored else None,
        noise_model=noise_model,
        scaling=scaling,
        bins=20 if noise_model == "ar1" else 4,
        random_state=0,
    )


def ignore(done: int, total: int) -> None:
    """Report nothing."""


def assert_same(first: RunFit, second: RunFit, rtol: float = 1e-8) -> None:
    np.testing.assert_array_equal(first.labels, second.labels)
    for name in ("theta", "dispersion", "sse", "r_square", "scale", "offset"):
        one, other = getattr(first, name), getattr(second, name)
        largest = np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=rtol, atol=rtol * largest, err_msg=name)


@settings(max_examples=25)
@given(names, noises, scalings, st.booleans(), st.integers(1, N), st.sampled_from(["f8", "i2"]))
def test_the_size_of_blocks_changes_no_bit(
    name: str, noise_model: str, scaling: Any, censored: bool, block_volumes: int, dtype: str
) -> None:
    model = model_of(name, noise_model, scaling, censored=censored)
    source = open_image(image_of(DATA, dtype=dtype))
    fits = [
        run_pass(source, [RunGLM(WHOLE, model).bind(source.series)], volumes, ignore)[0]
        for volumes in (N, block_volumes)
    ]
    for key, value in vars(fits[0]).items():
        np.testing.assert_equal(getattr(fits[1], key), value, err_msg=key)


@st.composite
def cuts(draw: Any) -> list[range]:
    """Ranges that adjoin; many shorter than the order of the noise."""
    at = draw(st.sets(st.integers(1, N - 1) | st.integers(1, 8) | st.integers(N - 8, N - 1)))
    return [range(a, b) for a, b in itertools.pairwise([0, *sorted(at), N])]


@given(names, noises, scalings, st.booleans(), cuts(), st.data())
def test_parts_are_merged_in_any_cut(
    name: str, noise_model: str, scaling: Any, censored: bool, ranges: list[range], data: Any
) -> None:
    model = model_of(name, noise_model, scaling, censored=censored)
    series = open_image(image_of(DATA)).series
    bound = RunGLM(WHOLE, model).bind(series)
    flat = np.reshape(DATA.T, (*SHAPE, N)).T.reshape(N, -1)

    def filled(volumes: range) -> Any:
        state = bound.accumulator.init(volumes)
        block = Block(flat[volumes.start : volumes.stop], volumes.start, Scaling(), 0)
        bound.accumulator.update(state, block)
        return state

    with np.errstate(invalid="ignore"):
        whole = bound.finalize(filled(range(N)))
        parts = [filled(volumes) for volumes in ranges]
        while len(parts) > 1:
            i = data.draw(st.integers(0, len(parts) - 2))
            parts[i : i + 2] = [bound.accumulator.merge(parts[i], parts[i + 1])]
        assert_same(whole, bound.finalize(parts[0]))


@settings(max_examples=10)
@given(names, noises, scalings, st.booleans(), st.integers(2, 5))
def test_threads_change_nothing(
    name: str, noise_model: str, scaling: Any, censored: bool, n_jobs: int
) -> None:
    model = model_of(name, noise_model, scaling, censored=censored)
    image = image_of(DATA)
    volumes = [nib.Nifti1Image(v, image.affine) for v in np.moveaxis(image.get_fdata(), 3, 0)]
    (whole,) = bs.stream(image, RunGLM(WHOLE, model))
    for jobs in (1, n_jobs):
        (fit,) = bs.stream(volumes, RunGLM(WHOLE, model), n_jobs=jobs)
        assert_same(whole, fit)


@given(
    st.sampled_from(["constant", "constant in the span"]),
    st.sampled_from(["ols", "ar1"]),
    st.floats(-1e4, 1e4),
)
def test_a_constant_changes_the_intercept_only(
    name: str, noise_model: str, constant: float
) -> None:
    design = designs(N)[name]
    model = RunModel(design, noise_model=noise_model, scaling=None)
    (before,) = bs.stream(image_of(DATA), RunGLM(WHOLE, model))
    (after,) = bs.stream(image_of(DATA + constant), RunGLM(WHOLE, model))
    intercept = np.linalg.pinv(design) @ np.ones(N)
    theta = before.theta + constant * intercept[:, None]
    np.testing.assert_array_equal(before.labels, after.labels)
    np.testing.assert_allclose(after.theta, theta, atol=1e-8)
    task = np.abs(intercept) < 1e-9
    assert task[:2].all()
    np.testing.assert_allclose(after.theta[task], before.theta[task], atol=1e-9)
    # The first volumes, which are not whitened, make a step of the constant: r_square knows it.
    for key in ("dispersion", "sse", *(["r_square"] if noise_model == "ols" else [])):
        np.testing.assert_allclose(getattr(after, key), getattr(before, key), rtol=1e-8)


@given(names, st.sampled_from(["ols", "ar1"]), scalings, st.permutations(range(60)))
def test_the_order_of_voxels_is_theirs(
    name: str, noise_model: str, scaling: Any, order: list[int]
) -> None:
    model = model_of(name, noise_model, scaling)
    (fit,) = bs.stream(image_of(DATA), RunGLM(WHOLE, model))
    (moved,) = bs.stream(image_of(DATA[:, order]), RunGLM(WHOLE, model))
    np.testing.assert_array_equal(moved.labels, fit.labels[order])
    np.testing.assert_allclose(moved.theta, fit.theta[:, order], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(moved.sse, fit.sse[order], rtol=1e-8)


@pytest.mark.parametrize("noise_model", ["ols", "ar1", "ar3"])
def test_some_voxels_are_fitted_as_all(noise_model: str) -> None:
    """A mask chooses; what is fitted to a voxel depends on no other, but for clusters."""
    mask = np.random.default_rng(2).random(SHAPE) > 0.5
    model = model_of("constant", noise_model, "voxel")
    (whole,) = bs.stream(image_of(DATA), RunGLM(WHOLE, model))
    (some,) = bs.stream(image_of(DATA), RunGLM(mask, model))
    if noise_model == "ar3":
        assert len(set(some.labels)) == 4
        return
    np.testing.assert_array_equal(some.labels, whole.labels[mask.ravel()])
    np.testing.assert_allclose(some.theta, whole.theta[:, mask.ravel()], rtol=1e-9, atol=1e-9)
