"""`geometry_of_rois`: dissimilarities in regions, and models of them."""

from __future__ import annotations

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
from boldstream.geometry.similarity import Method
from boldstream.streaming.patterns import read_regions

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
    X : array (samples, voxels), mapping of names to such arrays, image, or betas
        One region, regions by name, or what is read once for all `rois`: a
        path, a nibabel image or a list of runs, a folder that `trial_betas`
        wrote, or what it or `open_betas` returned.
    conditions : sequence, shape (samples,)
    rois : mask, Labels, list of these, or mapping of names to these, optional
        Paths, images or boolean arrays, where `X` is an image or betas;
        `boldstream.Labels` for each region of an atlas. Without names a file's
        own name without its ending is used, and ``mask_1``, ``mask_2``, ...
        for what has no file.
    models : RDM, sequence of RDM, or mapping of names to RDM, optional
    metric, folds, noise
        As for `rdm`.
    method, nuisance, permutations, random_state
        As for `compare`.
    n_jobs : int
        Threads that read the files of a list.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``.

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
    return read_regions(x, rois, n_jobs=n_jobs, memory_limit=memory_limit)
