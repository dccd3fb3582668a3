"""Units of one subject: a step for each analysis, with what it reads and depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.study.inputs.found import RunFiles, SubjectFiles
from boldstream.study.planning.unit import Unit
from boldstream.study.settings.analyses import (
    OF_BEHAVIOUR,
    Analysis,
    ContrastsSettings,
    DecodingSettings,
    ExtractionSettings,
    GeometrySettings,
    RdmSearchlightSettings,
    SearchlightSettings,
    TargetSettings,
)
from boldstream.study.settings.models import StudySettings

BETAS, BEHAVIOUR, QUALITY = "betas", "behaviour", "quality"
Parameters = dict[str, Any]
# Of analyses: regions, targets and models stand in a unit as those that it is about.
_NAMED_ELSEWHERE = {"name", "rois", "target", "targets", "models"}


class SubjectPlanner:
    """Makes the units of subjects.

    Parameters
    ----------
    settings : StudySettings
    root : Path
        Folder of the data; paths below it stand in parameters relative to it.
    base : Path
        Folder of the study file, from which its own paths start.
    split : bool
        Whether analyses of regions are a unit for each region.
    """

    def __init__(self, settings: StudySettings, root: Path, base: Path, *, split: bool) -> None:
        self._settings, self._root, self._base, self._split = settings, root, base, split

    def units(self, files: SubjectFiles) -> Iterator[Unit]:
        """Units of a subject, each after those that it needs."""
        settings = self._settings
        if settings.behaviour is not None:
            yield self._behaviour(files)
        if any(isinstance(one, _OF_BETAS) for one in settings.analyses):
            yield self._betas(files)
        for analysis in settings.analyses:
            if isinstance(analysis, ExtractionSettings):
                yield self._extraction(files, analysis)
            elif isinstance(analysis, SearchlightSettings):
                yield self._searchlight(files, analysis)
            elif isinstance(analysis, RdmSearchlightSettings):
                yield self._rdm_searchlight(files, analysis)
            elif isinstance(analysis, ContrastsSettings):
                yield self._contrasts(files, analysis)
            elif isinstance(analysis, DecodingSettings | GeometrySettings):
                yield from self._of_regions(files, analysis)
        # Last: what fails of it keeps nothing else from being done.
        if settings.quality and any(isinstance(one, _OF_IMAGES) for one in settings.analyses):
            yield self._quality(files)

    def _unit(
        self,
        files: SubjectFiles,
        step: str,
        parameters: Parameters,
        inputs: Sequence[Path],
        *,
        name: str = "",
        part: str = "",
        needs: Sequence[str] = (),
    ) -> Unit:
        return Unit(
            step,
            name or step,
            files.subject,
            part,
            parameters,
            tuple(str(path) for path in dict.fromkeys(inputs)),
            tuple(f"sub-{files.subject}/{needed}" for needed in needs),
        )

    def _behaviour(self, files: SubjectFiles) -> Unit:
        behaviour = self._settings.behaviour
        assert behaviour is not None
        parameters = {
            "events": [self._text(_events(run)) for run in files.runs],
            "settings": behaviour.model_dump(mode="json"),
        }
        return self._unit(files, BEHAVIOUR, parameters, [_events(run) for run in files.runs])

    def _betas(self, files: SubjectFiles) -> Unit:
        return self._of_task(files, BETAS, self._settings.betas.model_dump(mode="json"))

    def _contrasts(self, files: SubjectFiles, analysis: ContrastsSettings) -> Unit:
        return self._of_task(files, analysis.kind, _own_settings(analysis), analysis.name)

    def _of_task(
        self, files: SubjectFiles, step: str, settings: Parameters, name: str = ""
    ) -> Unit:
        """A unit that fits a model of events to all runs."""
        parameters = {
            **self._runs(files),
            "events": [self._text(_events(run)) for run in files.runs],
            "mask": self._optional(files.mask),
            "settings": settings,
        }
        inputs = [*_images(files), *(_events(run) for run in files.runs), *self._confounds(files)]
        return self._unit(files, step, parameters, [*inputs, *_given(files.mask)], name=name)

    def _quality(self, files: SubjectFiles) -> Unit:
        has_regions = files.rois or self._settings.rois.atlas is not None
        rois, inputs = self._rois(files, None) if has_regions else ({}, [])
        events = [run.events for run in files.runs if run.events is not None]
        motion = [run.confounds for run in files.runs]
        parameters = {
            **self._runs(files),
            **rois,
            "labels": [run.label for run in files.runs],
            "events": [self._text(path) for path in events] if len(events) == len(motion) else [],
            "motion": [self._optional(path) for path in motion],
            "mask": self._optional(files.mask),
            "settings": self._design(),
        }
        tables = [path for path in motion if path is not None]
        inputs = [*_images(files), *events, *tables, *self._confounds(files), *inputs]
        return self._unit(files, QUALITY, parameters, [*inputs, *_given(files.mask)])

    def _design(self) -> Parameters:
        """How the study models events: that of betas, or of the first contrasts."""
        settings, analyses = self._settings, self._settings.analyses
        has_betas = any(isinstance(one, _OF_BETAS) for one in analyses)
        contrasts = [one for one in analyses if isinstance(one, ContrastsSettings)]
        model = contrasts[0] if contrasts and not has_betas else settings.betas
        return {name: getattr(model, name) for name in ("hrf_model", "drift_model", "high_pass")}

    def _runs(self, files: SubjectFiles) -> Parameters:
        """What each analysis of volumes depends on."""
        confounds, uses = self._settings.confounds, self._uses_confounds
        return {
            "images": [self._text(run.image) for run in files.runs],
            "confounds": [self._optional(run.confounds if uses else None) for run in files.runs],
            "confound_settings": confounds.model_dump(mode="json"),
            "t_r": self._settings.data.t_r or _one_t_r(files),
        }

    @property
    def _uses_confounds(self) -> bool:
        """Whether they are part of models; else tables are there for motion alone."""
        return bool(self._settings.confounds.strategy or self._settings.confounds.columns)

    def _confounds(self, files: SubjectFiles) -> list[Path]:
        """Tables of confounds, and what a strategy reads beside them."""
        if not self._uses_confounds:
            return []
        tables = [run.confounds for run in files.runs if run.confounds is not None]
        if self._settings.confounds.strategy is None:
            return tables
        sidecars = [table.with_suffix(".json") for table in tables]
        return [*tables, *(sidecar for sidecar in sidecars if sidecar.is_file())]

    def _extraction(self, files: SubjectFiles, analysis: ExtractionSettings) -> Unit:
        rois, inputs = self._rois(files, analysis.rois)
        parameters = {
            **self._runs(files),
            **rois,
            "labels": [run.label for run in files.runs],
            "settings": _own_settings(analysis),
        }
        inputs = [*_images(files), *self._confounds(files), *inputs]
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name)

    def _searchlight(self, files: SubjectFiles, analysis: SearchlightSettings) -> Unit:
        centres = analysis.process_mask
        process = None if centres is None else self._own(centres, files.subject)
        targets = self._targets((analysis.target,))
        parameters = {
            "targets": targets,
            "process_mask": self._optional(process),
            "settings": self._with_estimator(analysis),
            "random_state": self._settings.random_state,
        }
        needs = self._needs(targets)
        inputs = _given(process)
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name, needs=needs)

    def _rdm_searchlight(self, files: SubjectFiles, analysis: RdmSearchlightSettings) -> Unit:
        centres = analysis.process_mask
        process = None if centres is None else self._own(centres, files.subject)
        models = {name: self._own(path, files.subject) for name, path in analysis.models.items()}
        targets = self._targets((analysis.target,))
        parameters = {
            "targets": targets,
            "models": {name: self._text(path) for name, path in models.items()},
            "process_mask": self._optional(process),
            "settings": _own_settings(analysis),
        }
        needs, inputs = self._needs(targets), [*models.values(), *_given(process)]
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name, needs=needs)

    def _with_estimator(self, analysis: SearchlightSettings) -> Parameters:
        """Its settings; without an estimator of its own, that which suits its target."""
        settings = _own_settings(analysis)
        is_given = "estimator" in analysis.model_fields_set
        if self._settings.targets[analysis.target].values and not is_given:
            settings["estimator"] = "ridge"
        return settings

    def _of_regions(
        self, files: SubjectFiles, analysis: DecodingSettings | GeometrySettings
    ) -> Iterator[Unit]:
        names = self._targets_of(analysis)
        models = analysis.models if isinstance(analysis, GeometrySettings) else {}
        model_files = {name: self._own(path, files.subject) for name, path in models.items()}
        targets = self._targets(names)
        common = {
            "targets": targets,
            "models": {name: self._text(path) for name, path in model_files.items()},
            "settings": _own_settings(analysis),
            "random_state": self._settings.random_state,
        }
        for part, some in self._parts(analysis.rois, files):
            rois, inputs = self._rois(files, some)
            yield self._unit(
                files,
                analysis.kind,
                {**common, **rois},
                [*inputs, *model_files.values()],
                name=analysis.name,
                part=part,
                needs=self._needs(targets),
            )

    def _parts(
        self, names: tuple[str, ...] | None, files: SubjectFiles
    ) -> list[tuple[str, tuple[str, ...] | None]]:
        atlas = self._settings.rois.atlas
        of_atlas = () if atlas is None else atlas.regions
        if names is None and of_atlas is not None:
            names = (*files.rois, *of_atlas)
        # Regions of an atlas that are not listed are known only once its table is read.
        if not self._split or names is None:
            return [("", names)]
        return [(part_of(name), (name,)) for name in names]

    def _rois(
        self, files: SubjectFiles, names: tuple[str, ...] | None
    ) -> tuple[Parameters, list[Path]]:
        """Masks of regions, and the atlas that has the others."""
        atlas = self._settings.rois.atlas
        if names is not None and atlas is None:
            for name in names:
                _require_known("rois", name, list(files.rois))
        wanted = [name for name in files.rois if names is None or name in names]
        masks = {name: files.rois[name] for name in wanted}
        parameters: Parameters = {
            "rois": {name: self._text(path) for name, path in masks.items()},
            "atlas": None,
            "resample": self._settings.rois.resample,
        }
        inputs = list(masks.values())
        left = None if names is None else [name for name in names if name not in masks]
        if atlas is not None and left != []:
            image, table = self._own(atlas.image, files.subject), atlas.labels
            labels = None if table is None else self._own(table, files.subject)
            regions = left if left is not None else _listed(atlas.regions)
            parameters["atlas"] = {
                "image": self._text(image),
                "labels": self._optional(labels),
                "regions": regions,
            }
            inputs += [image, *_given(labels)]
        if not inputs:
            raise ParameterError("`rois` must name at least one region, got none")
        return parameters, inputs

    def _targets_of(self, analysis: DecodingSettings | GeometrySettings) -> Sequence[str]:
        if isinstance(analysis, GeometrySettings):
            return (analysis.target,)
        names = analysis.targets or tuple(self._settings.targets)
        if not names:
            raise ParameterError(f"`targets` must hold at least one for {analysis.name!r}")
        return names

    def _targets(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: self._settings.targets[name].model_dump(mode="json") for name in names}

    def _needs(self, targets: Mapping[str, Any]) -> list[str]:
        """Betas, and behaviour where a target is a value that its model gives."""
        of_model = any(
            TargetSettings.model_validate(target).column in OF_BEHAVIOUR
            for target in targets.values()
        )
        return [BETAS, *([BEHAVIOUR] if of_model and self._settings.behaviour else [])]

    def _own(self, template: str, subject: str) -> Path:
        return (self._base / template.replace("{subject}", subject)).absolute()

    def _text(self, path: Path) -> str:
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    def _optional(self, path: Path | None) -> str | None:
        return None if path is None else self._text(path)


_OF_BETAS = (DecodingSettings, SearchlightSettings, GeometrySettings, RdmSearchlightSettings)
_OF_IMAGES = (*_OF_BETAS, ExtractionSettings, ContrastsSettings)


def part_of(region: str) -> str:
    """The name of a region as that of a folder: those of an atlas may be any text.

    Examples
    --------
    >>> part_of("vmpfc"), part_of("Frontal Pole, left"), part_of("../V1")
    ('vmpfc', 'Frontal Pole, left', '%2E.%2FV1')
    """
    quoted = quote(region, safe=" ,'()+&")
    return quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted


def _own_settings(analysis: Analysis) -> Parameters:
    """Those of an analysis that are nowhere else in a unit: what others are about is no matter."""
    return analysis.model_dump(mode="json", exclude=_NAMED_ELSEWHERE)


def _events(run: RunFiles) -> Path:
    if run.events is None:
        raise ParameterError(f"{run.image} must have a table of events for betas or behaviour")
    return run.events


def _images(files: SubjectFiles) -> list[Path]:
    return [run.image for run in files.runs]


def _given(path: Path | None) -> list[Path]:
    return [] if path is None else [path]


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _one_t_r(files: SubjectFiles) -> float | None:
    found = {run.t_r for run in files.runs}
    if len(found) > 1:
        listed = ", ".join(map(str, sorted(found, key=str)))
        raise ParameterError(
            f"runs of subject {files.subject!r} must have one repetition time, got {listed}; "
            "give `t_r`"
        )
    return found.pop() if found else None


def _require_known(key: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = did_you_mean(name, known)
        raise ParameterError(f"`{key}` must be of {listed}, got {name!r}{hint}")
