"""`OAKConfig`: where the files of a study are, subject by subject."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from boldstream.core.checks import did_you_mean, positive_number
from boldstream.core.errors import ImageFileError, ParameterError, TableError
from boldstream.io.bids.names import (
    Value,
    entities_of,
    natural_order,
    parse_name,
    run_of,
    value_of,
)
from boldstream.io.bids.templates import check_template, fields_of, match_template

FMRIPREP = Path("derivatives", "fmriprep")

_Found: TypeAlias = tuple[Path, dict[str, str]]
"""A file, and what its name tells: entities, or what stands at names in braces."""

_IMAGE = re.compile(r"_bold\.nii(\.gz)?$")
_EVENTS = re.compile(r"_events\.tsv$")
# The second name is that of fMRIPrep before 20.2.
_CONFOUNDS = re.compile(r"_desc-confounds_(timeseries|regressors)\.tsv$")


@dataclass(frozen=True, kw_only=True)
class OAKConfig:
    """Where a study's images, events, confounds and region masks are.

    Without templates the study is in BIDS layout: images and confounds in
    ``derivatives/fmriprep`` of `root` where that exists, else in `root` like
    the events. Templates are paths below `root` for any other layout;
    ``{subject}`` stands for the subject's label without "sub-", ``{run}`` and
    ``*`` for anything.

    Parameters
    ----------
    root : path
        The study's folder.
    task, space : str, optional
        Which task and space of a BIDS study; needed where it has several.
    image_template, events_template, confounds_template : str, optional
        Such as ``"sub-{subject}/run-{run}.nii.gz"``.
    mask_template : str
        With ``{roi}``, and ``{subject}`` where masks are the subject's own.
    rois : sequence of str, or mapping of str to path
        Names of the regions, or their masks by name, relative to `root`.
    tr : float, optional
        Repetition time in seconds; by default what each image says.

    Raises
    ------
    ParameterError
        If `root` is no folder, or a template leads out of it or holds another
        name in braces.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for run in (1, 2):
    ...         Path(folder, f"001_{run}.nii").touch()
    ...     study = OAKConfig(root=folder, image_template="{subject}_{run}.nii")
    ...     [path.name for path in study.images("sub-001")]
    ['001_1.nii', '001_2.nii']
    """

    root: Path
    task: str | None = None
    space: str | None = None
    image_template: str | None = None
    events_template: str | None = None
    confounds_template: str | None = None
    mask_template: str = "masks/{roi}.nii.gz"
    rois: Sequence[str] | Mapping[str, str | os.PathLike[str]] = field(default=())
    tr: float | None = None

    def __post_init__(self) -> None:
        # Frozen: what was given is settled here, once.
        object.__setattr__(self, "root", Path(self.root).expanduser().absolute())
        if not self.root.is_dir():
            raise ParameterError(f"`root` must be the study's folder, got {self.root}")
        if self.tr is not None:
            positive_number("tr", self.tr, unit="seconds")
        for name in ("image_template", "events_template", "confounds_template"):
            if getattr(self, name) is not None:
                check_template(name, getattr(self, name), needed="subject", optional="run")
        check_template("mask_template", self.mask_template, needed="roi", optional="subject")
        if isinstance(self.rois, str):
            raise ParameterError(f"`rois` must be a list of names, got the text {self.rois!r}")

    def images(self, subject: str) -> tuple[Path, ...]:
        """The runs of a subject, in order.

        Parameters
        ----------
        subject : str
            ``"sub-001"`` or ``"001"``.

        Raises
        ------
        ImageFileError
            If there is none; it says where it looked.
        ParameterError
            If `subject` is no label, or files differ in more than the run.
        """
        return tuple(path for path, _ in self._images(check_label("subject", subject)))

    def _images(self, label: str) -> list[_Found]:
        if self.image_template is not None:
            return _matches(self.root, self.image_template, label, ImageFileError)
        found = self._in_bids(self._derivatives, label, _IMAGE)
        preprocessed = [path for path in found if entities_of(path).get("desc") == "preproc"]
        images = self._of_space(preprocessed or found)
        if not images:
            raise ImageFileError(self._none_found("image", label, self._derivatives))
        _require_one_per_run(images)
        return [(path, entities_of(path)) for path in images]

    def events(self, subject: str) -> tuple[Path, ...]:
        """Tables of events, one for each run; raises `TableError` where one is missing.

        Parameters
        ----------
        subject : str
            ``"sub-001"`` or ``"001"``.
        """
        return self._tables(subject, "events", self.events_template, self.root, _EVENTS)

    def confounds(self, subject: str) -> tuple[Path, ...]:
        """Tables of confounds, one for each run; raises `TableError` where one is missing.

        Parameters
        ----------
        subject : str
            ``"sub-001"`` or ``"001"``.
        """
        folder, template = self._derivatives, self.confounds_template
        return self._tables(subject, "confounds", template, folder, _CONFOUNDS)

    def mask(self, roi: str, subject: str | None = None) -> Path:
        """The mask of a region.

        Parameters
        ----------
        roi : str
            Name of the region.
        subject : str, optional
            ``"sub-001"`` or ``"001"``; needed where each has masks of its own.

        Raises
        ------
        ImageFileError
            If its file is missing.
        ParameterError
            If the study has no such region, or masks are the subject's own
            and no subject is given.
        """
        if self.rois and roi not in self.rois:
            listed = ", ".join(self.rois)
            hint = did_you_mean(roi, self.rois)
            raise ParameterError(f"`roi` must be one of {listed}, got {roi!r}{hint}")
        path = self.root / self._mask_file(roi, subject)
        if not path.is_file():
            raise ImageFileError(f"the mask of {roi!r} does not exist: {path}")
        return path

    def _mask_file(self, roi: str, subject: str | None) -> str | os.PathLike[str]:
        if isinstance(self.rois, Mapping) and roi in self.rois:
            return self.rois[roi]
        values = {"roi": check_label("roi", roi)}
        if "subject" in fields_of(self.mask_template):
            if subject is None:
                raise ParameterError(f"`subject` must be given for the masks {self.mask_template}")
            values["subject"] = check_label("subject", subject)
        return self.mask_template.format(**values)

    @property
    def _derivatives(self) -> Path:
        folder = self.root / FMRIPREP
        return folder if folder.is_dir() else self.root

    def _tables(
        self, subject: str, kind: str, template: str | None, folder: Path, name: re.Pattern[str]
    ) -> tuple[Path, ...]:
        label = check_label("subject", subject)
        images = self._images(label)
        if template is not None:
            tables = _matches(self.root, template, label, TableError)
            if len(tables) != len(images):
                raise TableError(
                    f"{kind} must be one table for each of the {len(images)} runs of subject "
                    f"{label!r}, got {len(tables)} for {template!r} in {self.root}"
                )
            for (image, of_image), (table, of_table) in zip(images, tables, strict=True):
                if not _may_be_one_run(of_image, of_table):
                    raise TableError(
                        f"{kind} must be of the same runs as images, got {table.name} for "
                        f"{image.name}"
                    )
            return tuple(table for table, _ in tables)
        by_run = {_run_of(path): path for path in self._in_bids(folder, label, name)}
        for image, _ in images:
            if _run_of(image) not in by_run:
                raise TableError(f"{folder} holds no table of {kind} for {image.name}")
        return tuple(by_run[_run_of(image)] for image, _ in images)

    def _in_bids(self, folder: Path, label: str, name: re.Pattern[str]) -> list[Path]:
        subject = folder / f"sub-{label}"
        paths = [*subject.glob("func/*"), *subject.glob("ses-*/func/*")]
        return [
            path
            for path in sorted(paths, key=natural_order)
            if name.search(path.name) and self.task in (None, entities_of(path).get("task"))
        ]

    def _of_space(self, images: Iterable[Path]) -> tuple[Path, ...]:
        return tuple(
            path for path in images if self.space in (None, entities_of(path).get("space"))
        )

    def _none_found(self, kind: str, label: str, folder: Path) -> str:
        wanted = {"task": self.task, "space": self.space}
        of = "".join(f" of {key} {value!r}" for key, value in wanted.items() if value)
        where = folder / f"sub-{label}" / "func"
        return f"no {kind}{of} was found for subject {label!r}: looked for *_bold.nii.gz in {where}"


def find_study(environ: Mapping[str, str] = os.environ) -> OAKConfig:
    """The study that is meant where none is named: ``BOLDSTREAM_STUDY``, or the current folder.

    Raises
    ------
    ParameterError
        If the variable is not set and the current folder is no BIDS study.
    """
    if environ.get("BOLDSTREAM_STUDY"):
        return OAKConfig(root=Path(environ["BOLDSTREAM_STUDY"]))
    here = Path.cwd()
    if (here / "dataset_description.json").is_file():
        return OAKConfig(root=here)
    raise ParameterError(
        "`config` must say where the subjects are, got None: give OAKConfig(root=...), set "
        f"BOLDSTREAM_STUDY, or work in a BIDS study's folder (not so: {here})"
    )


def _run_of(path: Path) -> tuple[Value, ...]:
    return run_of(parse_name(path.name)[0])


def _may_be_one_run(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two names tell the same run, or one of them tells none."""
    runs = {value_of("run", name["run"]) for name in (one, other) if "run" in name}
    return len(runs) < 2


def _require_one_per_run(images: Sequence[Path]) -> None:
    tasks = sorted({entities_of(path).get("task", "") for path in images})
    if len(tasks) > 1:
        raise ParameterError(f"`task` must be one of {', '.join(tasks)}, got None")
    runs = defaultdict(list)
    for path in images:
        runs[_run_of(path)].append(path.name)
    for names in runs.values():
        if len(names) > 1:
            raise ParameterError(
                f"`space` or an `image_template` must single out one image of a run, "
                f"got {', '.join(names)}"
            )


def _matches(
    root: Path, template: str, label: str, error: type[ImageFileError] | type[TableError]
) -> list[_Found]:
    found = match_template(root, template, subject=label)
    if not found:
        pattern = root / template.format(subject=label, run="*")
        raise error(f"no file matches {template!r} for subject {label!r}: looked for {pattern}")
    return found


def check_label(name: str, value: Any) -> str:
    """A label without its "sub-", that cannot lead to another folder or match others."""
    text = str(value).removeprefix("sub-") if name == "subject" else str(value)
    if not isinstance(value, str) or not is_label(text):
        raise ParameterError(f"`{name}` must be a label of letters, digits, - and _, got {value!r}")
    return text


def is_label(text: str) -> bool:
    """Whether a text can be the name of a file, and matches no other."""
    return re.fullmatch(r"[^\W_][\w.+-]*", text) is not None
