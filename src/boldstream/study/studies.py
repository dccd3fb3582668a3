"""`run_study`: a whole study, from its file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from boldstream.memory.config import MemoryConfig
from boldstream.streaming.progress import Report
from boldstream.study.planning.opening import open_study
from boldstream.study.running import run
from boldstream.study.running.preparing import prepare
from boldstream.study.running.result import StudyResult

__all__ = ["StudyResult", "run_study"]


def run_study(
    path: str | os.PathLike[str],
    *,
    subjects: Sequence[str] | None = None,
    rois: Sequence[str] | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    memory_config: MemoryConfig | None = None,
    n_jobs: int | None = None,
    progress: bool | Report = False,
) -> StudyResult:
    """Do what a study file asks for; what earlier runs did is not done again.

    Parameters
    ----------
    path : path
        The study file.
    subjects, rois : sequence of str, optional
        Only these; all by default.
    output_dir : path, optional
        In place of that of the study file.
    memory_config : MemoryConfig, optional
        In place of that of the study file.
    n_jobs : int, optional
        Workers, in place of that of the study file; -1 for one for each core.
    progress : bool or callable
        A bar, or a function that is called with units done and units in all.

    Returns
    -------
    StudyResult
        With ``table``, ``status`` and ``output_dir``. A subject that fails
        does not stop the others: look at ``failed``.

    Raises
    ------
    ParameterError
        If the study file cannot be used, or no subject.
    MemoryBudgetError
        If memory does not carry one worker.
    StorageError
        If another run works on the same results.
    """
    study = open_study(path)
    if subjects is not None:
        study = study.with_subjects(subjects)
    if rois is not None:
        study = study.with_rois(rois)
    if output_dir is not None:
        study = study.in_folder(Path(output_dir))
    prepared = prepare(study, memory_config, n_jobs=n_jobs)
    return run.run_study(prepared, progress=progress)
