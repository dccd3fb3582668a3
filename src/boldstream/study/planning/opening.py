"""`OpenStudy`: what a study file says, and which files its subjects have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.io.study import check_label
from boldstream.study.inputs import StudyInputs, find_inputs
from boldstream.study.inputs.checking import check_contrasts, check_masks
from boldstream.study.inputs.found import told
from boldstream.study.settings.analyses import GroupSettings
from boldstream.study.settings.models import StudySettings
from boldstream.study.settings.reading import read_study, wrong_text

# Subjects that an error lists.
_LISTED = 20


@dataclass(frozen=True)
class OpenStudy:
    """A study, ready to be planned.

    Attributes
    ----------
    settings : StudySettings
    base : Path
        Folder from which paths of the study file start.
    inputs : StudyInputs
    output : Path
        Folder of the results.
    n_subjects : int
        Of the whole study, also where only some are taken, or can be used.
    is_whole : bool
        Whether it has all subjects and regions. What is tested together is
        left out otherwise: it would take the place of the whole group's.
    by_region : bool
        Whether only some regions are taken: each is a unit then.
    """

    settings: StudySettings
    base: Path
    inputs: StudyInputs
    output: Path
    n_subjects: int
    is_whole: bool = True
    by_region: bool = False

    @property
    def wanted(self) -> StudySettings:
        """The settings, less what needs all subjects where there are some only."""
        if self.is_whole:
            return self.settings
        left = tuple(x for x in self.settings.analyses if not isinstance(x, GroupSettings))
        return self.settings.model_copy(update={"analyses": left})

    def in_folder(self, output: Path) -> OpenStudy:
        """The same study with a folder of its own for results: groups of some subjects, too."""
        place = output.expanduser().absolute()
        is_other = place.resolve() != self.output.resolve()
        # One subject is no group.
        is_whole = self.is_whole or (is_other and len(self.inputs.subjects) > 1)
        return replace(self, output=place, is_whole=is_whole)

    def with_subjects(self, subjects: Sequence[str]) -> OpenStudy:
        """The same study of some subjects only.

        Raises
        ------
        ParameterError
            If one is not in the study, or they are a text.
        """
        _require_list("subjects", subjects)
        labels = [check_label("subject", subject) for subject in subjects]
        known = [*self.inputs.subjects, *(one.subject for one in self.inputs.problems)]
        for label in labels:
            if label not in known:
                hint = did_you_mean(label, known)
                listed = hint or f"; there are {', '.join(known[:_LISTED]) or 'none'}"
                raise ParameterError(f"`subjects` must be in the study, got {label!r}{listed}")
        inputs = replace(
            self.inputs,
            subjects={k: files for k, files in self.inputs.subjects.items() if k in labels},
            problems=tuple(one for one in self.inputs.problems if one.subject in labels),
        )
        return replace(self, inputs=inputs, is_whole=False)

    def with_rois(self, rois: Sequence[str]) -> OpenStudy:
        """The same study with some regions only, in all analyses of regions."""
        _require_list("rois", rois)
        analyses = tuple(
            analysis.model_copy(update={"rois": tuple(rois)})
            if "rois" in type(analysis).model_fields
            else analysis
            for analysis in self.settings.analyses
        )
        settings = self.settings.model_copy(update={"analyses": analyses})
        return replace(self, settings=settings, is_whole=False, by_region=True)


def _require_list(name: str, given: Sequence[str]) -> None:
    # A text is a sequence of letters.
    if isinstance(given, str):
        raise ParameterError(f"`{name}` must be a list, got the text {given!r}")


def open_study(path: str | os.PathLike[str]) -> OpenStudy:
    """Read a study file and look for the files of its subjects.

    Raises
    ------
    ParameterError
        If the study file cannot be read or says what it may not say, or names
        masks that are empty or lie on another grid than the images.
    """
    file = Path(path).absolute()
    return study_of(read_study(file), file.parent, file=file)


def study_of(
    settings: StudySettings, base: Path, output: Path | None = None, *, file: Path | None = None
) -> OpenStudy:
    """Look for the files of a study's subjects.

    Parameters
    ----------
    settings : StudySettings
    base : Path
        Folder from which its paths start.
    output : Path, optional
        In place of that of the settings.
    file : Path, optional
        The study file, whose lines errors name.

    Raises
    ------
    ParameterError
        If masks are empty or lie on another grid than the images.
    """
    inputs, wrong = check_masks(settings, find_inputs(settings, base), base)
    wrong += check_contrasts(settings, inputs)
    if wrong:
        # What keeps all subjects from being used would be the next thing to be told.
        problems = [] if inputs.subjects else told(inputs.problems)
        raise ParameterError("\n".join([wrong_text(wrong, file), *problems]))
    output = output or inputs.root / settings.output
    found = {*inputs.subjects, *(one.subject for one in inputs.problems)}
    return OpenStudy(settings, base, inputs, output, len(found))
