"""Keep resampled values within the range of the data, which is known only at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What exceeds the range by this many units in the last place is rounding, not
# interpolation: it is cut off, and no reason to read everything again.
_ROUNDING_UNITS = 16


@dataclass
class ClipRange:
    """The range of the values seen so far, 0 included, and where values were cut off at it.

    nilearn cuts at the range of all volumes. In one pass only that of the
    volumes so far is known; what was cut there stands unless a later volume
    widens the range.
    """

    low: float = 0.0
    high: float = 0.0
    cut_low: float = -math.inf
    cut_high: float = math.inf

    def widen(self, low: float, high: float) -> None:
        """Take in the range of a volume."""
        self.low, self.high = min(self.low, low), max(self.high, high)

    def clip(self, values: NDArray[Any]) -> None:
        """Cut off finite values in place."""
        tolerance = _ROUNDING_UNITS * float(np.finfo(values.dtype).eps)
        least, greatest = float(values.min()), float(values.max())
        if least < self.low:
            np.maximum(values, self.low, out=values)
            if least < self.low - tolerance * abs(self.low):
                self.cut_low = max(self.cut_low, self.low)
        if greatest > self.high:
            np.minimum(values, self.high, out=values)
            if greatest > self.high + tolerance * abs(self.high):
                self.cut_high = min(self.cut_high, self.high)

    @property
    def is_void(self) -> bool:
        """Whether what was cut is known already not to stand."""
        return not self.stands(self)

    def stands(self, final: ClipRange) -> bool:
        """Whether everything was cut at the range that holds for all volumes."""
        return self.cut_low <= final.low and self.cut_high >= final.high
