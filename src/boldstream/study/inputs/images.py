"""Images of a subject's runs, and its tables where templates say where they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from boldstream.core.checks import did_you_mean
from boldstream.io.bids import BidsFile, BidsIndex, natural_order, run_of, space_of
from boldstream.io.bids.index import Scope
from boldstream.io.bids.names import Value, value_of
from boldstream.io.bids.templates import match_template
from boldstream.study.settings.data import DataSettings

Tell: TypeAlias = Callable[[Path, str], None]
"""Takes a problem: a path, and what is wrong with it."""

_ENDINGS = (".nii", ".nii.gz")
# Those that differ among a subject's runs of one task.
_OF_LABELS = ("ses", "acq", "ce", "rec", "dir", "run")


@dataclass(frozen=True)
class RunImage:
    """The image of one run, and what the run is called."""

    file: BidsFile
    label: str


class ImageFinder:
    """Finds the runs that a study is about.

    Parameters
    ----------
    data : DataSettings
    root : Path
        Folder of the data.
    index : BidsIndex
    desc : str
        Of the images to take among derivatives.
    """

    def __init__(self, data: DataSettings, root: Path, index: BidsIndex, *, desc: str) -> None:
        self._data, self._root, self._index, self._desc = data, root, index, desc

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Labels of all subjects that there are, in natural order."""
        if self._data.image_template is None:
            return self._index.subjects
        found = match_template(self._root, self._data.image_template)
        return tuple(sorted({fields["subject"] for _, fields in found}, key=natural_order))

    def runs_of(self, subject: str, tell: Tell) -> list[RunImage]:
        """The runs of a subject in natural order; none where a problem was told."""
        if self._data.image_template is not None:
            files = self._by_template(subject, tell)
        else:
            files = self._by_name(subject, tell)
        labels = _labels(files)
        return [RunImage(file, label) for file, label in zip(files, labels, strict=True)]

    def _by_template(self, subject: str, tell: Tell) -> list[BidsFile]:
        template = self._data.image_template
        assert template is not None
        files = tables_of(self._root, template, subject)
        if not files:
            tell(self._root / template.replace("{subject}", subject), "no file matches")
        return self._of_settings(files, ("sessions", "runs"), self._root, tell)

    def _by_name(self, subject: str, tell: Tell) -> list[BidsFile]:
        tree = self._index.trees[0]
        folder = tree.root / f"sub-{subject}"
        for place, why in tree.skipped.items():
            if place.partition("/")[0] == folder.name:
                tell(tree.root / place, why)
        files = self._candidates(subject)
        if not files:
            # With a folder of its own it is no slip of the pen.
            hint = "" if folder.is_dir() else did_you_mean(subject, self.subjects)
            tell(folder, f"no runs: there is no *_bold.nii.gz{hint}")
        files = self._of_settings(files, ("task", "sessions", "runs", "space"), folder, tell)
        return files if _single_out(files, folder, tell) else []

    def _candidates(self, subject: str) -> list[BidsFile]:
        scope: Scope = "raw" if self._index.derived is None else "derivatives"
        found = self._index.find(scope=scope, sub=subject, suffix="bold", extension=_ENDINGS)
        chosen = [file for file in found if file.entities.get("desc") == self._desc]
        return chosen or list(found)

    def _of_settings(
        self, files: list[BidsFile], keys: Collection[str], where: Path, tell: Tell
    ) -> list[BidsFile]:
        """Those that the settings ask for; told is which of them leaves none."""
        for key in keys:
            wanted = getattr(self._data, key)
            if wanted is None or not files:
                continue
            alternatives = [wanted] if isinstance(wanted, str) else wanted
            kept = [file for file in files if any(_FITS[key](file, one) for one in alternatives)]
            if not kept:
                there = sorted({_SAYS[key](file) for file in files} - {""}, key=natural_order)
                hint = did_you_mean(alternatives[0], there)
                asked, listed = ", ".join(alternatives), ", ".join(there) or "none"
                tell(where, f"no runs: `{key}` is {asked}, and there is {listed}{hint}")
            files = kept
        return files


def tables_of(root: Path, template: str, subject: str) -> list[BidsFile]:
    """Files of a subject that a template stands for; what stands at {run} is their run."""
    return [
        _with_run(BidsFile.of(path), fields.get("run", ""))
        for path, fields in match_template(root, template, subject=subject)
    ]


def _with_run(file: BidsFile, run: str) -> BidsFile:
    return replace(file, entities={**file.entities, "run": value_of("run", run)}) if run else file


def _is(entity: str) -> Callable[[BidsFile, str], bool]:
    def fits(file: BidsFile, wanted: str) -> bool:
        return file.entities.get(entity) == value_of(entity, wanted.removeprefix(f"{entity}-"))

    return fits


def _is_space(file: BidsFile, wanted: str) -> bool:
    """Whether an image is in a space such as "MNI152NLin6Asym:res-2"; without res, in any."""
    has = space_of(file.entities).split(":")
    space, *modifiers = wanted.split(":")
    return space == has[0] and set(modifiers) <= set(has[1:])


def _says(entity: str) -> Callable[[BidsFile], str]:
    return lambda file: str(file.entities.get(entity, ""))


def _space_of(file: BidsFile) -> str:
    return space_of(file.entities)


_FITS = {"task": _is("task"), "sessions": _is("ses"), "runs": _is("run"), "space": _is_space}
_SAYS = {"task": _says("task"), "sessions": _says("ses"), "runs": _says("run"), "space": _space_of}


def _single_out(files: Sequence[BidsFile], folder: Path, tell: Tell) -> bool:
    """Whether there is one task and one image for each run; told is what would single them out."""
    tasks = sorted({_SAYS["task"](file) for file in files})
    if len(tasks) > 1:
        tell(folder, f"several tasks: `task` must be one of {', '.join(tasks)}")
        return False
    runs = defaultdict(list)
    for file in files:
        runs[run_of(file.entities)].append(file)
    for alike in runs.values():
        spaces = sorted({_space_of(file) for file in alike})
        if len(spaces) > 1:
            tell(folder, f"several images of a run: `space` must be one of {', '.join(spaces)}")
            return False
        if len(alike) > 1:
            listed = ", ".join(file.path.name for file in alike)
            tell(folder, f"several images of a run, {listed}: give an `image_template`")
            return False
    return True


def _labels(files: Sequence[BidsFile]) -> list[str]:
    """What each run is called, as "ses-01_run-2"; by its place where names do not tell them."""
    labels = [
        "_".join(f"{key}-{file.entities[key]}" for key in _OF_LABELS if key in file.entities)
        for file in files
    ]
    if len(set(labels)) < len(labels):
        return [f"run-{i}" for i in range(1, len(files) + 1)]
    return labels


def pair_by_run(images: Sequence[BidsFile], tables: Sequence[BidsFile]) -> list[BidsFile | None]:
    """The table of each image: by their runs where all have one, else in order if as many."""
    by_run: dict[Value, BidsFile] = {
        file.entities["run"]: file for file in tables if "run" in file.entities
    }
    runs = [image.entities.get("run") for image in images]
    if len(by_run) == len(tables) and None not in runs and len(set(runs)) == len(runs):
        return [by_run.get(run) for run in runs if run is not None]
    return list(tables) if len(tables) == len(images) else [None] * len(images)
