"""What was found of a study: files of each subject, and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from boldstream.io.bids.names import natural_order

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class RunFiles:
    """Files of one run.

    Attributes
    ----------
    label : str
        Such as "ses-01_run-2"; differs among runs of a subject, and is empty
        where its only run has no label.
    image : Path
    events, confounds : Path or None
        None where the study needs none.
    t_r : float or None
        Repetition time in seconds, where a sidecar or the study file says it.
    """

    label: str
    image: Path
    events: Path | None = None
    confounds: Path | None = None
    t_r: float | None = None


@dataclass(frozen=True)
class SubjectFiles:
    """Files of one subject.

    Attributes
    ----------
    subject : str
        Label without "sub-".
    runs : tuple of RunFiles
        In natural order.
    mask : Path or None
        Brain mask.
    rois : mapping of str to Path
        Mask files of regions; those of an atlas are not among them.
    """

    subject: str
    runs: tuple[RunFiles, ...]
    mask: Path | None = None
    rois: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Why a subject cannot be used.

    Attributes
    ----------
    subject : str
        Label without "sub-".
    path : str
        The file, or where it was looked for.
    what : str
    """

    subject: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class StudyInputs:
    """All subjects of a study.

    Attributes
    ----------
    root : Path
        Folder of the data.
    subjects : mapping of str to SubjectFiles
        Those that can be used.
    problems : tuple of Problem
        Of those that cannot.
    excluded : tuple of str
        Those that the study file leaves out.

    Examples
    --------
    >>> files = SubjectFiles("01", (RunFiles("run-1", Path("bold.nii.gz")),))
    >>> problem = Problem("02", "sub-02_bold.nii.gz", "is empty: it holds 0 bytes")
    >>> inputs = StudyInputs(Path("/data"), {"01": files}, (problem,))
    >>> inputs.table()["included"].tolist(), inputs.usable
    ([True, False], ('01',))
    """

    root: Path
    subjects: Mapping[str, SubjectFiles]
    problems: tuple[Problem, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def usable(self) -> tuple[str, ...]:
        """Labels of subjects that can be used."""
        return tuple(self.subjects)

    def table(self) -> DataFrame:
        """Who is in, and why not: ``subject``, ``included``, ``n_runs`` and ``reason``."""
        from pandas import DataFrame

        reasons: dict[str, list[str]] = {label: [] for label in self.subjects}
        for one in self.problems:
            reasons.setdefault(one.subject, []).append(str(one))
        for label in self.excluded:
            reasons.setdefault(label, []).append("left out by the study file")
        labels = sorted(reasons, key=natural_order)
        return DataFrame(
            {
                "subject": labels,
                "included": [label in self.subjects for label in labels],
                "n_runs": [
                    len(self.subjects[label].runs) if label in self.subjects else 0
                    for label in labels
                ],
                "reason": ["; ".join(reasons[label]) for label in labels],
            }
        )
