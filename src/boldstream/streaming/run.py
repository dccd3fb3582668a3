"""Run a plan: one pass over the volumes, every accumulator fed from it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

from boldstream.io.source import VolumeSource
from boldstream.streaming.plan import share_accumulators
from boldstream.streaming.progress import Report
from boldstream.streaming.reduction import Bound


def run_pass(
    source: VolumeSource, bounds: Sequence[Bound[Any]], block_volumes: int, report: Report
) -> tuple[Any, ...]:
    """Read the source once and return the result of every reduction, in order.

    Results are made only after the source was read to its end and found whole.
    NaN and infinity in the data go into the results without a warning.
    """
    total = source.series.n_volumes
    accumulators = share_accumulators(bounds)
    distinct = list({id(accumulator): accumulator for accumulator in accumulators}.values())
    states = {id(accumulator): accumulator.init(range(total)) for accumulator in distinct}
    report(0, total)
    with closing(source.blocks(block_volumes)) as blocks:
        for block in blocks:
            with np.errstate(invalid="ignore", over="ignore"):
                for accumulator in distinct:
                    accumulator.update(states[id(accumulator)], block)
            report(block.stop, total)
    with np.errstate(invalid="ignore", over="ignore"):
        return tuple(
            bound.finalize(states[id(accumulator)])
            for bound, accumulator in zip(bounds, accumulators, strict=True)
        )
