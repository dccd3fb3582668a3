"""Masks and the atlas that a study file names, beside the headers of images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TypeAlias

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import BoldstreamError
from boldstream.core.grid import Grid
from boldstream.io.masks import load_mask
from boldstream.io.opening import open_image
from boldstream.study.inputs.found import Problem, StudyInputs, SubjectFiles
from boldstream.study.settings.agreeing import Place, Wrong
from boldstream.study.settings.analyses import (
    OF_BETAS,
    OF_IMAGES,
    OF_SPHERES,
    ContrastsSettings,
    DecodingSettings,
    ExtractionSettings,
    GeometrySettings,
)
from boldstream.study.settings.models import StudySettings

Grids: TypeAlias = dict[str, tuple[Path, Grid]]
"""Of subjects, by label: the first image, and its grid."""

_OF_REGIONS = (ExtractionSettings, DecodingSettings, GeometrySettings)
_NAMES = re.compile(r"`([^`]*)`|\b([^\W\d]\w*)")
# Regressors of every model, and names of conditions that a table may write in several ways.
_OTHERS = re.compile(r"drift_\d+$|constant$|[\d.]+$")
# Which of fMRIPrep's a strategy gives is known when its tables are read.
_OF_STRATEGIES = re.compile(r"trans_|rot_|csf|white_matter|global_signal|cosine|[acw]_comp_cor")
_RESAMPLE = "; `rois.resample: true` brings it there (nearest neighbour)"


@dataclass(frozen=True)
class _Named:
    """A mask or atlas, and what is asked of it.

    Attributes
    ----------
    place : tuple
        In the study file.
    paths : mapping of str to Path
        Of subjects, by label.
    is_shared : bool
        Whether all subjects have the same.
    is_mask : bool
        Rather than an atlas.
    is_on_grid : bool
        Whether it must lie on the grid of the images.
    hint : str
        What else to do about another grid.
    """

    place: Place
    paths: Mapping[str, Path]
    is_shared: bool
    is_mask: bool = True
    is_on_grid: bool = False
    hint: str = ""


def check_masks(
    settings: StudySettings, inputs: StudyInputs, base: Path
) -> tuple[StudyInputs, list[Wrong]]:
    """Say which masks are empty, or lie on another grid than images, before anything is done.

    Reads the header of each subject's first image, those of masks, and masks
    that all subjects share.

    Parameters
    ----------
    settings : StudySettings
    inputs : StudyInputs
    base : Path
        Folder of the study file.

    Returns
    -------
    inputs : StudyInputs
        Less the subjects whose own files do not go together, which are
        problems of theirs.
    wrong : list of (place, message)
        What is wrong for all subjects, and so with the study file.
    """
    named = list(_named(settings, inputs, base))
    if not named:
        return inputs, []
    wrong = [(one.place, text) for one in named for text in _unless_mask(one)]
    told = {place for place, _ in wrong}
    asked = [one for one in named if one.is_on_grid and one.place not in told]
    grids, problems = _grids(inputs.subjects.values() if asked else ())
    grid_of = cache(_grid_of)
    for one in asked:
        apart = [
            Problem(label, str(one.paths[label]), text)
            for label, (image, grid) in grids.items()
            for text in _unless_on(one, image, grid, grid_of(one.paths[label]))
        ]
        if len(apart) == len(grids) > 0:
            wrong.append((one.place, f"{apart[0].what}: {apart[0].path}"))
        else:
            problems += apart
    return _without(inputs, problems), wrong


def _named(settings: StudySettings, inputs: StudyInputs, base: Path) -> Iterator[_Named]:
    """What analyses of images need."""
    subjects, analyses = inputs.subjects, settings.analyses

    def own(text: str) -> dict[str, Path]:
        return {label: base / text.replace("{subject}", label) for label in subjects}

    mask = settings.data.mask
    if mask is not None and any(isinstance(x, (*OF_BETAS, ContrastsSettings)) for x in analyses):
        paths = {label: files.mask for label, files in subjects.items() if files.mask is not None}
        is_on_grid = any(isinstance(x, OF_BETAS) for x in analyses)
        yield _Named(("data", "mask"), paths, _is_shared(mask), is_on_grid=is_on_grid)
    for i, analysis in enumerate(analyses):
        if isinstance(analysis, OF_SPHERES) and analysis.process_mask is not None:
            text = analysis.process_mask
            yield _Named(("analyses", i, "process_mask"), own(text), _is_shared(text))
    yield from _regions(settings, subjects, own)


def _regions(
    settings: StudySettings,
    subjects: Mapping[str, SubjectFiles],
    own: Callable[[str], dict[str, Path]],
) -> Iterator[_Named]:
    rois, taken, on_grid = settings.rois, _taken(settings), not settings.rois.resample
    for name, text in rois.masks.items():
        if taken is None or name in taken:
            place = ("rois", "masks", name)
            paths = {label: files.rois[name] for label, files in subjects.items()}
            yield _Named(place, paths, _is_shared(text), is_on_grid=on_grid, hint=_RESAMPLE)
    if rois.atlas is not None and (taken is None or taken - rois.masks.keys()):
        text, place = rois.atlas.image, ("rois", "atlas", "image")
        shared = _is_shared(text)
        yield _Named(place, own(text), shared, is_mask=False, is_on_grid=on_grid, hint=_RESAMPLE)


def _is_shared(text: str) -> bool:
    return "{subject}" not in text


def _taken(settings: StudySettings) -> set[str] | None:
    """Names of regions that are taken, of masks or an atlas; None for all."""
    # How much of them has data is told of all.
    if settings.quality and any(isinstance(x, OF_IMAGES) for x in settings.analyses):
        return None
    taken: set[str] = set()
    for analysis in settings.analyses:
        if isinstance(analysis, _OF_REGIONS):
            if analysis.rois is None:
                return None
            taken |= set(analysis.rois)
    return taken


def _unless_mask(one: _Named) -> Iterator[str]:
    """What is wrong with a mask that all subjects share."""
    if not (one.is_mask and one.is_shared and one.paths):
        return
    path = str(next(iter(one.paths.values())))
    try:
        load_mask(path, name=path)
    except BoldstreamError as error:
        yield f"must be a mask that has voxels: {error}"


def _grids(subjects: Iterable[SubjectFiles]) -> tuple[Grids, list[Problem]]:
    """Grids of subjects' first images, and what keeps these from being read."""
    grids: Grids = {}
    problems: list[Problem] = []
    for files in subjects:
        image = files.runs[0].image
        found = _grid_of(image)
        if isinstance(found, Grid):
            grids[files.subject] = image, found
        else:
            problems.append(Problem(files.subject, str(image), found))
    return grids, problems


def _grid_of(path: Path) -> Grid | str:
    """The grid of an image, or why its header cannot be read."""
    try:
        return open_image(path).series.grid
    except BoldstreamError as error:
        return str(error).removeprefix(f"{path} ")


def _unless_on(one: _Named, image: Path, wanted: Grid, found: Grid | str) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif not found.same_as(wanted):
        yield (
            f"must lie on the grid of the images, {wanted} in {image.name}, got {found}{one.hint}"
        )


def _without(inputs: StudyInputs, problems: list[Problem]) -> StudyInputs:
    if not problems:
        return inputs
    unusable = {one.subject for one in problems}
    left = {label: x for label, x in inputs.subjects.items() if label not in unusable}
    return replace(inputs, subjects=left, problems=(*inputs.problems, *problems))


def check_contrasts(settings: StudySettings, inputs: StudyInputs) -> list[Wrong]:
    """Say which contrasts name what is a condition of no subject, and so wrong in the study file.

    Parameters
    ----------
    settings : StudySettings
    inputs : StudyInputs
        Where its conditions are not known, nothing is said.
    """
    return [
        (("analyses", i, "contrasts", name), text)
        for i, analysis in enumerate(settings.analyses)
        if isinstance(analysis, ContrastsSettings) and inputs.conditions
        for name, expression in analysis.contrasts.items()
        for text in _unless_conditions(expression, inputs, settings)
    ]


def _unless_conditions(
    expression: str, inputs: StudyInputs, settings: StudySettings
) -> Iterator[str]:
    conditions, confounds = inputs.conditions, settings.confounds
    if expression in conditions:
        return

    def is_known(name: str) -> bool:
        # Derivatives and delays of a condition begin with its name.
        of_events = any(name == one or name.startswith(f"{one}_") for one in conditions)
        of_table = any(fnmatchcase(name, one) for one in confounds.columns)
        of_strategy = confounds.strategy is not None and _OF_STRATEGIES.match(name)
        return bool(of_events or of_table or of_strategy or _OTHERS.match(name))

    for quoted, plain in _NAMES.findall(expression):
        name = quoted or plain
        if not is_known(name):
            hint = did_you_mean(name, conditions) or f"; there are {', '.join(sorted(conditions))}"
            yield f"must name conditions of the events, got {name!r}{hint}"
