"""What was found of a study: files of each subject, and problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from boldstream.io.bids.names import natural_order

if TYPE_CHECKING:
    from pandas import DataFrame


# Subjects that a line names.
_LISTED = 20


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


def told(problems: Iterable[Problem]) -> list[str]:
    """Problems in lines, each mistake once with the subjects that it concerns.

    Examples
    --------
    >>> what = "must have a column 'choice'"
    >>> some = [Problem(x, f"sub-{x}_run-{i}_events.tsv", what) for x in ("01", "02") for i in "12"]
    >>> told([*some, Problem("02", "sub-02_bold.nii", "is empty: it holds 0 bytes")])[1]
    'subject 02: sub-02_bold.nii: is empty: it holds 0 bytes'
    >>> print(told(some)[0])
    subjects 01, 02: sub-01_run-1_events.tsv and 3 more files: must have a column 'choice'
    """
    alike: dict[str, list[Problem]] = {}
    for problem in problems:
        alike.setdefault(problem.what, []).append(problem)
    return [_together(same) for same in alike.values()]


def _together(same: list[Problem]) -> str:
    """A line on problems that differ in their subjects and files alone."""
    labels = list(dict.fromkeys(one.subject for one in same))
    paths = list(dict.fromkeys(one.path for one in same))
    left = len(labels) - _LISTED
    who = ", ".join(labels[:_LISTED]) + (f" and {left} more" if left > 0 else "")
    more = len(paths) - 1
    files = f" and {more} more {'file' if more == 1 else 'files'}" if more else ""
    return f"subject{'s' if len(labels) > 1 else ''} {who}: {paths[0]}{files}: {same[0].what}"


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
    conditions : frozenset of str
        All that tables of events name, also those of subjects that cannot be
        used; empty where no contrast asks for them, or one table cannot tell.

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
    conditions: frozenset[str] = frozenset()

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
