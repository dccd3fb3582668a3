"""`find_inputs`: the files of a study's subjects, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from boldstream.core.cells import is_no_value
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.bids import (
    BidsFile,
    BidsIndex,
    brain_mask_of,
    confounds_of,
    events_of,
    find_problem,
    natural_order,
    repetition_time_of,
)
from boldstream.io.sidecar import read_json
from boldstream.io.study import FMRIPREP
from boldstream.io.tables import read_table
from boldstream.study.inputs.columns import columns_of_events, missing_columns
from boldstream.study.inputs.found import Problem, RunFiles, StudyInputs, SubjectFiles
from boldstream.study.inputs.images import ImageFinder, RunImage, Tell, pair_by_run, tables_of
from boldstream.study.settings.analyses import (
    ContrastsSettings,
    DecodingSettings,
    GeometrySettings,
    RdmSearchlightSettings,
    SearchlightSettings,
)
from boldstream.study.settings.data import DataSettings
from boldstream.study.settings.models import StudySettings

Find: TypeAlias = Callable[[BidsIndex, BidsFile], BidsFile | None]

_OF_TASK = (
    DecodingSettings,
    SearchlightSettings,
    GeometrySettings,
    RdmSearchlightSettings,
    ContrastsSettings,
)


def find_inputs(settings: StudySettings, base: Path) -> StudyInputs:
    """Find the files of each subject, and what keeps a subject from being analysed.

    Names are looked at, the first bytes of each file that is to be read, and
    the first lines of tables; no image is decoded.

    Parameters
    ----------
    settings : StudySettings
    base : Path
        Folder of the study file, from which its paths start; those of the
        data start at `data.root`.

    Returns
    -------
    StudyInputs

    Raises
    ------
    ParameterError
        If a folder of the study file does not exist or holds no subject, or
        it leaves out a subject that there is not.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = Path(folder, "sub-01", "func", "sub-01_task-rest_bold.nii")
    ...     image.parent.mkdir(parents=True)
    ...     image.touch()
    ...     found = find_inputs(StudySettings(), Path(folder))
    >>> found.problems[0].what
    'is empty: it holds 0 bytes'
    """
    data = settings.data
    root = _folder("data.root", base, data.root)
    index = BidsIndex(root, _derivatives(data, root))
    aroma = settings.confounds.strategy == "ica_aroma"
    images = ImageFinder(data, root, index, desc="smoothAROMAnonaggr" if aroma else "preproc")
    finder = _SubjectFinder(settings, root, base, index, images)
    excluded = _excluded(data, images)
    subjects: dict[str, SubjectFiles] = {}
    problems: list[Problem] = []
    for subject in _labels(data, images, root):
        if subject not in excluded:
            files, wrong = finder.find(subject)
            problems += wrong
            if not wrong:
                subjects[subject] = files
    return StudyInputs(root, subjects, tuple(problems), excluded, finder.conditions)


class _SubjectFinder:
    """Finds the files of one subject after another."""

    def __init__(
        self,
        settings: StudySettings,
        root: Path,
        base: Path,
        index: BidsIndex,
        images: ImageFinder,
    ) -> None:
        self._settings, self._root, self._base = settings, root, base
        self._index, self._images = index, images
        self._data = settings.data
        self._has_task = any(isinstance(one, _OF_TASK) for one in settings.analyses)
        self._needs_events = bool(self._has_task or settings.behaviour or settings.targets)
        self._columns_of_events = columns_of_events(settings)
        self._has_contrasts = any(isinstance(one, ContrastsSettings) for one in settings.analyses)
        self._conditions: set[str] | None = set()
        # Subjects share sidecars and masks: each is looked at once.
        self._read_json = cache(self._read_sidecar)
        self._named_problem = cache(partial(find_problem, roots=(Path("/"),)))

    def find(self, subject: str) -> tuple[SubjectFiles, list[Problem]]:
        """Files of a subject; with a problem they are not all there."""
        problems: list[Problem] = []

        def tell(path: Path, what: str) -> None:
            problems.append(Problem(subject, str(path), what))

        runs = self._images.runs_of(subject, tell)
        for run in runs:
            self._check(run.file.path, tell)
        events = self._events(subject, runs, tell)
        confounds = self._confounds(subject, runs, tell)
        t_rs = self._t_rs(runs, tell)
        files = SubjectFiles(
            subject,
            tuple(
                RunFiles(run.label, run.file.path, events[i], confounds[i], t_rs[i])
                for i, run in enumerate(runs)
            ),
            self._mask(subject, runs, tell),
            self._rois(subject, tell),
        )
        for text in _named_files(self._settings):
            self._named(self._base, text, subject, tell)
        return files, problems

    def _check(self, path: Path, tell: Tell) -> bool:
        problem = self._index.problem(path)
        if problem:
            tell(path, problem)
        return not problem

    def _events(self, subject: str, runs: Sequence[RunImage], tell: Tell) -> list[Path | None]:
        if not self._needs_events:
            return [None] * len(runs)
        template = self._data.events_template
        tables = self._tables(subject, "events", template, runs, tell)
        for table in tables if self._has_contrasts else ():
            self._gather_conditions(table)
        return self._checked(tables, self._columns_of_events, tell)

    @property
    def conditions(self) -> frozenset[str]:
        """Conditions of all subjects so far; none where a table did not tell its own."""
        return frozenset(self._conditions or ())

    def _gather_conditions(self, table: Path | None) -> None:
        """Take the conditions of a table in; what keeps it from being read is told elsewhere."""
        found = None
        if table is not None and not self._index.problem(table):
            with suppress(TableError):
                found = read_table(table).columns.get("trial_type")
        if found is None or self._conditions is None:
            self._conditions = None
        else:
            self._conditions |= {name for name in found if not is_no_value(name)}

    def _confounds(self, subject: str, runs: Sequence[RunImage], tell: Tell) -> list[Path | None]:
        settings = self._settings.confounds
        if settings.strategy is None and not settings.columns:
            return [self._motion(run.file) for run in runs]
        template = self._data.confounds_template
        tables = self._tables(subject, "confounds", template, runs, tell)
        return self._checked(tables, settings.columns, tell)

    def _motion(self, image: BidsFile) -> Path | None:
        """The table that tells motion, where there is one; nothing but quality needs it."""
        if not self._settings.quality:
            return None
        with suppress(ParameterError):
            found = confounds_of(self._index, image)
            if found is not None and not self._index.problem(found.path):
                return found.path
        return None

    def _tables(
        self,
        subject: str,
        kind: str,
        template: str | None,
        runs: Sequence[RunImage],
        tell: Tell,
    ) -> list[Path | None]:
        """Table of each run, by a template or by its name; what is missing is told."""
        images, missing = [run.file for run in runs], f"no table of {kind} for it"
        if template is None:
            find = events_of if kind == "events" else confounds_of
            found = [self._one(find, image, tell, missing) for image in images]
        else:
            found = pair_by_run(images, tables_of(self._root, template, subject))
            for image, table in zip(images, found, strict=True):
                if table is None:
                    tell(image.path, missing)
        return [None if table is None else table.path for table in found]

    def _one(self, find: Find, image: BidsFile, tell: Tell, missing: str = "") -> BidsFile | None:
        """What belongs to an image; told is that there are several, and, if so asked, that none."""
        try:
            found = find(self._index, image)
        except ParameterError as error:
            tell(image.path, str(error))
            return None
        if found is None and missing:
            tell(image.path, missing)
        return found

    def _checked(
        self, tables: list[Path | None], columns: Sequence[str], tell: Tell
    ) -> list[Path | None]:
        for table in tables:
            if table is not None and self._check(table, tell):
                for what in missing_columns(table, columns):
                    tell(table, what)
        return tables

    def _read_sidecar(self, path: Path) -> dict[str, Any]:
        problem = self._index.problem(path)
        if problem:
            raise TableError(f"{path} {problem}")
        return read_json(path)

    def _t_rs(self, runs: Sequence[RunImage], tell: Tell) -> list[float | None]:
        found = [self._t_r(run, tell) for run in runs]
        if len(set(found)) > 1 and self._settings.analyses:
            listed = ", ".join("none" if t_r is None else f"{t_r:g} s" for t_r in found)
            tell(
                runs[0].file.path.parent,
                f"runs must have one repetition time, got {listed}; give `data.t_r`",
            )
        return found

    def _t_r(self, run: RunImage, tell: Tell) -> float | None:
        if self._data.t_r is not None:
            return self._data.t_r
        try:
            return repetition_time_of(self._index, run.file, read=self._read_json)
        except TableError as error:
            tell(run.file.path, str(error))
            return None

    def _mask(self, subject: str, runs: Sequence[RunImage], tell: Tell) -> Path | None:
        if self._data.mask is not None:
            return self._named(self._root, self._data.mask, subject, tell)
        if not self._has_task or not runs:
            return None
        found = self._one(brain_mask_of, runs[0].file, tell)
        if found is None:
            return None
        self._check(found.path, tell)
        return found.path

    def _rois(self, subject: str, tell: Tell) -> dict[str, Path]:
        masks = self._settings.rois.masks
        return {name: self._named(self._base, text, subject, tell) for name, text in masks.items()}

    def _named(self, folder: Path, text: str, subject: str, tell: Tell) -> Path:
        """A file that the study file names; it may be a link to anywhere, unless by a template."""
        path = folder / text.replace("{subject}", subject)
        if path == folder / text:
            problem = self._named_problem(path)
        else:
            problem = find_problem(path, (self._root, folder))
        if problem:
            tell(path, problem)
        return path


def _named_files(settings: StudySettings) -> list[str]:
    """Files that a study file names beside masks of regions and of the brain."""
    atlas = settings.rois.atlas
    named = [] if atlas is None else [atlas.image, atlas.names]
    for analysis in settings.analyses:
        if isinstance(analysis, SearchlightSettings | RdmSearchlightSettings):
            named.append(analysis.process_mask)
        if isinstance(analysis, GeometrySettings | RdmSearchlightSettings):
            named += analysis.models.values()
    return [text for text in dict.fromkeys(named) if text is not None]


def _folder(key: str, base: Path, given: Path) -> Path:
    path = (base / given.expanduser()).absolute()
    # Without ".." as far as there is one: the path stands in tables and manifests.
    path = path.resolve() if ".." in path.parts else path
    if not path.is_dir():
        raise ParameterError(f"`{key}` must be a folder, got {path}, which does not exist")
    return path


def _derivatives(data: DataSettings, root: Path) -> Path | None:
    if data.derivatives is not None:
        return _folder("data.derivatives", root, data.derivatives)
    folder = root / FMRIPREP
    return folder if folder.is_dir() else None


def _labels(data: DataSettings, images: ImageFinder, root: Path) -> list[str]:
    """Subjects that are asked for, those left out included."""
    if data.subjects is None:
        labels = list(images.subjects)
    else:
        labels = [label.removeprefix("sub-") for label in data.subjects]
    if not labels:
        wanted = data.image_template or "sub-*"
        raise ParameterError(f"`data.root` must hold subjects, got {root} without any {wanted}")
    return sorted(dict.fromkeys(labels), key=natural_order)


def _excluded(data: DataSettings, images: ImageFinder) -> tuple[str, ...]:
    known = images.subjects
    labels = tuple(label.removeprefix("sub-") for label in data.exclude)
    for label in labels:
        if label not in known:
            hint = did_you_mean(label, known)
            raise ParameterError(
                f"`data.exclude` must be subjects of the data, got {label!r}{hint}"
            )
    return labels
