"""GaussianNB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.engines.priors import Priors, log_priors, read_priors
from boldstream.decoding.engines.weights import class_counts, counts_of, rule_out_absent
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.bayes import decide_bayes


@dataclass(frozen=True)
class BayesEngine(Engine):
    """Gaussian naive Bayes: what voxels say, summed over spheres.

    A sphere whose voxels are all constant leaves only the priors.

    Parameters
    ----------
    priors : tuple of float or None
        None for the shares of classes in each fold.
    smoothing : float
        Share of the largest variance in a sphere that is added to all.
    scaled : bool
        Whether voxels are standardised in each fold first.
    """

    priors: Priors
    smoothing: float
    scaled: bool

    title: ClassVar[str] = "Gaussian naive Bayes, sums over voxels"
    # Spheres share voxels, and so the work on them.
    spheres: ClassVar[int] = 2048
    # Voxels are worked on in tiles.
    bytes_per_value: ClassVar[int] = 0

    def decide(
        self, block: Block, folds: Folds, targets: Targets, out: NDArray[np.float32]
    ) -> None:
        sizes = class_counts(targets, counts_of(folds))
        decide_bayes(
            block.values,
            block.members,
            block.starts,
            *folds.arrays,
            targets.labellings,
            targets.n_classes,
            log_priors(self.priors, sizes),
            self.smoothing,
            self.scaled,
            out,
        )
        rule_out_absent(out, sizes, folds)


def recognise(estimator: Any, scaled: bool, targets: Targets) -> Engine | str | None:
    """The engine for an estimator, as `Recogniser` says."""
    from sklearn.naive_bayes import GaussianNB

    if type(estimator) is not GaussianNB:
        return None
    priors = read_priors(estimator.priors, targets)
    if isinstance(priors, str):
        return priors
    return BayesEngine(priors, float(estimator.var_smoothing), scaled)
