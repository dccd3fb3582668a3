"""Regressors of single events, equal to those that nilearn makes one condition at a time.

nilearn samples the events of a condition on a fine grid, convolves that with
the response and interpolates at the frames. What a single event gives there
is a boxcar convolved with the response, which depends on the length of the
boxcar only, moved to the onset: so it is made once for each length, and
looked up at the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nilearn.glm.first_level.hemodynamic_models import _hrf_kernel, _sample_condition
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.errors import ParameterError
from boldstream.glm.trials.options import Sampling

Floats = NDArray[np.float64]

_MODELS = tuple(
    f"{shape}{more}"
    for shape in ("glover", "spm")
    for more in ("", " + derivative", " + derivative + dispersion")
)


def hrf_kernels(hrf_model: Any, sampling: Sampling) -> list[Floats]:
    """Samples of the response functions of a model, its canonical one first.

    Raises
    ------
    ParameterError
        If `hrf_model` is none that nilearn knows, has many equal columns (FIR), or
        returns something other than numbers.
    """
    model = _check_model(hrf_model)
    # The kernels' own TR, as nilearn takes it: a digit may decide their length.
    t_r = float(np.min(np.diff(sampling.frames)))
    try:
        found = _hrf_kernel(model, t_r, sampling.oversampling)
    except ValueError as error:
        raise ParameterError(f"`hrf_model` cannot be sampled: {error}") from error
    kernels = [np.asarray(kernel, dtype=np.float64) for kernel in found]
    for kernel in kernels:
        if kernel.ndim != 1 or not kernel.size or not np.isfinite(kernel).all():
            raise ParameterError(
                "`hrf_model` must return a finite array of shape (samples,), got one of shape "
                f"{kernel.shape}"
            )
    return kernels


def _check_model(hrf_model: Any) -> Any:
    if hrf_model is None or callable(hrf_model):
        return hrf_model
    if isinstance(hrf_model, str):
        if hrf_model.lower() == "fir":
            raise ParameterError(
                "`hrf_model` must have a response function for betas of trials, got 'fir': its "
                "columns are one for each delay, and none of them is the size of the response"
            )
        return one_of("hrf_model", hrf_model.lower(), _MODELS)
    is_list = isinstance(hrf_model, Sequence) and len(hrf_model) > 0
    if is_list and all(callable(one) for one in hrf_model):
        return hrf_model
    raise ParameterError(
        "`hrf_model` must be a name, None, a function, or a list of functions, got "
        f"{type(hrf_model).__name__}"
    )


def make_regressors(
    onsets: Floats,
    durations: Floats,
    amplitudes: Floats,
    sampling: Sampling,
    kernels: Sequence[Floats],
) -> tuple[Floats, Floats]:
    """Make the regressors of events, each for itself and before orthogonalisation.

    Parameters
    ----------
    onsets, durations, amplitudes : ndarray, shape (events,)
        Seconds, and factors.
    sampling : Sampling
        Events before its earliest onset begin there.
    kernels : sequence of ndarray
        Of `hrf_kernels`.

    Returns
    -------
    regressors : ndarray, shape (kernels, events, volumes)
    peaks : ndarray, shape (events,)
        Largest size that the first kernel's regressor has, in the run or after it.
    """
    frames = sampling.frames
    empty = np.empty(0)
    _, grid = _sample_condition(
        (empty, empty, empty), frames, sampling.oversampling, sampling.min_onset
    )
    last = len(grid) - 1
    start = np.minimum(np.searchsorted(grid, onsets), last)
    stop = np.minimum(np.searchsorted(grid, onsets + durations), last)
    stop += (stop == start) & (stop < last)
    above = np.clip(np.searchsorted(grid, frames), 1, last)
    share = (frames - grid[above - 1]) / (grid[above] - grid[above - 1])

    regressors = np.zeros((len(kernels), len(onsets), len(frames)))
    peaks = np.zeros(len(onsets))
    for length in np.unique(stop - start):
        which = np.flatnonzero(stop - start == length)
        since = above - start[which, None]
        for i, kernel in enumerate(kernels):
            response = boxcar_response(kernel, int(length))
            if i == 0:
                peaks[which] = np.abs(response).max(initial=0.0)
            padded = np.pad(response, 1)
            below = padded[np.clip(since, 0, len(padded) - 1)]
            upper = padded[np.clip(since + 1, 0, len(padded) - 1)]
            regressors[i, which] = below + share * (upper - below)
    regressors *= amplitudes[:, None]
    return regressors, peaks * np.abs(amplitudes)


def boxcar_response(kernel: Floats, length: int) -> Floats:
    """Convolve ones with a kernel, at the cost of the kernel's length squared at most.

    Sums run from the nearer end, so that small values keep their digits.
    """
    if length == 0:
        return np.empty(0)
    if length < len(kernel):
        return np.convolve(np.ones(length), kernel)
    rise = np.cumsum(kernel)
    fall = np.cumsum(kernel[:0:-1])[::-1]
    return np.concatenate([rise, np.full(length - len(kernel), rise[-1]), fall])


def orthogonalised(regressors: Floats) -> Floats:
    """Columns of each event after its first, without what the ones before them explain.

    Parameters
    ----------
    regressors : ndarray, shape (kernels, events, volumes)

    Returns
    -------
    ndarray, shape (kernels - 1, events, volumes)
        As nilearn's `orthogonalize` leaves the columns of one condition.
    """
    done = regressors.copy()
    for i in range(1, len(done)):
        # What rounding leaves after the first time is taken out by the second.
        for _ in range(2):
            for before in done[:i]:
                square = np.einsum("ev,ev->e", before, before)
                product = np.einsum("ev,ev->e", before, done[i])
                share = np.divide(product, square, out=np.zeros_like(square), where=square > 0)
                done[i] -= share[:, None] * before
    return done[1:]
