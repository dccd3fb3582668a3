"""Paths as they stand in units: those of the data from its folder, so that it may be moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Where paths start.

    Attributes
    ----------
    root : Path
        Folder of the data.
    base : Path
        Folder of the study file.

    Examples
    --------
    >>> paths = Paths(Path("/data"), Path("/study"))
    >>> paths.text(Path("/data/sub-01/bold.nii.gz")), paths.text(Path("/masks/v1.nii.gz"))
    ('sub-01/bold.nii.gz', '/masks/v1.nii.gz')
    """

    root: Path
    base: Path

    def own(self, template: str, subject: str) -> Path:
        """A path of the study file, with the subject's label in its place."""
        return (self.base / template.replace("{subject}", subject)).absolute()

    def text(self, path: Path) -> str:
        """The path in parameters: from the folder of the data, if it lies there."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def optional(self, path: Path | None) -> str | None:
        """The same, or None."""
        return None if path is None else self.text(path)


def given(path: Path | None) -> list[Path]:
    """The path, if there is one."""
    return [] if path is None else [path]
