"""`geometry_of_rois`: dissimilarities in regions, and models of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry.comparing import RDMs, compare
from boldstream.geometry.design import Metric
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.estimating import rdm
from boldstream.geometry.noise import NoiseName
from boldstream.geometry.opening import inside_of
from boldstream.geometry.similarity import Method
from boldstream.io.betas import open_betas_folder
from boldstream.io.betas_source import BetasSource
from boldstream.io.masks import load_mask, mask_name
from boldstream.io.translate import expanded
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Voxels

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Geometry:
    """Dissimilarities of conditions in regions.

    Attributes
    ----------
    rdms : dict of str to RDM
        By region.
    table : DataFrame
        For each region and model: ``roi, model, correlation, p``; without
        models it has no rows.
    """

    rdms: Mapping[str, RDM]
    table: DataFrame


def geometry_of_rois(
    X: Any,  # noqa: N803 - as in `decode`
    conditions: Any,
    rois: Any = None,
    *,
    models: RDMs | None = None,
    metric: Metric = "crossnobis",
    folds: Any = None,
    noise: NoiseName | None = None,
    method: Method = "spearman",
    nuisance: RDMs | None = None,
    permutations: int = 0,
    random_state: Any = 0,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
) -> Geometry:
    """Find the dissimilarities of conditions in regions, and compare them with models.

    Parameters
    ----------
    X : array (samples, voxels), mapping of names to such arrays, folder of betas, or image
        One region, regions by name, or what is read once for all `rois`: a
        folder that `trial_betas` wrote, a path, a nibabel image or a list of
        runs.
    conditions : sequence, shape (samples,)
    rois : mask, list of masks, or mapping of names to masks, optional
        Paths, images or boolean arrays, where `X` is an image or a folder.
    models : RDM, sequence of RDM, or mapping of names to RDM, optional
    metric, folds, noise
        As for `rdm`.
    method, nuisance, permutations, random_state
        As for `compare`.
    n_jobs : int
        Threads that read the files of a list.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak.

    Returns
    -------
    Geometry

    Raises
    ------
    ParameterError, NonFiniteError
        As `rdm` and `compare`; those of a region name it.
    MemoryBudgetError, ImageFileError, GridMismatchError, MaskError

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> conditions, runs = np.tile(["cat", "dog", "oak"], 8), np.repeat([1, 2, 3, 4], 6)
    >>> v1, it = random.normal(size=(2, 24, 60))
    >>> it[conditions == "oak"] += 1
    >>> tree = RDM.from_matrix([[0, 0, 1], [0, 0, 1], [1, 1, 0]], ["cat", "dog", "oak"])
    >>> found = geometry_of_rois(
    ...     {"it": it}, conditions, models={"tree": tree}, folds=runs, method="pearson"
    ... )
    >>> found.table.round(2)
      roi model  correlation   p
    0  it  tree         0.99 NaN
    """
    from pandas import DataFrame

    patterns = _patterns_of(X, rois, n_jobs, memory_limit)
    rdms: dict[str, RDM] = {}
    for name, samples in patterns.items():
        try:
            rdms[name] = rdm(samples, conditions, metric=metric, folds=folds, noise=noise)
        except (ParameterError, NonFiniteError) as error:
            raise type(error)(f"region {name!r}: {error}") from error
    table = DataFrame(columns=["roi", "model", "correlation", "p"])
    if models is not None:
        table = compare(
            rdms,
            models,
            method=method,
            nuisance=nuisance,
            permutations=permutations,
            random_state=random_state,
        ).rename(columns={"rdm": "roi"})
    return Geometry(rdms, table)


def _patterns_of(
    x: Any, rois: Any, n_jobs: int, memory_limit: str | int | None
) -> Mapping[str, NDArray[Any]]:
    if isinstance(x, np.ndarray | Mapping):
        if rois is not None:
            raise ParameterError(
                "`rois` must be None where `X` holds arrays; a mapping of names to arrays names "
                "regions"
            )
        given = x if isinstance(x, Mapping) else {"all": x}
        if not given:
            raise ParameterError("`X` must hold at least one region, got none")
        return {str(name): np.asarray(values) for name, values in given.items()}
    source, named = x, _named(rois)
    if isinstance(x, str | os.PathLike) and expanded(x).is_dir():
        folder = open_betas_folder(x)
        source = BetasSource(folder)
        # Outside of the mask of betas there are none, which the source has as 0.
        for name, mask in named.items():
            inside_of(folder.mask, load_mask(mask, folder.mask.grid, name=name))
    reductions = [Voxels(mask, name=name, nan_policy="raise") for name, mask in named.items()]
    found = stream_once(source, reductions, n_jobs=n_jobs, memory_limit=memory_limit)
    return dict(zip(named, found, strict=True))


def _named(rois: Any) -> dict[str, Any]:
    """Masks by name: that of a file, or a number for what has none."""
    if rois is None:
        raise ParameterError(
            "`rois` must be masks where `X` is an image or a folder: a path, an image, a boolean "
            "array, a list of these, or a mapping of names to these; got None"
        )
    if isinstance(rois, Mapping):
        named = {str(name): mask for name, mask in rois.items()}
    else:
        listed = list(rois) if isinstance(rois, list | tuple) else [rois]
        names = [mask_name(mask) or f"roi_{i}" for i, mask in enumerate(listed, 1)]
        if len(set(names)) < len(names):
            raise ParameterError(
                f"`rois` must have different names, got {', '.join(names)}; give a mapping of "
                "names to masks"
            )
        named = dict(zip(names, listed, strict=True))
    if not named:
        raise ParameterError("`rois` must hold at least one mask, got none")
    return named
