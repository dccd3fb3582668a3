"""`Unit`: a piece of work that is done once, whoever does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Steps that others need or look for; a unit of the group has no subject.
BETAS, BEHAVIOUR, QUALITY, GROUP = "betas", "behaviour", "quality", "group"


@dataclass(frozen=True)
class Unit:
    """One step for one subject, or for the group.

    Attributes
    ----------
    step : str
        Which step: "betas", "decoding", ...
    name : str
        Of the results: that of the analysis, or of the step.
    subject : str
        Label without "sub-"; empty for the group.
    part : str
        What of it, where a step is split, such as a region; empty for all.
    parameters : mapping
        All that changes the results, as JSON can hold it.
    inputs : tuple of str
        Absolute paths of the files that are read.
    needs : tuple of str
        Units whose results are read.

    Examples
    --------
    >>> Unit("decoding", "choices", "01", part="vmpfc").id
    'sub-01/choices/vmpfc'
    """

    step: str
    name: str
    subject: str = ""
    part: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name among all units, and the folder of its results below that of the study's."""
        place = f"sub-{self.subject}" if self.subject else GROUP
        return "/".join(part for part in (place, self.name, self.part) if part)
