"""A study as the options of a command ask for it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from boldstream.memory.config import MemoryConfig, configure_for_cluster
from boldstream.study.planning.memory import memory_config_of
from boldstream.study.planning.opening import OpenStudy, open_study
from boldstream.study.running.preparing import Prepared, prepare


@dataclass(frozen=True)
class StudyOptions:
    """What options change of a study file; None leaves it as it is there."""

    subjects: list[str] | None = None
    rois: list[str] | None = None
    output: Path | None = None
    memory_efficient: bool | None = None
    memmap_threshold: float | None = None
    cache: Path | None = None
    n_jobs: int | None = None
    kind: str | None = None
    auto_configure: bool = False


def prepare_study(path: Path, options: StudyOptions) -> Prepared:
    """Open a study file, plan it, and say how many workers memory carries."""
    study = open_study(path)
    if options.subjects is not None:
        study = study.with_subjects(options.subjects)
    if options.rois is not None:
        study = study.with_rois(options.rois)
    if options.output is not None:
        study = study.in_folder(options.output)
    if options.kind is not None:
        execution = study.settings.execution.model_copy(update={"kind": options.kind})
        settings = study.settings.model_copy(update={"execution": execution})
        study = replace(study, settings=settings)
    return prepare(study, _memory(study, options), n_jobs=options.n_jobs)


def _memory(study: OpenStudy, options: StudyOptions) -> MemoryConfig:
    config = memory_config_of(study.settings.memory)
    if options.auto_configure and "SLURM_MEM_PER_NODE" in os.environ:
        found = configure_for_cluster()
        config.MAX_MEMORY_PER_PROCESS_GB = found.MAX_MEMORY_PER_PROCESS_GB
        config.MEMMAP_THRESHOLD_GB = found.MEMMAP_THRESHOLD_GB
        config.SHARED_MEMORY_PARALLEL = found.SHARED_MEMORY_PARALLEL
    if options.memory_efficient is not None:
        config.USE_MEMMAP = options.memory_efficient
    if options.memmap_threshold is not None:
        config.MEMMAP_THRESHOLD_GB = options.memmap_threshold
    if options.cache is not None:
        config.MEMMAP_TEMP_DIR = options.cache
    return config
