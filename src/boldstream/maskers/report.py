"""The volume that a masker's report shows: read when a report is asked for, not before.

nilearn decodes the whole image in ``fit`` to keep its middle volume. Here a
volume is kept at once only where that is cheap, and otherwise taken from the
next pass over the same image, or read when the report is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from boldstream.maskers.images import Images
from boldstream.streaming.once import stream_once
from boldstream.streaming.reductions import Volumes


class MiddleVolume:
    """A volume of images, now or later.

    Parameters
    ----------
    images : Images
    index : int
        Which volume.
    """

    def __init__(self, images: Images, index: int) -> None:
        self._images: Images | None = images
        self.index = index
        self._volume: Any = None
        volume = images.volume(index)
        if volume is not None:
            self.supply(images.like(np.array(volume)))

    def is_due_from(self, images: Images) -> bool:
        """Whether a pass over these images could supply it."""
        due = self._images
        return due is not None and images.is_from(due)

    def supply(self, volume: Any) -> None:
        """Keep what was taken on the way, an image."""
        self._images, self._volume = None, volume

    def read(self) -> Any:
        """The volume as an image, read if it was not yet."""
        if self._images is not None:
            (volumes,) = stream_once(self._images.source, [Volumes([self.index])])
            self.supply(self._images.like(volumes[..., 0]))
        return self._volume


def shown(each: Sequence[Images]) -> MiddleVolume | None:
    """What a report shows: the middle volume, or the first of the first where there are many."""
    if not each:
        return None
    middle = 0 if len(each) > 1 or each[0].is_list else each[0].n_volumes // 2
    return MiddleVolume(each[0], middle)


def dimensions(each: Sequence[Images]) -> int:
    """How many dimensions nilearn sees, lists counted as one more."""
    ndim = 3 if each[0].is_single_volume else 4
    return ndim + (len(each) > 1)
