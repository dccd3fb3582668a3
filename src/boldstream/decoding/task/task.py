"""What a user asks to have predicted, read once for all spheres or regions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.randomness import random_numbers
from boldstream.decoding.engines.base import Engine
from boldstream.decoding.permutations.labellings import permute_labels
from boldstream.decoding.solving.fallback import find_scorer
from boldstream.decoding.task.cv import make_folds, whole
from boldstream.decoding.task.labels import encode_targets, vector_of
from boldstream.decoding.task.names import find_engine, find_estimator, is_classifier
from boldstream.decoding.task.problem import Problem, Targets
from boldstream.decoding.task.scorers import find_metric
from boldstream.kernels.decoding.scores import ROC_AUC

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Task:
    """An estimator, what it predicts, and how that is scored.

    Attributes
    ----------
    estimator : scikit-learn estimator
    scoring : str, callable or None
    problem : Problem
    groups : ndarray, shape (samples,), or None
    engine : Engine or None
        None where scikit-learn has to fit.
    told : str
        How it is solved, for the user: an engine, or why there is none.
    """

    estimator: Any
    scoring: Any
    problem: Problem
    groups: NDArray[Any] | None
    engine: Engine | None
    told: str

    @property
    def targets(self) -> Targets:
        return self.problem.targets

    @property
    def n_permutations(self) -> int:
        return len(self.targets.labellings) - 1


def make_task(
    y: Any,
    groups: Any,
    *,
    estimator: Any,
    cv: Any,
    scoring: Any = None,
    permutations: int = 0,
    permutation_blocks: Any = None,
    random_state: Any = 0,
    estimator_args: Mapping[str, Any] | None = None,
) -> Task:
    """Read and check all that does not depend on the data.

    Parameters
    ----------
    y, groups : sequence
        As nilearn takes them.
    estimator, cv, scoring, random_state, estimator_args
        As `find_estimator` and `make_folds` take them.
    permutations : int
    permutation_blocks : sequence or "auto", optional
        As `permute_labels` takes them.

    Raises
    ------
    ParameterError
        If any of them cannot be used, alone or with the others.
    """
    integer_in("permutations", permutations, 0)
    if not isinstance(random_state, np.random.RandomState):
        # Refuses what is none, which an estimator would be blamed for.
        random_numbers(random_state)
    chosen = find_estimator(estimator, y, random_state=random_state, estimator_args=estimator_args)
    splits = getattr(chosen, "nilearn_searchlight_uses_cv", True)
    of_classes = is_classifier(chosen)
    targets = encode_targets(y, classifier=of_classes)
    n = targets.labellings.shape[1]
    runs = None if groups is None else vector_of("groups", groups, n)
    folds, stratified = whole(n), False
    if splits:
        folds, stratified = make_folds(cv, y, groups, n, classifier=of_classes)
    engine = find_engine(chosen, folds, targets, scoring)
    metric = find_metric(scoring, targets.n_classes)
    labellings = permute_labels(
        targets.labellings[0],
        permutations,
        groups=runs,
        permutation_blocks=permutation_blocks,
        folds=folds,
        stratified=stratified,
        every_class_tested=metric == ROC_AUC,
        random_state=random_state,
    )
    if isinstance(engine, str) and splits:
        find_scorer(chosen, scoring)  # refuses what is none, before images are read
    told = f"scikit-learn fits each sphere: {engine}" if isinstance(engine, str) else engine.title
    _logger.info("%s: %s", type(chosen).__name__, told)
    return Task(
        estimator=chosen,
        scoring=scoring,
        problem=Problem(
            folds,
            Targets(labellings, targets.classes, targets.offset),
            -1 if isinstance(metric, str) else metric,
        ),
        groups=runs,
        engine=None if isinstance(engine, str) else engine,
        told=told,
    )
