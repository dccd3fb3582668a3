"""What is decided by means of classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boldstream.decoding.engines.base import Block
from boldstream.decoding.engines.weights import class_counts, counts_of, rule_out_absent
from boldstream.decoding.task.problem import Folds, Targets
from boldstream.kernels.decoding.centroid import decide_by_means


def decide_with_means(
    block: Block,
    folds: Folds,
    targets: Targets,
    out: NDArray[np.float32],
    *,
    kind: int,
    scaled: bool,
) -> None:
    """Decide as `Engine.decide`; `kind` is one of `boldstream.kernels.decoding.centroid`.

    The kernel takes for the sum of the last class what those of all others
    leave. Of a rare class float32 would keep few digits so: the largest class
    is put last, if it is larger.
    """
    sizes = class_counts(targets, counts_of(folds))
    order, given = _largest_last(targets), targets.labellings
    moved = bool(order[-1] != targets.n_classes - 1)
    decide_by_means(
        block.values,
        block.members,
        block.starts,
        *folds.arrays,
        order[given].astype(given.dtype) if moved else given,
        np.ascontiguousarray(sizes[..., order]) if moved else sizes,
        kind,
        scaled,
        out,
    )
    if moved and targets.n_columns == 1:
        np.negative(out, out=out)
    elif moved:
        out[...] = out[..., order]
    rule_out_absent(out, sizes, folds)


def _largest_last(targets: Targets) -> NDArray[np.intp]:
    """Classes in their order, but the last and the largest in each other's place."""
    sizes = np.bincount(targets.labellings[0], minlength=targets.n_classes)
    order, last = np.arange(targets.n_classes), targets.n_classes - 1
    if sizes[last] < sizes.max():
        largest = int(sizes.argmax())
        order[[largest, last]] = last, largest
    return order
