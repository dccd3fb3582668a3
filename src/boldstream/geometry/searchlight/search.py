"""`rdm_searchlight`: read means once, and compare models around every voxel."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.blas import one_blas_thread
from boldstream.core.budget import find_budget
from boldstream.core.checks import one_of, positive_number
from boldstream.core.grid import Grid
from boldstream.core.jobs import resolve_n_jobs, together
from boldstream.geometry.comparing import RDMs, named_rdms
from boldstream.geometry.design import Metric, make_design
from boldstream.geometry.estimating import check_dof, check_noise_use
from boldstream.geometry.opening import check_array, mask_of, sample_count
from boldstream.geometry.searchlight.distances import Distances
from boldstream.geometry.searchlight.reading import read_moments, voxel_patterns
from boldstream.geometry.searchlight.spheres import SphereBlock, Spheres
from boldstream.geometry.similarity import Method, Similarity, make_similarity
from boldstream.io.betas_source import open_volumes
from boldstream.io.masks import Mask, MaskLike, load_mask
from boldstream.io.source import VolumeSource
from boldstream.io.writing import NiftiImage, as_image
from boldstream.streaming.progress import Report, open_progress

Floats = NDArray[np.float64]

# Of the memory that may be taken once patterns are there: members of spheres take as much
# again, and the rest is for what else is made.
_SHARE = 0.3
# Sums of spheres that are made together.
_TOGETHER = 1 << 18


@dataclass(frozen=True, eq=False)
class RDMSearchlight:
    """Maps of a searchlight of dissimilarities.

    Attributes
    ----------
    scores : dict of str to ndarray, shape (centres,)
        Similarity to each model, for each centre in the order of
        ``data[centres]``; NaN where a sphere has no dissimilarities that
        differ.
    n_voxels : ndarray of int, shape (centres,)
        Voxels of each sphere.
    centres : ndarray of bool, shape (x, y, z)
    grid : Grid
    """

    scores: Mapping[str, Floats]
    n_voxels: NDArray[np.int64]
    centres: NDArray[np.bool_]
    grid: Grid

    def image(self, model: str) -> NiftiImage:
        """The map of a model as an image of float32; 0 outside of the centres.

        Parameters
        ----------
        model : str
            One of the names in `scores`.

        Raises
        ------
        ParameterError
            If there is no such model.
        """
        one_of("model", model, self.scores)
        volume = np.zeros(self.grid.shape, np.float32)
        volume[self.centres] = self.scores[model]
        return as_image(volume, self.grid)


def rdm_searchlight(
    imgs: Any,
    mask: MaskLike | None,
    conditions: Any,
    *,
    models: RDMs,
    radius: float = 8.0,
    folds: Any = None,
    metric: Metric = "crossnobis",
    noise: Literal["diagonal"] | None = None,
    method: Method = "spearman",
    nuisance: RDMs | None = None,
    process_mask: MaskLike | None = None,
    nan_policy: Literal["raise", "exclude"] = "raise",
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    progress: bool | Report = False,
) -> RDMSearchlight:
    """Compare models with the dissimilarities around every voxel.

    Samples are read once and only their means by condition and fold are kept,
    in float32. Dissimilarities are those of `rdm`, similarities those of
    `compare`; threads share the work, and neither their number nor the memory
    changes a digit.

    Parameters
    ----------
    imgs : path, nibabel image, list of either, folder of betas, or array (samples, voxels)
        A folder is one that `trial_betas` wrote; `TrialBetas` and
        `StoredBetas` are taken as they are.
    mask : path, nibabel image or boolean array, or None
        The voxels of spheres; for an array its voxels are the columns. None
        takes the mask of betas.
    conditions : sequence, shape (samples,)
    models : RDM, sequence of RDM, or mapping of names to RDM
        With these conditions.
    radius : float
        In mm.
    folds : sequence, shape (samples,), optional
        Such as the run of each sample, which "crossnobis" needs.
    metric : {"crossnobis", "correlation", "euclidean"}
    noise : {None, "diagonal"}
        Whether voxels are divided by the standard deviation of samples about
        the mean of their condition and fold.
    method : {"spearman", "pearson", "kendall_tau_a", "cosine"}
    nuisance : RDM, sequence of RDM, or mapping of names to RDM, optional
        Taken out of both sides, as in `compare`.
    process_mask : path, nibabel image or boolean array, optional
        Voxels that spheres lie around; by default those of the mask.
    nan_policy : {"raise", "exclude"}
        Whether voxels of the mask with NaN or infinity, or without variance
        where noise is asked for, are refused or belong to no sphere.
    n_jobs : int
        Threads; -1 for one for each core.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``.
    progress : bool or callable
        A bar, or a function that is called with spheres done and spheres in all.

    Returns
    -------
    RDMSearchlight

    Raises
    ------
    ParameterError
        If labels, folds or models do not fit.
    NonFiniteError
        If voxels are not usable and the policy is "raise".
    MemoryBudgetError
        If mean patterns, or a single sphere, do not fit.
    ImageFileError, CorruptImageError, GridMismatchError, MaskError

    References
    ----------
    Kriegeskorte, Goebel and Bandettini (2006), Information-based functional
    brain mapping. PNAS 103(10).

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> from boldstream.geometry import RDM
    >>> random = np.random.default_rng(0)
    >>> conditions, runs = np.tile(["cat", "dog", "oak"], 4), np.repeat([1, 2], 6)
    >>> data = random.normal(size=(6, 6, 6, 12)).astype("f4")
    >>> data[:3, ..., conditions == "oak"] += random.normal(size=(3, 6, 6, 1)) * 5
    >>> tree = RDM.from_matrix([[0, 0, 1], [0, 0, 1], [1, 1, 0]], ["cat", "dog", "oak"])
    >>> found = rdm_searchlight(
    ...     nib.Nifti1Image(data, np.eye(4)),
    ...     np.ones((6, 6, 6), bool),
    ...     conditions,
    ...     models={"tree": tree},
    ...     radius=2.0,
    ...     folds=runs,
    ...     method="pearson",
    ... )
    >>> volume = found.image("tree").get_fdata()
    >>> bool(volume[:2].min() > 0.9), bool(volume[4:].mean() < 0.5)
    (True, True)
    """
    radius, n_jobs = positive_number("radius", radius, unit="mm"), resolve_n_jobs(n_jobs)
    one_of("nan_policy", nan_policy, ("raise", "exclude"))
    if noise is not None:
        one_of("noise", noise, ("diagonal",))
    samples: VolumeSource | NDArray[Any] = (
        imgs if isinstance(imgs, np.ndarray) else open_volumes(imgs)
    )
    design = make_design(
        metric, conditions, folds, sample_count(samples), noise_in_folds=noise is not None
    )
    check_noise_use(design.metric, noise, None, None)
    if noise is not None:
        check_dof(design)
    against = named_rdms(models, "model")
    beside = {} if nuisance is None else named_rdms(nuisance, "nuisance")
    similarity = make_similarity(against, design.conditions, method, beside)
    inside = mask_of(samples, mask)
    if isinstance(samples, np.ndarray):
        check_array(samples, inside)
    around = (
        inside
        if process_mask is None
        else load_mask(process_mask, inside.grid, name="process_mask", may_resample=False)
    )
    distances = Distances(design.metric, len(design.conditions), len(design.folds))
    _make_ready(distances, similarity, design.n_patterns)
    with open_progress(progress, "searchlight", unit="spheres") as report:
        moments = read_moments(
            samples,
            inside,
            design,
            with_squares=noise is not None,
            n_jobs=n_jobs,
            memory_limit=memory_limit,
            report=_silent,
        )
        patterns, usable = voxel_patterns(moments, design, nan_policy)
        del moments
        spheres = Spheres(inside, usable, around.array, radius)
        room = int(_SHARE * find_budget(memory_limit).headroom_bytes) // n_jobs
        search = _Search(patterns, spheres, distances, similarity, room)
        scores, counts = search.run(n_jobs, report)
    maps = {name: scores[:, i].copy() for i, name in enumerate(against)}
    return RDMSearchlight(maps, counts, around.array, inside.grid)


def _make_ready(distances: Distances, similarity: Similarity, n_patterns: int) -> None:
    """Compile or load what spheres need, before memory is planned: some of it stays."""
    one = np.ones((1, 1, 1), np.bool_)
    mask = Mask("mask", Grid(one.shape, np.eye(4)), one)
    (block,) = Spheres(mask, one.ravel(), one, 1.0).blocks(1, 1)
    shares = distances.of_voxels(np.zeros((1, n_patterns), np.float32))
    distances.of_spheres(shares, block.members, block.starts)
    similarity.scores(np.zeros((1, distances.n_pairs)))


def _silent(done: int, total: int) -> None:
    """Volumes are no spheres."""


@dataclass(frozen=True, eq=False)
class _Found:
    start: int
    scores: Floats
    counts: NDArray[np.int64]


class _Search:
    """All spheres, by threads that take block after block."""

    def __init__(
        self,
        patterns: NDArray[np.float32],
        spheres: Spheres,
        distances: Distances,
        similarity: Similarity,
        room: int,
    ) -> None:
        self._patterns, self._spheres = patterns, spheres
        self._distances, self._similarity = distances, similarity
        # For each voxel of a block.
        self.voxel_bytes = distances.n_shares * 8 + patterns.shape[1] * 4 + 16
        self._blocks: Iterator[SphereBlock] = spheres.blocks(room, self.voxel_bytes)
        self._lock = Lock()

    def run(self, n_jobs: int, report: Report) -> tuple[Floats, NDArray[np.int64]]:
        """Scores (centres, models), and the voxels of each sphere."""
        n = self._spheres.n_centres
        scores = np.empty((n, len(self._similarity.models)))
        counts = np.empty(n, np.int64)
        report(0, n)
        n_done = 0
        work = [self._work() for _ in range(n_jobs)]
        with one_blas_thread(), closing(together(work)) as results:
            for found in results:
                some = slice(found.start, found.start + len(found.scores))
                scores[some], counts[some] = found.scores, found.counts
                n_done += len(found.scores)
                report(n_done, n)
        return scores, counts

    def _work(self) -> Generator[_Found, None, None]:
        while (block := self._next()) is not None:
            yield from self._of_block(block)

    def _next(self) -> SphereBlock | None:
        with self._lock:
            return next(self._blocks, None)

    def _of_block(self, block: SphereBlock) -> Iterator[_Found]:
        shares = self._distances.of_voxels(self._patterns[block.rows])
        step = max(1, _TOGETHER // self._distances.n_shares)
        for first in range(0, len(block.starts) - 1, step):
            starts = block.starts[first : first + step + 1]
            counts = np.diff(starts)
            values = self._distances.of_spheres(shares, block.members, starts)
            scores = np.full((len(counts), len(self._similarity.models)), np.nan)
            solved = np.isfinite(values).all(axis=1)
            if solved.any():
                scores[solved] = self._similarity.scores(values[solved])
            yield _Found(block.start + first, scores, counts)
