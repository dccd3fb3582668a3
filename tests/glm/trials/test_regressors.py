"""Regressors of events against nilearn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm.first_level import glover_hrf, spm_hrf, spm_time_derivative
from nilearn.glm.first_level.hemodynamic_models import compute_regressor

from boldstream.core.errors import ParameterError
from boldstream.glm.trials.options import Sampling
from boldstream.glm.trials.regressors import (
    boxcar_response,
    hrf_kernels,
    make_regressors,
    orthogonalised,
)

MODELS = [
    "glover",
    "spm",
    "glover + derivative",
    "spm + derivative",
    "glover + derivative + dispersion",
    "spm + derivative + dispersion",
    None,
    spm_hrf,
    [glover_hrf, spm_time_derivative],
]


@pytest.mark.filterwarnings("ignore:Some stimulus onsets are earlier")
@given(
    st.sampled_from(MODELS),
    st.lists(
        st.tuples(
            st.floats(-40, 130),
            st.sampled_from([0.0, 0.1, 1.0, 7.3, 200.0]),
            st.floats(0.01, 2) | st.floats(-2, -0.01),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([0.5, 0.735, 1.0, 2.0, 2.5, 3.1]),
    st.sampled_from([0.0, 0.37, 0.5, 1.0]),
    st.integers(1, 60),
    st.sampled_from([-24.0, -7.3, 0.0]),
)
def test_of_nilearn(
    model: Any,
    events: list[tuple[float, float, float]],
    t_r: float,
    slice_time_ref: float,
    oversampling: int,
    min_onset: float,
) -> None:
    sampling = Sampling(45, t_r, slice_time_ref, min_onset, oversampling)
    onsets, durations, amplitudes = np.array(events).T
    kernels = hrf_kernels(model, sampling)
    regressors, _ = make_regressors(onsets, durations, amplitudes, sampling, kernels)
    own = orthogonalised(regressors)
    for i, event in enumerate(events):
        expected, _ = compute_regressor(
            [[number] for number in event],
            model,
            sampling.frames,
            oversampling=oversampling,
            min_onset=min_onset,
        )
        scale = np.abs(regressors[:, i]).max(axis=1)
        # From nilearn's own raw columns, which it orthogonalises in place.
        np.testing.assert_allclose(regressors[0, i], expected[:, 0], rtol=0, atol=2e-12 * scale[0])
        for j in range(1, len(kernels)):
            np.testing.assert_allclose(
                own[j - 1, i], expected[:, j], rtol=0, atol=1e-11 * scale[j] + 1e-30
            )


@pytest.mark.parametrize("length", [0, 1, 3, 7, 8, 20])
def test_boxcar_is_a_convolution(length: int, rng: np.random.Generator) -> None:
    kernel = rng.normal(size=8)
    expected = np.convolve(np.ones(length), kernel) if length else np.empty(0)
    np.testing.assert_allclose(boxcar_response(kernel, length), expected, atol=1e-14)


def test_small_values_keep_their_digits() -> None:
    sampling = Sampling(40, 2.0, 0.0, -24, 50)
    (kernel,) = hrf_kernels("glover", sampling)
    exact = np.convolve(np.ones(900, dtype=np.longdouble), kernel.astype(np.longdouble))
    np.testing.assert_allclose(boxcar_response(kernel, 900)[:20], exact[:20], rtol=1e-14)
    np.testing.assert_allclose(boxcar_response(kernel, 900)[-20:], exact[-20:], rtol=1e-14)


def test_peaks_are_those_of_the_whole_response() -> None:
    sampling = Sampling(20, 2.0, 0.0, -24, 50)
    (kernel,) = hrf_kernels("glover", sampling)
    _, peaks = make_regressors(
        np.array([1.0, 37.0, 900.0]),
        np.full(3, 2.0),
        np.array([1.0, -3.0, 1.0]),
        sampling,
        [kernel],
    )
    assert peaks[0] > 0
    np.testing.assert_allclose(peaks, [peaks[0], 3 * peaks[0], 0], rtol=1e-12)


def returns(value: Any) -> Callable[[float, int], Any]:
    return lambda t_r, oversampling: value


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("fir", "`hrf_model` must have a response function"),
        ("glovr", "`hrf_model` must be one of .* did you mean 'glover'"),
        (3, "`hrf_model` must be a name, None, a function, or a list of functions, got int"),
        ([], "`hrf_model` must be a name"),
        (["glover"], "`hrf_model` must be a name"),
        (lambda: 1, "`hrf_model` cannot be sampled: Could not process custom HRF"),
        (returns([0.0, np.nan]), "`hrf_model` must return a finite array"),
        (returns(np.ones((2, 2))), "`hrf_model` must return a finite array .* shape \\(2, 2\\)"),
        (returns([]), "`hrf_model` must return a finite array"),
    ],
)
def test_models_that_are_none(model: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        hrf_kernels(model, Sampling(20, 2.0, 0.0, -24, 50))
