"""The demo: make a study, find in it what was planted, and compare."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from boldstream.simulate.finding import Findings, find_responses
from boldstream.simulate.study import StudyDesign, make_study, read_truth


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo planted and what it found.

    Attributes
    ----------
    folder : Path
        Where the study is.
    planted : tuple of str
        Names of the regions that respond, by the truth.
    findings : Findings
        What the analysis found without it, with the time and memory it took.
    """

    folder: Path
    planted: tuple[str, ...]
    findings: Findings

    @property
    def found(self) -> tuple[str, ...]:
        """Names of the regions that respond, by the analysis."""
        return self.findings.responding

    @property
    def recovered(self) -> bool:
        """Whether just the planted regions were found: none missed, none made up."""
        return self.found == self.planted

    @property
    def seconds(self) -> float:
        """Time that the passes took together."""
        return sum(done.seconds for done in self.findings.passes)

    @property
    def predicted_peak_bytes(self) -> int:
        """Peak that was predicted for the largest pass."""
        return max(done.predicted_peak_bytes for done in self.findings.passes)

    @property
    def measured_peak_bytes(self) -> int:
        """Peak of the largest pass."""
        return max(done.measured_peak_bytes for done in self.findings.passes)


def run_demo(folder: str | os.PathLike[str], design: StudyDesign | None = None) -> DemoResult:
    """Make a study in a folder, analyse it, and only then look at what was planted.

    Parameters
    ----------
    folder : path
        New or empty.
    design : StudyDesign, optional

    Raises
    ------
    OutputExistsError
        The folder holds something already.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = run_demo(folder, StudyDesign(n_subjects=1, shape=(20, 20, 20)))
    >>> result.recovered
    True
    """
    make_study(folder, design)
    findings = find_responses(folder)
    return DemoResult(Path(folder), read_truth(folder).planted, findings)
