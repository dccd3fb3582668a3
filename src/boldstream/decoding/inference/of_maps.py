"""`OfMaps`: what is asked of whole maps, not of voxels one by one."""

from __future__ import annotations

from dataclasses import dataclass

from boldstream.core.checks import finite_number, number_in
from boldstream.core.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class OfMaps:
    """TFCE and clusters: they need the whole maps of all permutations.

    Attributes
    ----------
    tfce : bool
    forming_threshold, forming_p : float or None
        Neighbours above the threshold are a cluster; or above what this share
        of each voxel's own values exceeds.

    Raises
    ------
    ParameterError
        If both are given, or one is none that can be.

    Examples
    --------
    >>> OfMaps(tfce=True).needed, OfMaps().needed
    (True, False)
    """

    tfce: bool = False
    forming_threshold: float | None = None
    forming_p: float | None = None

    def __post_init__(self) -> None:
        if self.forming_threshold is not None:
            finite_number("forming_threshold", self.forming_threshold)
        if self.forming_p is None:
            return
        number_in("forming_p", self.forming_p, 0, 1, without=[0, 1])
        if self.forming_threshold is not None:
            raise ParameterError("`forming_threshold` and `forming_p` must not be given together")

    @property
    def clusters(self) -> bool:
        """Whether clusters are asked for."""
        return self.forming_threshold is not None or self.forming_p is not None

    @property
    def needed(self) -> bool:
        """Whether anything is asked of whole maps."""
        return self.tfce or self.clusters
