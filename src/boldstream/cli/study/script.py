"""The sbatch file of a study, of the size that its plan predicts."""

from __future__ import annotations

from pathlib import Path

from boldstream.core.jobs import resolve_n_jobs
from boldstream.io.writing import Outputs
from boldstream.study.executors.slurm_script import slurm_script
from boldstream.study.planning.memory import memory_config_of, node_bytes
from boldstream.study.planning.opening import open_study
from boldstream.study.planning.plan import make_plan
from boldstream.study.planning.predicting import predict_seconds, worker_bytes
from boldstream.study.records.results import Results

# As the documented example: of a node that has as many cores or more.
_MOST_WORKERS = 16


def write_script(
    path: Path, n_jobs: int | None, output: Path | None, *, overwrite: bool = False
) -> str:
    """Text of the file for sbatch; written where `output` says, too.

    Raises
    ------
    OutputExistsError
        If the file is there and `overwrite` is False.
    ParameterError
        If the study cannot be planned.
    """
    study = open_study(path)
    plan = make_plan(study.settings, study.inputs, study.base, study.output)
    workers = min(_MOST_WORKERS, max(1, len(study.inputs.subjects)))
    if n_jobs is not None:
        workers = resolve_n_jobs(n_jobs)
    seconds = sum(predict_seconds(plan, Results(study.output)).values()) / workers
    text = slurm_script(
        path.absolute(),
        study.settings.execution.slurm,
        workers=workers,
        memory_bytes=node_bytes(workers, worker_bytes(plan), study.settings.memory),
        seconds=seconds,
        threshold_gb=memory_config_of(study.settings.memory).MEMMAP_THRESHOLD_GB,
    )
    if output is not None:
        folder, name = output.absolute().parent, output.name
        with Outputs(folder, [name], overwrite=overwrite) as outputs:
            outputs[name].write_text(text, encoding="utf-8")
    return text
