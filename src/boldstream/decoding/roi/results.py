"""What decoding of regions gives: tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.inference.p_values import p_of_maxima
from boldstream.decoding.roi.goals import Goal
from boldstream.decoding.roi.regions import Region
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.chance import find_chance
from boldstream.decoding.task.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

Rows = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Decoding:
    """What was decoded from each region.

    Attributes
    ----------
    table : DataFrame
        For each region and target: ``roi, target, score, p, chance,
        n_voxels, n_samples, estimator, scoring, engine``. The score is the mean
        over folds; p is NaN without permutations, and chance, the score of
        guessing, where it is not known of the scorer; the engine says how it
        was solved.
    folds : DataFrame
        ``roi, target, fold, held_out, score, n_test``: held_out are the groups
        that were tested.
    predictions : DataFrame
        For each sample that was tested: ``roi, target, fold, sample, truth,
        predicted, decision``. The sample is its position in what was given;
        the decision (above 0: the second class) is NaN where there is not one.
    confusion : dict of (roi, target) to DataFrame
        Tests of each class (rows) by the class that was predicted (columns);
        not for values.
    permuted : dict of (roi, target) to ndarray, shape (permutations,)
        Scores of permuted labels.
    """

    table: DataFrame
    folds: DataFrame
    predictions: DataFrame
    confusion: Mapping[tuple[str, str], DataFrame]
    permuted: Mapping[tuple[str, str], NDArray[np.float64]]

    def __str__(self) -> str:
        return str(self.table.drop(columns=["estimator", "engine"]).to_string(index=False))


@dataclass(frozen=True, eq=False)
class Found:
    """Scores of one region and target."""

    region: Region
    goal: Goal
    task: Task
    scored: Scored

    @property
    def key(self) -> tuple[str, str]:
        """Names of region and target."""
        return self.region.name, self.goal.name


def make_decoding(found: Sequence[Found]) -> Decoding:
    """All tables."""
    from pandas import DataFrame, concat

    predictions = {one.key: _predictions(one) for one in found}
    return Decoding(
        DataFrame([_summary(one) for one in found]),
        DataFrame([row for one in found for row in _folds(one)]),
        concat(predictions.values(), ignore_index=True),
        {
            one.key: _confusion(predictions[one.key], one.task)
            for one in found
            if one.task.targets.classes is not None
        },
        {one.key: one.scored.means[0, 1:] for one in found if one.task.n_permutations},
    )


def _summary(found: Found) -> dict[str, Any]:
    task, means = found.task, found.scored.means[0]
    p = p_of_maxima(means[:1], means[1:])[0] if task.n_permutations else np.nan
    chance = find_chance(None, task.scoring, task.targets)
    default = "accuracy" if task.targets.n_classes else "r2"
    return {
        **_names(found),
        "score": means[0],
        "p": p,
        "chance": np.nan if chance is None else chance,
        "n_voxels": found.region.n_voxels,
        "n_samples": len(found.goal.kept),
        "estimator": " ".join(repr(task.estimator).split()),
        "scoring": default if task.scoring is None else str(task.scoring),
        "engine": task.told,
    }


def _names(found: Found) -> dict[str, str]:
    return {"roi": found.region.name, "target": found.goal.name}


def _folds(found: Found) -> Rows:
    groups, folds = found.goal.groups, found.task.problem.folds
    return [
        {
            **_names(found),
            "fold": i,
            "held_out": "" if groups is None else ", ".join(map(str, np.unique(groups[test]))),
            "score": score,
            "n_test": len(test),
        }
        for i, (test, score) in enumerate(zip(folds.test, found.scored.folds[0], strict=True), 1)
    ]


def _predictions(found: Found) -> DataFrame:
    from pandas import DataFrame

    targets, folds = found.task.targets, found.task.problem.folds
    _, _, test, _ = folds.arrays
    # Of one type in all tables, which pandas before 3 wants to be put together.
    decisions, decision = found.scored.decisions, np.full(len(test), np.nan, np.float32)
    if decisions is not None and targets.n_classes == 2:
        decision = decisions[0, :, 0]
    truth, predicted = targets.labellings[0][test], found.scored.predicted(targets)[0]
    if targets.classes is not None:
        truth, predicted = targets.classes[truth], targets.classes[predicted]
    return DataFrame(
        {
            **_names(found),
            "fold": np.repeat(np.arange(1, len(folds.test) + 1), [len(t) for t in folds.test]),
            "sample": found.goal.kept[test],
            "truth": truth,
            "predicted": predicted,
            "decision": decision,
        }
    )


def _confusion(predictions: DataFrame, task: Task) -> DataFrame:
    from pandas import DataFrame

    classes = task.targets.classes
    assert classes is not None
    n = len(classes)
    pair = np.searchsorted(classes, predictions["truth"]) * n
    pair += np.searchsorted(classes, predictions["predicted"])
    counts = np.bincount(pair, minlength=n * n).reshape(n, n)
    out = DataFrame(counts, index=classes, columns=classes)
    return out.rename_axis(index="truth", columns="predicted")
