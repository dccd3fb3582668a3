"""`RunGLM`: the GLM of one run as a reduction, fitted from one pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.glm.regression.fit import RunFit, fit_bytes, fit_sums
from boldstream.glm.regression.model import RunModel
from boldstream.glm.regression.sums import LaggedSums, State
from boldstream.io.masks import MaskLike, load_mask
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming.nonfinite import NanPolicy, NonFiniteRule
from boldstream.streaming.reduction import Bound, Reduction
from boldstream.streaming.stage import Staging

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunGLM(Reduction):
    """A GLM with autoregressive noise, fitted to the voxels of a mask in one pass.

    Parameters
    ----------
    mask : path, nibabel image or boolean ndarray (x, y, z)
    model : RunModel
    nan_policy : {"nilearn", "zero", "propagate", "raise"}

    Returns
    -------
    RunFit
        What `stream` gives for this reduction; voxels in the order of ``data[mask]``.

    Raises
    ------
    ParameterError
        If the design has not a row for each volume.
    GridMismatchError, MaskError, NonFiniteError

    Examples
    --------
    >>> import nibabel as nib, numpy as np, boldstream as bs
    >>> data = np.random.default_rng(0).normal(100, 1, size=(4, 4, 4, 60))
    >>> design = np.column_stack([np.ones(60), np.linspace(-1, 1, 60)])
    >>> glm = RunGLM(np.ones((4, 4, 4), bool), RunModel(design, noise_model="ols"))
    >>> (fit,) = bs.stream(nib.Nifti1Image(data, np.eye(4)), glm)
    >>> fit.theta.shape
    (2, 64)
    """

    mask: MaskLike
    model: RunModel
    nan_policy: NanPolicy = "nilearn"

    def bind(self, series: Series) -> Bound[State]:
        model, kept = self.model, self.model.kept
        n_rows = series.n_volumes if kept is None else len(model.design)
        if len(model.design) != n_rows or (kept is not None and kept[-1] >= series.n_volumes):
            raise ParameterError(
                f"a design matrix must have a row for each of the {series.n_volumes} volumes of "
                f"{series.name}, got {len(model.design)}"
            )
        mask = load_mask(self.mask, series.grid, may_resample=False)
        rows = series.grid.rows_of(mask.array)
        # Voxels are gathered in the order in which they lie in memory: nearly twice as fast.
        positions = np.argsort(rows)
        rule = NonFiniteRule(self.nan_policy, series, rows, warns=False)
        accumulator = _accumulator(model, Staging(series, rows[positions], rule, kept))
        return Bound(
            f"RunGLM({model.noise_model})",
            accumulator,
            partial(_fit, model, positions),
            fit_bytes(model, len(rows)),
        )


def _accumulator(model: RunModel, staging: Staging) -> LaggedSums:
    return LaggedSums(model.functionals, staging, by_volume=model.scaling == "volume")


def _fit(model: RunModel, positions: NDArray[np.intp], state: State) -> RunFit:
    return fit_sums(state.sums, model, positions=positions, volume_means=state.volume_means)


def fit_signals(signals: NDArray[Any], model: RunModel) -> RunFit:
    """Fit a model to time courses that are in memory.

    Parameters
    ----------
    signals : ndarray, shape (volumes, voxels)
        With the rows that the model keeps only.
    model : RunModel
    """
    n, voxels = signals.shape
    grid = Grid((voxels, 1, 1), np.eye(4))
    series = Series("signals", grid, n, signals.dtype, None, (n,))
    rows = np.arange(voxels)
    rule = NonFiniteRule("propagate", series, rows, warns=False)
    accumulator = _accumulator(model, Staging(series, rows, rule))
    state = accumulator.init(range(n))
    # As in a pass: NaN and infinity go into the results.
    with np.errstate(invalid="ignore", over="ignore"):
        accumulator.update(state, Block(signals, 0, Scaling(), 0))
        return _fit(model, rows, state)
