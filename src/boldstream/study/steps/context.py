"""What a step is given: its unit, where results go, and where those of others are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boldstream.core.errors import ParameterError
from boldstream.study.planning.unit import GROUP, Unit
from boldstream.study.records.results import Results
from boldstream.study.settings.analyses import alphanumeric


@dataclass(frozen=True)
class Context:
    """All that a step may look at.

    Attributes
    ----------
    unit : Unit
    folder : Path
        To write results to; exists and is empty.
    results : Results
        Of the units that it needs.
    root : Path
        Folder of the data, from which paths in parameters start.
    memory_limit : int or None
        Bytes that the process may hold at its peak.
    mapped_above : int
        Bytes from which on betas stay in their file; below 0 they never do.
    """

    unit: Unit
    folder: Path
    results: Results
    root: Path
    memory_limit: int | None = None
    mapped_above: int = 0

    @property
    def parameters(self) -> Any:
        """Those of the unit."""
        return self.unit.parameters

    @property
    def settings(self) -> Any:
        """The part of the study file that the unit is about, as JSON."""
        return self.unit.parameters["settings"]

    def path(self, text: str) -> Path:
        """A path of the parameters."""
        return self.root / text

    def paths(self, texts: list[str]) -> list[str]:
        """Paths of the parameters, as text."""
        return [str(self.path(text)) for text in texts]

    def needed(self, name: str) -> Path:
        """Folder of the results of a unit of the same subject.

        Raises
        ------
        ParameterError
            If the unit does not need it.
        """
        unit_id = f"sub-{self.unit.subject}/{name}"
        if unit_id not in self.unit.needs:
            raise ParameterError(f"{self.unit.id} does not need {unit_id}")
        return self.results.folder(unit_id)

    def file(self, suffix: str) -> Path:
        """A file to write, named as BIDS names derivatives."""
        place = f"sub-{self.unit.subject}" if self.unit.subject else GROUP
        part = f"_roi-{alphanumeric(self.unit.part)}" if self.unit.part else ""
        return self.folder / f"{place}_desc-{alphanumeric(self.unit.name)}{part}_{suffix}"
