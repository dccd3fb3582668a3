"""`open_executor`: the executor that settings ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from boldstream.study.executors.base import Executor, Work
from boldstream.study.executors.dask import DaskExecutor
from boldstream.study.executors.processes import ProcessExecutor
from boldstream.study.executors.serial import SerialExecutor
from boldstream.study.executors.slurm import SlurmExecutor
from boldstream.study.settings.execution import ExecutionSettings


def open_executor(
    settings: ExecutionSettings,
    work: Work,
    *,
    n_workers: int,
    memory: int,
    log_folder: str | os.PathLike[str],
    preload: Sequence[str] = (),
) -> Executor:
    """Make the executor that settings ask for; it starts when its block is entered.

    Parameters
    ----------
    settings : ExecutionSettings
    work : Work
        A function at the top of a module.
    n_workers : int
        At a time, at most; of no effect in this process or where a dask
        scheduler runs already.
    memory : int
        Bytes of each worker at its peak.
    log_folder : path
        For the logs of SLURM's jobs; on a disk that all nodes share.
    preload : sequence of str
        Modules that local workers have from the start.

    Raises
    ------
    ParameterError
        If settings cannot be used.

    Examples
    --------
    >>> from boldstream.study.executors.base import Outcome
    >>> settings = ExecutionSettings(kind="serial")
    >>> executor = open_executor(settings, Outcome, n_workers=2, memory=0, log_folder="logs")
    >>> type(executor).__name__
    'SerialExecutor'
    """
    if settings.kind == "serial":
        return SerialExecutor(work)
    if settings.kind == "processes":
        return ProcessExecutor(work, n_workers, memory_limit_per_worker=memory, preload=preload)
    if settings.kind == "dask":
        own = None if settings.scheduler else n_workers
        return DaskExecutor(work, settings.scheduler, n_workers=own)
    return SlurmExecutor(work, n_workers, settings.slurm, memory=memory, log_folder=log_folder)
