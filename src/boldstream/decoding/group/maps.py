"""`group_maps`: where the maps of a group are above chance."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from boldstream.core.checks import finite_number, integer_in, one_of
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.decoding.group.flips import make_flips
from boldstream.decoding.group.reading import SubjectMaps, find_adjacency, find_source
from boldstream.decoding.group.result import GroupMaps
from boldstream.decoding.group.running import MapTest, run_group
from boldstream.decoding.group.statistics import Statistic
from boldstream.decoding.group.writing import open_outputs, write_group
from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.p_values import p_of_fdr
from boldstream.decoding.inference.t_statistics import p_of_t
from boldstream.io.masks import Mask, MaskLike
from boldstream.io.translate import expanded
from boldstream.io.volume import path_of
from boldstream.streaming.progress import Report, open_progress


def group_maps(
    maps: SubjectMaps,
    mask: MaskLike | Mask | None = None,
    *,
    chance: float = 0.0,
    permutations: int = 5000,
    statistic: Statistic = "t",
    tfce: bool = False,
    forming_threshold: float | None = None,
    adjacency: Adjacency | None = None,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    random_state: Any = 0,
    progress: bool | Report = False,
) -> GroupMaps:
    """Test where the maps of a group are above chance; memory does not follow their number.

    Each map is read once and kept in a temporary file, of which some voxels of
    all subjects are worked on at a time. All tests are one-sided. Flips take a
    subject's map less chance with the other sign; if there are no more than
    `permutations` patterns of signs, each is taken once, otherwise random ones.

    Parameters
    ----------
    maps : sequence of path, image or ndarray (x, y, z), or ndarray (subjects, voxels)
        A map of each subject, on one grid.
    mask : path, image or ndarray, shape (x, y, z)
        Voxels that are tested; needed for images. Rows of values lie in the
        order of ``data[mask]``.
    chance : float
        What a subject without an effect has in expectation.
    permutations : int
        Sign flips.
    statistic : {"t", "mean"}
        What flips, TFCE and clusters are about: "mean" less chance suits few
        subjects, whose variances are poorly known.
    tfce : bool
        Whether the statistic is enhanced (E = 0.5, H = 2), and tested.
    forming_threshold : float, optional
        Neighbours with a statistic above it are a cluster.
    adjacency : Adjacency, optional
        Which voxels are neighbours; by default those of the mask that share a face.
    output : path, optional
        Folder to write maps to: ``mean``, ``t``, ``p_t``, ``p_fwe`` ...
    overwrite : bool
        Whether files of `output` are replaced.
    n_jobs : int
        Threads; -1 for all cores.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``.
    random_state : int, Generator, RandomState or None
    progress : bool or callable
        A bar, or a function that is called with what is done and what there
        is in all.

    Returns
    -------
    GroupMaps

    Raises
    ------
    NonFiniteError
        If a map has NaN or infinity in the mask; its file is named.
    GridMismatchError, MaskError, ImageFileError
        If a map does not lie on the grid of the mask, or is no single volume.
    ParameterError
        If there are fewer than two maps, or parameters do not fit each other.
    MemoryBudgetError
        If the limit is too low for even one voxel at a time.
    StorageError
        If there is no room on the disk.
    OutputExistsError
        If a file of `output` is there and `overwrite` is False.

    Notes
    -----
    A true accuracy is never below chance. A mean above chance therefore says
    that *some* subjects hold the information there, and not that it is typical
    of the population, as a t-test of activation would say (Allefeld, Görgen
    and Haynes, NeuroImage 2016).

    References
    ----------
    T. E. Nichols and A. P. Holmes, Human Brain Mapping 15, 2002 (flips, the
    maximum). S. M. Smith and T. E. Nichols, NeuroImage 44, 2009 (TFCE).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> maps = rng.normal([0.7, 0.5, 0.5], 0.05, size=(8, 3))
    >>> found = group_maps(maps, chance=0.5)
    >>> found.is_exact, found.p_fwe.round(3)
    (True, array([0.004, ...
    """
    source = find_source(maps, mask)
    test = MapTest(
        make_flips(len(maps), integer_in("permutations", permutations, 1), random_state),
        finite_number("chance", chance),
        one_of("statistic", statistic, ("t", "mean")),
        None,
        OfMaps(tfce=tfce, forming_threshold=forming_threshold),
    )
    if test.of_maps.needed:
        test = replace(test, adjacency=find_adjacency(source, adjacency))
    if output is not None and source.grid is None:
        raise ParameterError("`mask` must be a path or an image where `output` is given")
    threads = resolve_n_jobs(n_jobs)
    writing = open_outputs(
        output,
        tfce=tfce,
        clusters=test.of_maps.clusters,
        overwrite=overwrite,
        inputs=[path for one in maps if (path := path_of(one)) is not None],
    )
    with writing as outputs, open_progress(progress, "group maps", unit="steps") as report:
        mean, t, inference = run_group(
            source, test, n_jobs=threads, memory_limit=memory_limit, report=report
        )
        p_t = p_of_t(t, len(maps))
        found = GroupMaps(
            n_subjects=len(maps),
            chance=test.chance,
            statistic=test.statistic,
            is_exact=test.flips.is_exact,
            mean=mean,
            t=t,
            p_t=p_t,
            p_t_fdr=p_of_fdr(p_t),
            inference=inference,
            mask=None if source.mask is None else source.mask.array,
            grid=source.grid,
            path=None if output is None else expanded(output),
        )
        write_group(found, outputs)
    return found
