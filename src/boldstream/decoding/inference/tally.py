"""`Tally`: what permutations gave, added up while spheres are scored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.clusters import Forming, tabulate
from boldstream.decoding.inference.map_tests import MapTests
from boldstream.decoding.inference.null_maps import ARRAY, MapsFolder
from boldstream.decoding.inference.p_values import (
    least_equal,
    p_of_counts,
    p_of_fdr,
    p_of_maxima,
)
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.stores import FileMaps, MapsLike, MemoryMaps
from boldstream.decoding.inference.tfce import Enhancement
from boldstream.memory.folders import find_folder
from boldstream.memory.temporary import TemporaryFolder

Floats = NDArray[np.float64]


class Tally:
    """Counts and maxima of permutations, and the maps themselves where they are needed.

    A context manager: leaving it closes and removes what is temporary, and a
    folder for maps that was not finished.

    Parameters
    ----------
    n_spheres, n_permutations : int
    keep_maps : bool
        Whether the maps of all permutations are needed (TFCE, clusters).
    memory_bytes : int
        What they may take of memory; larger ones go to a temporary file.
    folder : MapsFolder, optional
        Keep them there for good.

    Raises
    ------
    StorageError
        If there is no room on the disk for the maps.
    OutputExistsError
        If the folder holds such maps already.

    Examples
    --------
    Two spheres and three permutations:

    >>> import numpy as np
    >>> with Tally(2, 3) as tally:
    ...     tally.put(1, np.array([[0.9, 0.5, 0.6, 0.4]]))
    ...     tally.put(0, np.array([[0.5, 0.5, 0.4, 0.7]]))
    ...     inference = tally.finish(chance=0.5)
    >>> inference.p_uncorrected, inference.p_fwe
    (array([0.75, 0.25]), array([1.  , 0.25]))
    """

    def __init__(
        self,
        n_spheres: int,
        n_permutations: int,
        *,
        keep_maps: bool = False,
        memory_bytes: int = 0,
        folder: MapsFolder | None = None,
    ) -> None:
        self._shape = integer_in("n_permutations", n_permutations, 1), n_spheres
        self._keep_maps, self._memory_bytes, self._folder = keep_maps, memory_bytes, folder
        self._scores = np.full(n_spheres, np.nan)
        self._counts = np.zeros(n_spheres, np.int64)
        self._maxima = np.full(n_permutations, -np.inf)
        self._n_put = 0
        self._lock = Lock()
        self._open = ExitStack()
        self._maps: MemoryMaps | FileMaps | None = None
        self._outputs: Mapping[str, Path] = {}

    def __enter__(self) -> Tally:
        with ExitStack() as opened:
            self._maps = self._open_maps(opened)
            if self._maps is not None:
                opened.callback(self._maps.close)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)

    def _open_maps(self, opened: ExitStack) -> MemoryMaps | FileMaps | None:
        if self._folder is not None:
            self._outputs = opened.enter_context(self._folder.outputs())
            return FileMaps(self._outputs[ARRAY], self._shape)
        if not self._keep_maps:
            return None
        if math.prod(self._shape) * 4 <= self._memory_bytes:
            return MemoryMaps(np.empty(self._shape, np.float32))
        private = TemporaryFolder(find_folder().path)
        opened.callback(private.close)
        return FileMaps(private.path / ARRAY, self._shape)

    def put(self, start: int, means: Floats) -> None:
        """Add spheres; several threads may, in any order, each sphere once.

        Parameters
        ----------
        start : int
            The first of the spheres.
        means : ndarray, shape (spheres, 1 + n_permutations)
            Scores of the labels as given, then permuted. A sphere whose first
            score is NaN counts nowhere; one whose score is NaN for other labels
            counts as if these gave more.
        """
        stop = start + len(means)
        scores, null = means[:, 0], means[:, 1:]
        least = least_equal(scores, np.abs(null).mean(axis=1))
        self._scores[start:stop] = scores
        self._counts[start:stop] = np.count_nonzero(~(null < least[:, None]), axis=1)
        scored = ~np.isnan(scores)
        # The largest is NaN where any is.
        largest = null[scored].max(axis=0, initial=-np.inf)
        largest[np.isnan(largest)] = np.inf
        with self._lock:
            self._n_put += len(means)
            np.maximum(self._maxima, largest, out=self._maxima)
        if self._maps is not None:
            self._maps.put(start, np.ascontiguousarray(null.T, np.float32))

    def finish(
        self,
        *,
        chance: float,
        adjacency: Adjacency | None = None,
        tfce: bool = False,
        forming_threshold: float | Floats | None = None,
        n_jobs: int = 1,
    ) -> Inference:
        """Compute every p, once all spheres were put.

        Parameters
        ----------
        chance : float
            What TFCE takes for 0; NaN where the score has none.
        adjacency : Adjacency, optional
            For TFCE and clusters.
        tfce : bool
            Whether scores above chance are enhanced (E = 0.5, H = 2).
        forming_threshold : float or ndarray, shape (spheres,), optional
            Neighbours with scores above it are a cluster.
        n_jobs : int
            Threads; -1 for all cores.

        Raises
        ------
        ParameterError
            If spheres are missing, or if TFCE or clusters are asked for
            without `adjacency` or without the maps.
        """
        if self._n_put != len(self._scores):
            raise ParameterError(
                f"all {len(self._scores)} spheres must be put before the end, got {self._n_put}"
            )
        if self._maps is not None:
            self._maps.flush()
        if self._folder is not None:
            self._folder.write_beside(self._outputs, self._scores, self._shape, chance)
        p = p_of_counts(self._counts, self._shape[0])
        p[np.isnan(self._scores)] = np.nan
        found = Inference(
            scores=self._scores,
            p_uncorrected=p,
            p_fwe=p_of_maxima(self._scores, self._maxima),
            p_fdr=p_of_fdr(p),
            max_null=self._maxima,
        )
        if not tfce and forming_threshold is None:
            return found
        if adjacency is None or self._maps is None:
            raise ParameterError(
                "TFCE and clusters must have `adjacency`, and the maps of all permutations "
                "(`keep_maps` or `folder`)"
            )
        tests = MapTests(
            Enhancement(adjacency, chance) if tfce else None,
            None if forming_threshold is None else Forming(adjacency, forming_threshold),
        )
        return with_map_tests(found, self._maps, tests, resolve_n_jobs(n_jobs))


def with_map_tests(found: Inference, maps: MapsLike, tests: MapTests, n_jobs: int) -> Inference:
    """Add TFCE and clusters to what voxels gave.

    Parameters
    ----------
    found : Inference
    maps : MapsLike
        Of all permutations.
    tests : MapTests
    n_jobs : int
    """
    scored = ~np.isnan(found.scores)
    # As exact as the maps that they are compared with.
    scores = np.where(scored, found.scores, -np.inf).astype(np.float32)
    tfces, extents, masses = tests.largest_of_all(maps, scored, n_jobs)
    if tests.enhancement is not None:
        enhanced = tests.enhancement(scores)
        p = np.where(scored, p_of_maxima(enhanced, tfces), np.nan)
        found = replace(found, tfce=enhanced, p_tfce_fwe=p)
    if tests.forming is not None:
        clusters = tests.forming.find(scores)
        table, ids = tabulate(clusters, found.scores, extents, masses)
        found = replace(found, clusters=table, cluster_ids=ids)
    return found
