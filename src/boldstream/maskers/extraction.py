"""What maskers take of one pass, and the pass that serves several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boldstream.maskers.images import Images
from boldstream.maskers.report import MiddleVolume
from boldstream.streaming.once import stream_once
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import Volumes

if TYPE_CHECKING:
    from boldstream.maskers.streamed import Streamed


@dataclass(frozen=True)
class Extraction:
    """What a masker wants of a pass, and what it makes of the outcome.

    Attributes
    ----------
    reduction : Reduction
        Prepared (resampled, smoothed) as the masker asks.
    signals : callable
        Makes the signals (volumes, columns) of what the reduction gives.
    missing : sequence of int
        Columns to add as NaN to the cleaned signals, by their final positions.
    """

    reduction: Reduction
    signals: Callable[[Any], NDArray[Any]]
    missing: Sequence[int] = ()


@dataclass(frozen=True)
class Extracted:
    """Signals before cleaning, and the columns that are to be added as NaN."""

    signals: NDArray[Any]
    missing: Sequence[int] = ()

    def completed(self, cleaned: NDArray[Any]) -> NDArray[Any]:
        """The cleaned signals with the missing columns at their places."""
        if not len(self.missing):
            return cleaned
        n = cleaned.shape[1] + len(self.missing)
        out = np.full((len(cleaned), n), np.nan, cleaned.dtype)
        out[:, np.setdiff1d(np.arange(n), self.missing)] = cleaned
        return out


def extract_together(
    maskers: Sequence[Streamed],
    images: Images,
    *,
    confounds: Any,
    memory_limit: Any = None,
    progress: Any = False,
) -> list[Extracted]:
    """Read images once for all maskers; the signals are cleaned elsewhere."""
    for masker in maskers:
        masker._tell_of(images)
    extractions = [masker._extraction(images) for masker in maskers]
    reductions = [
        masker._planned(extraction.reduction, confounds)
        for masker, extraction in zip(maskers, extractions, strict=True)
    ]
    waiting = [middle for masker in maskers if (middle := _due(masker, images)) is not None]
    reductions += [Volumes([middle.index]) for middle in waiting]
    results = stream_once(images.source, reductions, memory_limit=memory_limit, progress=progress)
    for middle, volumes in zip(waiting, results[len(maskers) :], strict=True):
        middle.supply(images.like(volumes[..., 0]))
    return [
        Extracted(extraction.signals(result), extraction.missing)
        for extraction, result in zip(extractions, results[: len(maskers)], strict=True)
    ]


def _due(masker: Streamed, images: Images) -> MiddleVolume | None:
    """The volume that a masker's report still wants, if these images hold it."""
    middle: MiddleVolume | None = getattr(masker, "_middle", None)
    return middle if middle is not None and middle.is_due_from(images) else None
