"""`rdm`: dissimilarities of patterns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import positive_number
from boldstream.core.errors import ParameterError
from boldstream.core.patterns import checked_patterns
from boldstream.geometry.design import Design, Metric, make_design
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.noise import (
    Noise,
    NoiseName,
    White,
    checked_residuals,
    given_noise,
    mean_squares,
    noise_of_residuals,
)

Floats = NDArray[np.float64]


def rdm(
    patterns: Any,
    conditions: Any = None,
    *,
    metric: Metric = "crossnobis",
    folds: Any = None,
    noise: NoiseName | NDArray[Any] | None = None,
    residuals: Any = None,
    dof: float | None = None,
) -> RDM:
    """Dissimilarities of all pairs of conditions, those of rsatoolbox.

    With δ the difference of the mean patterns of two conditions, p voxels and
    noise of covariance Σ,

    - "euclidean" is δ Σ⁻¹ δᵀ / p, the *squared* distance for each voxel: with
      `noise` the squared Mahalanobis distance;
    - "crossnobis" is the mean of δ_m Σ⁻¹ δ_nᵀ / p over all pairs of folds m ≠ n
      (Walther et al. 2016). Noise of different folds is independent, so its
      expectation is 0 where patterns do not differ; it may be below 0;
    - "correlation" is 1 - r of the mean patterns.

    Parameters
    ----------
    patterns : array, shape (samples, voxels)
        Such as betas of trials.
    conditions : sequence, shape (samples,), optional
        By default every sample is a condition, called by its number from 0.
    metric : {"crossnobis", "correlation", "euclidean"}
    folds : sequence, shape (samples,), optional
        Such as the run of each sample, which "crossnobis" needs. Means of
        folds count equally, however many samples they are of.
    noise : {None, "diagonal", "shrinkage", "ledoit_wolf"} or array (voxels, voxels), optional
        Covariance of noise: equal and independent; independent; shrunk towards
        its diagonal (Schäfer and Strimmer 2005, the default of rsatoolbox's
        ``prec_from_residuals``); shrunk towards equal variances (Ledoit and
        Wolf 2004); or given.
    residuals : array, shape (n, voxels), optional
        What noise is estimated from, such as residuals of the GLM. By default
        samples less the mean of their condition and fold.
    dof : float, optional
        Degrees of freedom of the residuals; by default n - 1, or samples less
        the number of means that were taken out.

    Returns
    -------
    RDM
        With sorted conditions.

    Raises
    ------
    ParameterError
        If labels do not fit `patterns`; if folds are fewer than two, or one
        lacks a condition; if noise cannot be estimated; if a pattern is
        constant, which has no correlation.
    NonFiniteError
        If there is NaN or infinity.

    References
    ----------
    Walther, Nili, Ejaz, Alink, Kriegeskorte and Diedrichsen (2016), Reliability
    of dissimilarity measures for multi-voxel pattern analysis. NeuroImage 137.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> conditions, runs = np.tile(["cat", "dog", "tree"], 8), np.repeat([1, 2, 3, 4], 6)
    >>> patterns = random.normal(size=(24, 50)) + 2.0 * (conditions == "tree")[:, None]
    >>> rdm(patterns, conditions, folds=runs).to_frame().round(1)
               cat  dog  tree
    condition
    cat        0.0  0.1   4.2
    dog        0.1  0.0   3.9
    tree       4.2  3.9   0.0
    """
    samples = checked_patterns("patterns", patterns)
    named = isinstance(noise, str)
    design = make_design(metric, conditions, folds, len(samples), noise_in_folds=named)
    check_noise_use(design.metric, noise, residuals, dof)
    means = design.means(samples)
    if isinstance(noise, str):
        found = _estimated(samples, means, design, noise, residuals, dof)
    else:
        found = White() if noise is None else given_noise(noise, samples.shape[1])
    return RDM(_dissimilarities(design, design.patterns(means), found), design.conditions, metric)


def check_noise_use(metric: Metric, noise: Any, residuals: Any, dof: Any) -> None:
    """Raise `ParameterError` where noise, or what it is estimated from, would have no effect."""
    if metric == "correlation" and noise is not None:
        raise ParameterError(
            "`noise` must be None with metric='correlation', which makes no use of it"
        )
    for name, value in (("residuals", residuals), ("dof", dof)):
        if value is not None and not isinstance(noise, str):
            raise ParameterError(
                f"`{name}` must be None unless `noise` is estimated from residuals, by "
                "noise='diagonal', 'shrinkage' or 'ledoit_wolf'"
            )


def _estimated(
    samples: NDArray[Any], means: Floats, design: Design, noise: str, residuals: Any, dof: Any
) -> Noise:
    if residuals is not None:
        given = checked_residuals(residuals, samples.shape[1])
        centred, freedom = given - given.mean(axis=0, dtype=np.float64), len(given) - 1
    else:
        given, centred, freedom = samples, samples - means[design.cell], check_dof(design)
    of_dof = freedom if dof is None else positive_number("dof", dof)
    return noise_of_residuals(centred, noise, of_dof, mean_squares(given))


def check_dof(design: Design) -> int:
    """Degrees of freedom of samples about their means; `ParameterError` if there are none."""
    if design.dof < 1:
        raise ParameterError(
            f"`noise` cannot be estimated from {len(design.cell)} samples that are each the only "
            "one of their condition and fold; give `residuals`, or noise=None"
        )
    return design.dof


def _dissimilarities(design: Design, patterns: Floats, noise: Noise) -> Floats:
    """The upper triangle."""
    n, n_voxels = len(design.conditions), patterns.shape[1]
    if design.metric == "correlation":
        return _correlation_distances(patterns, design.conditions)
    # Differences stay the same; rounding of large values that all share does not matter then.
    products = noise.products(patterns - patterns.mean(axis=0))
    if design.metric == "crossnobis":
        n_folds = len(design.folds)
        of_folds = products.reshape(n_folds, n, n_folds, n)
        crossed = of_folds.sum(axis=(0, 2)) - np.einsum("mimj->ij", of_folds)
        products = crossed / (n_folds * (n_folds - 1))
    own = np.diag(products)
    square = own[:, None] + own - products - products.T
    return np.asarray(square[np.triu_indices(n, 1)] / n_voxels, np.float64)


def _correlation_distances(patterns: Floats, conditions: tuple[str, ...]) -> Floats:
    centred = patterns - patterns.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    flat = norms <= 1e-12 * np.sqrt(np.einsum("ij,ij->i", patterns, patterns))
    if flat.any():
        raise ParameterError(
            "`patterns` must differ between voxels for metric='correlation', got a constant "
            f"pattern of {conditions[int(np.flatnonzero(flat)[0])]!r}"
        )
    centred /= norms[:, None]
    square = 1 - centred @ centred.T
    return np.asarray(square[np.triu_indices(len(patterns), 1)], np.float64)
