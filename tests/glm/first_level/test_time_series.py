"""Time series of a fit, made in pieces, against nilearn's models made whole."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nilearn.glm.regression import ARModel, OLSModel

from boldstream.core.grid import Grid
from boldstream.glm.first_level.results import RunResults
from boldstream.glm.first_level.second_pass import TimeSeriesOf
from boldstream.glm.first_level.time_series import TimeSeries
from boldstream.glm.regression import RunModel, fit_signals
from boldstream.streaming.once import plan_once
from boldstream.streaming.run import run_pass

SHAPE = (5, 4, 3)
N = 23
GRID = Grid(SHAPE, np.eye(4))


def kept_without(dropped: frozenset[int]) -> np.ndarray:
    return np.setdiff1d(np.arange(N), list(dropped))


@cache
def fitted(
    order: int, dropped: frozenset[int] = frozenset()
) -> tuple[np.ndarray, np.ndarray, TimeSeries]:
    """Data, those that nilearn would keep as residuals, and how ours are made."""
    rng, kept = np.random.default_rng(order), kept_without(dropped)
    data = rng.normal(50, 2, (*SHAPE, N))
    mask = rng.random(SHAPE) < 0.7
    design = np.column_stack([rng.normal(size=(len(kept), 2)), np.ones(len(kept))])
    signals = data[mask].T[kept]
    model = RunModel(design, noise_model=f"ar{order}" if order else "ols", bins=5, random_state=0)
    results = RunResults(fit_signals(signals, model), detailed=True)
    scaled = 100 * (signals / signals.mean(axis=0) - 1)
    wanted = np.zeros((*SHAPE, len(kept)))
    inside = np.empty(scaled.shape)
    for label, voxels in results.voxels.items():
        rho = results[label].rho
        theirs = (ARModel(design, rho) if order else OLSModel(design)).fit(scaled[:, voxels])
        inside[:, voxels] = theirs.residuals
    wanted[mask] = inside.T
    return data, wanted, TimeSeries("residuals", results, design, GRID, mask)


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@given(cuts=st.sets(st.integers(1, N - 1)))
def test_volumes_do_not_depend_on_how_they_are_cut(order: int, cuts: set[int]) -> None:
    data, wanted, series = fitted(order)
    values = data[series.mask].T[:, series.order]
    out = series.empty(N)
    stops = [0, *sorted(cuts), N]
    for first, stop in pairwise(stops):
        part = values[first:stop]
        series.fill(out[first:stop], range(first, stop), lambda tile, p=part: p[:, tile].copy())  # type: ignore[misc]
    np.testing.assert_allclose(series.volumes(out), wanted, atol=1e-5)


@settings(max_examples=8)
@pytest.mark.parametrize("order", [0, 1, 5])
@pytest.mark.parametrize("block_volumes", [1, 2, 7, N])
@given(dropped=st.frozensets(st.integers(0, N - 1), max_size=9))
def test_blocks_of_any_size(order: int, block_volumes: int, dropped: frozenset[int]) -> None:
    data, wanted, series = fitted(order, dropped)
    image = nib.Nifti1Image(data, np.eye(4))
    reduction = TimeSeriesOf(series, series.mask, kept_without(dropped), "propagate")
    source, bounds, _ = plan_once(image, [reduction])
    (flat,) = run_pass(source, bounds, block_volumes, lambda done, total: None)
    np.testing.assert_allclose(series.volumes(flat), wanted, atol=1e-5)
