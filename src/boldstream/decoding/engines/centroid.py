"""NearestCentroid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.means import decide_with_means
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.centroid import CENTROID


@dataclass(frozen=True)
class CentroidEngine(Engine):
    """The class whose mean is nearest.

    scikit-learn's ``decision_function`` divides voxels by their SD within
    classes, its ``predict`` does not: what is decided here is what it predicts.

    Parameters
    ----------
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    scaled: bool

    title: ClassVar[str] = "nearest centroid, products with means of classes"
    ranks = False

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        decide_with_means(block, folds, targets, out, kind=CENTROID, scaled=self.scaled)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine for an estimator, as `Recogniser` says."""
    from sklearn.neighbors import NearestCentroid

    if type(estimator) is not NearestCentroid:
        return None
    if estimator.metric != "euclidean":
        return f"metric {estimator.metric!r}"
    if estimator.shrink_threshold is not None:
        return "shrunken centroids"
    # Before scikit-learn 1.6 there were no priors.
    if not _uniform(getattr(estimator, "priors", "uniform"), targets.n_classes):
        return "priors that are not uniform"
    return CentroidEngine(scaled)


def _uniform(priors: Any, n_classes: int) -> bool:
    if isinstance(priors, str):
        return priors == "uniform"
    # An array is what scikit-learn fails on.
    return isinstance(priors, list | tuple) and np.array_equal(priors, [1 / n_classes] * n_classes)
