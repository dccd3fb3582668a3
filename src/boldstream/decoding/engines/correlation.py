"""CorrelationClassifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.means import decide_with_means
from boldstream.decoding.estimators.correlation import CorrelationClassifier
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.centroid import CORRELATION


@dataclass(frozen=True)
class CorrelationEngine(Engine):
    """The class whose mean pattern correlates most with a sample.

    Parameters
    ----------
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    scaled: bool

    title: ClassVar[str] = "correlation with means of classes"

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        decide_with_means(block, folds, targets, out, kind=CORRELATION, scaled=self.scaled)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine for an estimator, as `Recogniser` says."""
    if type(estimator) is not CorrelationClassifier:
        return None
    return CorrelationEngine(scaled)
