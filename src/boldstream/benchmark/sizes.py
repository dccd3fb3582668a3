"""How large made-up images are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from boldstream.core.budget import parse_bytes
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError

GIB = 1 << 30
_VALUE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How large made-up images are; all others follow from the smallest one of loading.

    Attributes
    ----------
    name : str
    gib : float
        Of the smallest image of the comparison of loading, decoded as
        float32; the others there are twice and four times as large.
    shape : tuple of int
        Of the volumes of all images but those of the searchlight.
    light_shape : tuple of int
        Of those.
    light_volumes : int
    """

    name: str
    gib: float
    shape: tuple[int, int, int] = (61, 73, 61)
    light_shape: tuple[int, int, int] = (40, 64, 64)
    light_volumes: int = 216

    @property
    def n_volumes(self) -> int:
        """Volumes of the image of the other comparisons: 857 at the size of the examples."""
        return max(_FEWEST, round(_EXAMPLE_VOLUMES * self.share))

    @property
    def n_centres(self) -> int:
        """Spheres of the searchlight: 739 at the size of the examples and above."""
        return max(_FEWEST, round(_EXAMPLE_CENTRES * min(1.0, self.share)))

    @property
    def share(self) -> float:
        """Of the size of the examples."""
        return self.gib / SIZES["seed"].gib

    def volumes_of(self, gib: float) -> int:
        """Volumes of an image of so many GiB."""
        return max(_FEWEST, round(gib * GIB / (math.prod(self.shape) * _VALUE_BYTES)))


_EXAMPLE_VOLUMES = 857
_EXAMPLE_CENTRES = 739
_FEWEST = 12
SIZES = {"small": Size("small", 0.12), "medium": Size("medium", 0.6), "seed": Size("seed", 1.2)}


def parse_size(text: str) -> Size:
    """Read the name of a size, or a number of GB (1024³ bytes).

    Raises
    ------
    ParameterError
        If it is neither.

    Examples
    --------
    >>> parse_size("seed").n_volumes, parse_size("0.3").n_volumes, parse_size("300MB").gib
    (857, 214, 0.29296875)
    """
    name = text.strip().lower()
    if name in SIZES:
        return SIZES[name]
    try:
        n_bytes = parse_bytes(f"{name}GB" if re.fullmatch(r"[\d.]+", name) else name, name="size")
    except ParameterError as error:
        raise ParameterError(
            f"`size` must be {', '.join(SIZES)} or a number of GB, got {text!r}"
            f"{did_you_mean(name, SIZES)}"
        ) from error
    return Size(text.strip(), n_bytes / GIB)
