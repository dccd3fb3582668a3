"""The classes of the memory-efficient pipeline, by the names that its documentation gives them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from boldstream.core.errors import BoldstreamError, ParameterError
from boldstream.glm.betas import open_betas
from boldstream.io.study import OAKConfig, check_label, find_study
from boldstream.memory.cache import CacheConfig
from boldstream.memory.config import MemoryConfig
from boldstream.streaming.progress import Report
from boldstream.study.inputs import settings_of
from boldstream.study.planning.opening import OpenStudy, open_study, study_of
from boldstream.study.planning.unit import BETAS
from boldstream.study.running.preparing import Prepared, prepare
from boldstream.study.running.result import CacheStatistics, StudyResult
from boldstream.study.running.run import run_study
from boldstream.study.settings.analyses import DecodingSettings, TargetSettings
from boldstream.study.settings.models import StudySettings
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import columns_of, require_voxels
from boldstream.study.steps.volumes import BETAS_FOLDER

ConfigLike: TypeAlias = OAKConfig | StudySettings | str | os.PathLike[str]
Targets: TypeAlias = Mapping[str, str | TargetSettings]

_ANALYSIS = "decoding"
_TARGETS: Targets = {"trial_type": "trial_type"}
_NO_OPTIONS: Mapping[str, Any] = {}


class CachedMVPAPipeline:
    """Betas of trials and decoding of regions, subject by subject; what was done is kept.

    Parameters
    ----------
    config : OAKConfig, StudySettings or path of a study file, optional
        By default the study that ``BOLDSTREAM_STUDY`` names, or the BIDS study
        in the current folder.
    cache_config : CacheConfig, optional
        Where arrays that are read more than once are kept.
    memory_config : MemoryConfig, optional
        By default what suits this machine.
    targets : mapping of str to str, optional
        Columns of events to decode, by name; by default those of the study
        file, or ``trial_type``.
    estimator, cv : str, optional
        As of `boldstream.decoding.decode`; "svc" and "logo" by default.
    permutations : int, optional
        Labellings for p; none by default.
    output_dir : path, optional
        By default ``derivatives/boldstream`` of the study.

    Raises
    ------
    ParameterError
        If it is not known where the subjects are; if a parameter cannot be
        used, or the study file has an analysis that decodes, and says it all.
    """

    def __init__(
        self,
        config: ConfigLike | None = None,
        cache_config: CacheConfig | None = None,
        memory_config: MemoryConfig | None = None,
        *,
        targets: Targets | None = None,
        estimator: str | None = None,
        cv: str | None = None,
        permutations: int | None = None,
        output_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self.config = config
        self.memory_config = _with_cache(memory_config, cache_config)
        output = None if output_dir is None else Path(output_dir).expanduser().absolute()
        options = {"estimator": estimator, "cv": cv, "permutations": permutations}
        self._study = _study(config, output, targets, options)

    def run_analysis(
        self,
        subjects: Sequence[str] | None = None,
        *,
        n_jobs: int = 1,
        progress: bool | Report = False,
    ) -> StudyResult:
        """Decode all regions of some subjects, or of all.

        Parameters
        ----------
        subjects : sequence of str, optional
            ``"sub-001"`` or ``"001"``.
        n_jobs : int
            Workers, each a process; -1 for one for each core.
        progress : bool or callable
            A bar, or a function called with units done and units in all.

        Returns
        -------
        StudyResult
            With ``table``, ``status`` and ``output_dir``.

        Raises
        ------
        ParameterError
            If a subject is not in the study, or none can be used.
        MemoryBudgetError
            If memory does not carry one worker.
        """
        prepared = prepare(self._of(subjects), self.memory_config, n_jobs=n_jobs)
        return run_study(prepared, progress=progress)

    def _of(self, subjects: Sequence[str] | None) -> OpenStudy:
        return self._study if subjects is None else self._study.with_subjects(subjects)


class ParallelMVPAProcessor:
    """`CachedMVPAPipeline`, with several subjects at a time.

    Parameters
    ----------
    config, memory_config, cache_config
        As of `CachedMVPAPipeline`.
    **options
        Its others.
    """

    def __init__(
        self,
        config: ConfigLike | None = None,
        memory_config: MemoryConfig | None = None,
        cache_config: CacheConfig | None = None,
        **options: Any,
    ) -> None:
        self._pipeline = CachedMVPAPipeline(config, cache_config, memory_config, **options)

    def process_subjects_parallel(
        self,
        subjects: Sequence[str] | None = None,
        n_jobs: int = -1,
        *,
        progress: bool | Report = False,
    ) -> StudyResult:
        """Decode all regions of some subjects, or of all, as far as memory lasts at a time.

        Parameters and errors are those of `CachedMVPAPipeline.run_analysis`.
        """
        return self._pipeline.run_analysis(subjects, n_jobs=n_jobs, progress=progress)


@dataclass(frozen=True, eq=False)
class RoiBetas:
    """Betas of a region.

    Attributes
    ----------
    values : ndarray, shape (trials, voxels), float32
    trials : pandas.DataFrame
        A row for each trial.
    """

    values: NDArray[np.float32]
    trials: pd.DataFrame

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)


class CachedProcessor:
    """Steps of a study one by one; what was done is kept. Made by `create_cached_processor`."""

    def __init__(self, study: OpenStudy, memory_config: MemoryConfig) -> None:
        self._study, self._memory = study, memory_config
        self._statistics = CacheStatistics()

    @property
    def cache_statistics(self) -> CacheStatistics:
        """What was there and what was done, of all calls so far."""
        return self._statistics

    def beta_extraction(self, subject_id: str, roi_name: str) -> RoiBetas:
        """Betas of all trials of a subject in a region.

        The betas of the whole brain are estimated once, from one decode of
        each run, and kept; a region is read from them.

        Parameters
        ----------
        subject_id : str
            ``"sub-001"`` or ``"001"``.
        roi_name : str

        Returns
        -------
        RoiBetas

        Raises
        ------
        ParameterError
            If there is no such subject or region.
        BoldstreamError
            What kept the betas from being estimated.
        """
        label = check_label("subject", subject_id)
        study = self._study.with_subjects([label]).with_rois([roi_name])
        prepared = prepare(study, self._memory, n_jobs=1)
        unit = prepared.plan.units[f"sub-{label}/{BETAS}"]
        only = replace(prepared, plan=replace(prepared.plan, units={unit.id: unit}))
        result = run_study(only, executor=None)
        self._count(result.statistics)
        if len(result.failed):
            raise BoldstreamError(f"betas of {label!r} failed: {result.failed['error'].iloc[0]}")
        return _roi_betas(prepared, label, roi_name)

    def _count(self, more: CacheStatistics) -> None:
        sums = {key: getattr(self._statistics, key) + value for key, value in vars(more).items()}
        self._statistics = CacheStatistics(**sums)


def create_cached_processor(
    config: ConfigLike | None = None,
    cache_config: CacheConfig | None = None,
    memory_config: MemoryConfig | None = None,
    *,
    output_dir: str | os.PathLike[str] | None = None,
) -> CachedProcessor:
    """Open a study to work on it step by step.

    Parameters
    ----------
    config, cache_config, memory_config, output_dir
        As of `CachedMVPAPipeline`.
    """
    output = None if output_dir is None else Path(output_dir).expanduser().absolute()
    study = _study(config, output)
    return CachedProcessor(study, _with_cache(memory_config, cache_config))


def _roi_betas(prepared: Prepared, label: str, roi: str) -> RoiBetas:
    results, plan = prepared.results, prepared.plan
    betas = open_betas(results.folder(f"sub-{label}/{BETAS}") / BETAS_FOLDER)
    unit = next(unit for unit in plan.units.values() if unit.step == _ANALYSIS)
    context = Context(unit, results.output, results, plan.root)
    columns = require_voxels(roi, columns_of(context, betas)[roi])
    return RoiBetas(np.asarray(betas.values[:, columns], np.float32), betas.trials)


def _study(
    config: ConfigLike | None,
    output: Path | None,
    targets: Targets | None = None,
    options: Mapping[str, Any] = _NO_OPTIONS,
) -> OpenStudy:
    if isinstance(config, str | os.PathLike):
        study = open_study(config)
        settings, base = study.settings, study.base
    elif isinstance(config, StudySettings):
        settings, base = config, Path.cwd()
    else:
        found = config or find_study()
        settings, base = settings_of(found), found.root
    given = {name: value for name, value in options.items() if value is not None}
    return study_of(_with_decoding(settings, targets, given), base, output)


def _with_decoding(
    settings: StudySettings, targets: Targets | None, options: dict[str, Any]
) -> StudySettings:
    """The same settings with an analysis that decodes; they may have one already."""
    if any(isinstance(one, DecodingSettings) for one in settings.analyses):
        for name, value in {"targets": targets, **options}.items():
            if value is not None:
                raise ParameterError(
                    f"`{name}` must be left out: the study file says how to decode, got {value!r}"
                )
        return settings
    try:
        some = _targets(targets or settings.targets or _TARGETS)
        analysis = DecodingSettings(kind="decoding", name=_ANALYSIS, targets=tuple(some), **options)
        changes = {
            "targets": {**settings.targets, **some},
            "analyses": (*settings.analyses, analysis),
        }
        return StudySettings(**{**dict(settings), **changes})
    except ValidationError as error:
        raise ParameterError("; ".join(map(_said, error.errors()))) from error


def _said(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    return f"`{place}`: {message}" if place else message


def _targets(targets: Targets) -> dict[str, TargetSettings]:
    return {
        name: target if isinstance(target, TargetSettings) else TargetSettings(column=target)
        for name, target in targets.items()
    }


def _with_cache(memory: MemoryConfig | None, cache: CacheConfig | None) -> MemoryConfig:
    """Settings of memory, with the folder of the cache."""
    if memory is not None and not isinstance(memory, MemoryConfig):
        raise ParameterError(f"`memory_config` must be a MemoryConfig, got {memory!r}")
    config = replace(memory) if memory is not None else MemoryConfig.for_system()
    if cache is not None and cache.folder is not None:
        config.MEMMAP_TEMP_DIR = Path(cache.folder)
    return config
