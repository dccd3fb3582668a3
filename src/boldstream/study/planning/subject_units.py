"""Units of one subject: a step for each analysis, with what it reads and depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from boldstream.core.errors import ParameterError
from boldstream.study.inputs.found import RunFiles, SubjectFiles
from boldstream.study.planning.paths import Paths, given
from boldstream.study.planning.regions import Regions
from boldstream.study.planning.unit import BEHAVIOUR, BETAS, QUALITY, Unit
from boldstream.study.settings.analyses import (
    OF_BEHAVIOUR,
    OF_BETAS,
    OF_IMAGES,
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
        self._settings, self._paths = settings, Paths(root, base)
        self._regions = Regions(settings.rois, self._paths, split=split)

    def units(self, files: SubjectFiles) -> Iterator[Unit]:
        """Units of a subject, each after those that it needs."""
        settings = self._settings
        if settings.behaviour is not None:
            yield self._behaviour(files)
        if any(isinstance(one, OF_BETAS) for one in settings.analyses):
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
        if settings.quality and any(isinstance(one, OF_IMAGES) for one in settings.analyses):
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
            "events": [self._paths.text(_events(run)) for run in files.runs],
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
            "events": [self._paths.text(_events(run)) for run in files.runs],
            "mask": self._paths.optional(files.mask),
            "settings": settings,
        }
        inputs = [*_images(files), *(_events(run) for run in files.runs), *self._confounds(files)]
        return self._unit(files, step, parameters, [*inputs, *given(files.mask)], name=name)

    def _quality(self, files: SubjectFiles) -> Unit:
        has_regions = files.rois or self._settings.rois.atlas is not None
        rois, inputs = self._regions.of(files, None) if has_regions else ({}, [])
        design = self._design()
        found = [run.events for run in files.runs if run.events is not None]
        events = found if design and len(found) == len(files.runs) else []
        motion = [run.confounds for run in files.runs]
        parameters = {
            **self._runs(files),
            **rois,
            "labels": [run.label for run in files.runs],
            "events": [self._paths.text(path) for path in events],
            "motion": [self._paths.optional(path) for path in motion],
            "mask": self._paths.optional(files.mask),
            "settings": design if events else {},
        }
        tables = [path for path in motion if path is not None]
        inputs = [*_images(files), *events, *tables, *self._confounds(files), *inputs]
        return self._unit(files, QUALITY, parameters, [*inputs, *given(files.mask)])

    def _design(self) -> Parameters:
        """How events are modelled: for betas, or the first contrasts; {} if nothing is."""
        analyses = self._settings.analyses
        has_betas = any(isinstance(one, OF_BETAS) for one in analyses)
        contrasts = [one for one in analyses if isinstance(one, ContrastsSettings)]
        models = [*([self._settings.betas] if has_betas else []), *contrasts]
        names = ("hrf_model", "drift_model", "high_pass")
        return {name: getattr(models[0], name) for name in names} if models else {}

    def _runs(self, files: SubjectFiles) -> Parameters:
        """What each analysis of volumes depends on."""
        confounds, uses = self._settings.confounds, self._uses_confounds
        return {
            "images": [self._paths.text(run.image) for run in files.runs],
            "confounds": [
                self._paths.optional(run.confounds if uses else None) for run in files.runs
            ],
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
        rois, inputs = self._regions.of(files, analysis.rois)
        parameters = {
            **self._runs(files),
            **rois,
            "labels": [run.label for run in files.runs],
            "settings": _own_settings(analysis),
        }
        inputs = [*_images(files), *self._confounds(files), *inputs]
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name)

    def _searchlight(self, files: SubjectFiles, analysis: SearchlightSettings) -> Unit:
        process = self._centres(files, analysis)
        targets = self._targets((analysis.target,))
        parameters = {
            "targets": targets,
            "process_mask": self._paths.optional(process),
            "settings": self._with_estimator(analysis),
            "random_state": self._settings.random_state,
        }
        needs = self._needs(targets)
        inputs = given(process)
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name, needs=needs)

    def _rdm_searchlight(self, files: SubjectFiles, analysis: RdmSearchlightSettings) -> Unit:
        process = self._centres(files, analysis)
        models = {
            name: self._paths.own(path, files.subject) for name, path in analysis.models.items()
        }
        targets = self._targets((analysis.target,))
        parameters = {
            "targets": targets,
            "models": {name: self._paths.text(path) for name, path in models.items()},
            "process_mask": self._paths.optional(process),
            "settings": _own_settings(analysis),
        }
        needs, inputs = self._needs(targets), [*models.values(), *given(process)]
        return self._unit(files, analysis.kind, parameters, inputs, name=analysis.name, needs=needs)

    def _centres(
        self, files: SubjectFiles, analysis: SearchlightSettings | RdmSearchlightSettings
    ) -> Path | None:
        mask = analysis.process_mask
        return None if mask is None else self._paths.own(mask, files.subject)

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
        model_files = {name: self._paths.own(path, files.subject) for name, path in models.items()}
        targets = self._targets(names)
        common = {
            "targets": targets,
            "models": {name: self._paths.text(path) for name, path in model_files.items()},
            "settings": _own_settings(analysis),
            "random_state": self._settings.random_state,
        }
        for part, some in self._regions.parts(analysis.rois, files):
            rois, inputs = self._regions.of(files, some)
            yield self._unit(
                files,
                analysis.kind,
                {**common, **rois},
                [*inputs, *model_files.values()],
                name=analysis.name,
                part=part,
                needs=self._needs(targets),
            )

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


def _own_settings(analysis: Analysis) -> Parameters:
    """Those of an analysis that are nowhere else in a unit: what others are about is no matter."""
    return analysis.model_dump(mode="json", exclude=_NAMED_ELSEWHERE)


def _events(run: RunFiles) -> Path:
    if run.events is None:
        raise ParameterError(f"{run.image} must have a table of events for betas or behaviour")
    return run.events


def _images(files: SubjectFiles) -> list[Path]:
    return [run.image for run in files.runs]


def _one_t_r(files: SubjectFiles) -> float | None:
    found = {run.t_r for run in files.runs}
    if len(found) > 1:
        listed = ", ".join(map(str, sorted(found, key=str)))
        raise ParameterError(
            f"runs of subject {files.subject!r} must have one repetition time, got {listed}; "
            "give `t_r`"
        )
    return found.pop() if found else None
