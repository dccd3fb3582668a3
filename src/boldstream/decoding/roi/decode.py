"""`decode`: many regions, many targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from boldstream.core.budget import find_budget, format_bytes
from boldstream.core.errors import MemoryBudgetError, ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.decoding.roi.goals import Goal, read_goals
from boldstream.decoding.roi.model import (
    build_model,
    check_nested,
    check_no_leak,
    check_selected_inside,
    is_selected_outside,
    searches_by_groups,
    selected_outside,
)
from boldstream.decoding.roi.regions import Region, find_regions
from boldstream.decoding.roi.results import Decoding, Found, make_decoding
from boldstream.decoding.solving.fallback import Refit, find_scorer, run_sklearn
from boldstream.decoding.solving.ready import COMPILING, make_ready
from boldstream.decoding.solving.running import run_engine
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.labels import vector_of
from boldstream.decoding.task.names import find_estimator
from boldstream.decoding.task.task import Task, make_task
from boldstream.streaming.progress import Report, open_progress

# For each value of a region: its samples in float64, those of a fold, and what is made of them.
_SKLEARN_BYTES = 40


def decode(
    X: Any,  # noqa: N803 - scikit-learn's name
    y: Any,
    groups: Any = None,
    *,
    rois: Any = None,
    estimator: Any = "svc",
    cv: Any = None,
    scoring: Any = None,
    permutations: int = 0,
    permutation_blocks: Any = None,
    scale: bool = False,
    select: Any = None,
    param_grid: Mapping[str, Any] | None = None,
    allow_leakage: bool = False,
    conditions: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    n_jobs: int = 1,
    memory_limit: str | int | None = None,
    random_state: Any = 0,
    progress: bool | Report = False,
) -> Decoding:
    """Decode targets from regions, with cross-validation.

    Parameters
    ----------
    X : array (samples, voxels), mapping of names to such arrays, image, or betas
        One region, regions by name, or what is read once for all `rois`: an
        image (path, nibabel image, list of runs), a folder that
        `boldstream.trial_betas` wrote, or what it or `open_betas` returned.
        Held as float32.
    y : sequence, shape (samples,), or mapping or DataFrame of several
        Classes, or values for a regressor.
    groups : sequence, shape (samples,), optional
        Such as the run of each sample.
    rois : mask, Labels, list of these, or mapping of names to these, optional
        Paths, images or boolean arrays, where `X` is an image or betas;
        `boldstream.Labels` for each region of an atlas. Without names a file's
        own name without its ending is used, and ``mask_1``, ``mask_2``, ...
        for what has no file.
    estimator : str or scikit-learn estimator, or mapping of targets to these
        Names as `boldstream.decoding.SearchLight` takes them.
    cv : int, splitter, iterable of (train, test), or str, optional
        By default one group is left out, or without groups there are 5 folds,
        stratified for a classifier. As text ``"kfold:4"``, ``"stratified:5"``,
        ``"groupkfold:3"``, ``"logo"``, ``"logo:2"``, ``"loo"``. Positions are
        among the samples that `conditions` leave.
    scoring : str or callable, or mapping of targets to these, optional
        Accuracy or R² by default.
    permutations : int
        Labellings for p.
    permutation_blocks : sequence, shape (samples,), or "auto", optional
        What was labelled as a whole, where single samples were not.
    scale : bool
        Standardise voxels in each fold.
    select : int or float, or transformer, optional
        Take so many voxels, or a share up to 1.0 of them, by their F in each
        fold.
    param_grid : mapping of str to list, optional
        Parameters to choose by a search inside each fold, which leaves out
        one group at a time, or one of 5 folds without groups. Also a mapping
        of targets to these.
    allow_leakage : bool
        Take folds that test what they train on, and voxels that were selected
        before.
    conditions : sequence, optional
        Labels to take; samples of others are left out. Of several targets a
        mapping.
    n_jobs : int
        Threads, or processes where scikit-learn fits; -1 for all cores.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``. Fewer
        regions are worked on at a time where more do not fit.
    random_state : int, Generator, RandomState or None
        Of permutations, and of estimators that are named.
    progress : bool or callable
        A bar, or a function that is called with what is done and what there
        is in all.

    Returns
    -------
    Decoding
        With ``table``, ``folds``, ``predictions`` and ``confusion``.

    Raises
    ------
    ParameterError
        If a parameter cannot be used; if samples of one group stand on both
        sides of a fold, or voxels were selected outside of it, unless
        `allow_leakage`; if a fit fails.
    NonFiniteError
        If there is NaN or infinity in a region.
    GridMismatchError, MaskError, ImageFileError, TableError, MemoryBudgetError

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> runs = np.repeat([1, 2, 3, 4], 10)
    >>> choice = np.tile(["left", "right"], 20)
    >>> vmpfc, v1 = random.normal(size=(2, 40, 30))
    >>> vmpfc[choice == "left"] += 1
    >>> value = vmpfc[:, 0] + random.normal(size=40)
    >>> found = decode(
    ...     {"vmpfc": vmpfc, "v1": v1},
    ...     {"choice": choice, "value": value},
    ...     runs,
    ...     estimator={"choice": "nearest_centroid", "value": "ridge"},
    ... )
    >>> found.table[["roi", "target", "scoring"]].to_numpy().tolist()[1:3]
    [['v1', 'choice', 'accuracy'], ['vmpfc', 'value', 'r2']]
    >>> bool(found.table.score[0] > 0.9), len(found.folds)
    (True, 16)
    """
    jobs = resolve_n_jobs(n_jobs)
    if isinstance(cv, Iterator):
        # It can be gone through once, and each target needs it.
        cv = list(cv)
    regions = find_regions(X, rois, n_jobs=jobs, memory_limit=memory_limit)
    goals = read_goals(
        y,
        groups,
        len(regions[0].values),
        conditions=conditions,
        estimator=estimator,
        scoring=scoring,
        param_grid=param_grid,
    )
    if allow_leakage and is_selected_outside(select):
        regions = [Region(r.name, selected_outside(r.values, select)) for r in regions]
        select = None

    if permutation_blocks is not None and not isinstance(permutation_blocks, str):
        n_samples = len(regions[0].values)
        permutation_blocks = vector_of("permutation_blocks", permutation_blocks, n_samples)
    make = partial(
        _make_task,
        cv=cv,
        scale=scale,
        select=select,
        allow_leakage=allow_leakage,
        permutations=permutations,
        permutation_blocks=permutation_blocks,
        random_state=random_state,
    )
    tasks = _make_tasks(goals, make)
    found: list[Found] = []
    largest = max(region.n_voxels for region in regions)
    with open_progress(progress, "decoding", unit="regions", before=COMPILING) as report:
        for task in tasks:
            if task.engine is not None:
                make_ready(task.engine, task.problem, largest)
        report(0, len(regions) * len(goals))
        for goal, task in zip(goals, tasks, strict=True):
            scored = dict[int, Scored]()
            for i, one in _run(regions, goal, task, jobs, memory_limit):
                scored[i] = one
                report(len(found) + len(scored), len(regions) * len(goals))
            found += [Found(r, goal, task, scored[i]) for i, r in enumerate(regions)]
    return make_decoding(found)


def _make_tasks(goals: Sequence[Goal], make: Callable[[Goal], Task]) -> list[Task]:
    """All tasks, before the first of them is worked on; an error says of which of several."""
    tasks = []
    for goal in goals:
        try:
            tasks.append(make(goal))
        except ParameterError as error:
            if len(goals) == 1:
                raise
            raise ParameterError(f"target {goal.name!r}: {error}") from error
    return tasks


def _make_task(
    goal: Goal,
    *,
    cv: Any,
    scale: bool,
    select: Any,
    allow_leakage: bool,
    permutations: int,
    permutation_blocks: Any,
    random_state: Any,
) -> Task:
    if not allow_leakage:
        check_selected_inside(goal.estimator, select)
    model = build_model(
        find_estimator(goal.estimator, goal.labels, random_state=random_state),
        scale=scale,
        select=select,
        param_grid=goal.param_grid,
        scoring=goal.scoring,
        groups=goal.groups,
    )
    blocks = permutation_blocks
    if isinstance(blocks, np.ndarray):
        blocks = blocks[goal.kept]
    by_group = cv is None and goal.groups is not None
    task = make_task(
        goal.labels,
        goal.groups,
        estimator=model,
        cv="logo" if by_group else cv,
        scoring=goal.scoring,
        permutations=permutations,
        permutation_blocks=blocks,
        random_state=random_state,
    )
    if not allow_leakage:
        check_no_leak(task.problem.folds, goal.groups)
    if goal.param_grid is not None and goal.groups is not None:
        check_nested(task.problem.folds, goal.groups)
    return task


def _run(
    regions: Sequence[Region],
    goal: Goal,
    task: Task,
    n_jobs: int,
    memory_limit: str | int | None,
) -> Iterator[tuple[int, Scored]]:
    """Scores of each region, by its number."""
    n_jobs = _jobs_in_memory(regions, goal, task, n_jobs, memory_limit)
    blocks = ((i, region.block(goal.kept)) for i, region in enumerate(regions))
    if task.engine is not None:
        yield from run_engine(blocks, task.engine, task.problem, keep_decisions=True, n_jobs=n_jobs)
        return
    work = Refit(
        task.estimator,
        find_scorer(task.estimator, task.scoring),
        task.problem.folds,
        task.targets,
        task.groups,
        fit_groups=task.groups is not None and searches_by_groups(task.estimator),
        keep_decisions=True,
        names=tuple(f"the region {region.name!r}" for region in regions),
    )
    yield from run_sklearn(blocks, work, n_jobs=n_jobs)


def _jobs_in_memory(
    regions: Sequence[Region], goal: Goal, task: Task, n_jobs: int, memory_limit: str | int | None
) -> int:
    """How many regions can be worked on at a time; raises `MemoryBudgetError` if none."""
    largest = max(regions, key=lambda region: region.n_voxels)
    each = _SKLEARN_BYTES if task.engine is None else task.engine.bytes_per_value
    needed = (4 + each) * largest.n_voxels * len(goal.kept)
    room = find_budget(memory_limit).headroom_bytes
    if needed > room:
        raise MemoryBudgetError(
            f"the region {largest.name!r} takes {format_bytes(needed)} to be decoded, with "
            f"{largest.n_voxels} voxels × {len(goal.kept)} samples, and {format_bytes(room)} may "
            "be taken; raise `memory_limit`, or take smaller regions"
        )
    return max(1, min(n_jobs, room // max(1, needed)))
