"""`SlurmExecutor`: workers that are jobs of SLURM."""

from __future__ import annotations

import logging
import math
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from boldstream.core.budget import parse_bytes
from boldstream.core.checks import integer_in, positive_number
from boldstream.core.errors import ParameterError
from boldstream.memory.temporary import TemporaryFolder
from boldstream.study.executors.base import Outcome, Work
from boldstream.study.executors.dask import places_of
from boldstream.study.executors.fitting import thread_variables
from boldstream.study.executors.remote import (
    PRIVATE_SCHEDULER,
    Place,
    RemoteExecutor,
    RemoteJobs,
    import_dask,
    private_dask,
)
from boldstream.study.executors.slurm_queue import SlurmQueue
from boldstream.study.executors.slurm_script import check_settings
from boldstream.study.executors.supervisor import Supervisor
from boldstream.study.settings.execution import SlurmSettings

_DEATH_SECONDS = 60
_MIB = 1 << 20


class SlurmExecutor(RemoteExecutor):
    """Workers on a cluster, each a job of SLURM with one worker in it.

    A supervisor submits as many as there is work for, and replaces those that
    are lost; the work that was lost with them is told. Everything is encrypted
    with a certificate made for this block, which lies in a private folder
    below `log_folder` as long as the block lasts. When this process is killed,
    its workers end by themselves.

    Parameters
    ----------
    work : Work
        A function that workers can import.
    n_workers : int
        Jobs of SLURM at a time, at most.
    settings : SlurmSettings
        What is asked of SLURM for each of them.
    memory : int
        Bytes that each asks for, unless `settings` say.
    log_folder : path
        On a disk that all nodes share; made if it is not there. The logs of
        SLURM's jobs stay there.
    idle_seconds : float
        After so long, jobs of SLURM that there is no work for are given back.

    Raises
    ------
    ParameterError
        If settings cannot be used; in the block's beginning, if SLURM is not
        here or refuses them.
    MissingDependencyError
        In the block's beginning, if dask-jobqueue is not installed.

    Examples
    --------
    >>> SlurmExecutor(Outcome, 8, SlurmSettings(), memory=2 << 30, log_folder="logs").n_workers
    8
    """

    def __init__(
        self,
        work: Work,
        n_workers: int,
        settings: SlurmSettings,
        *,
        memory: int,
        log_folder: str | os.PathLike[str],
        idle_seconds: float = 60.0,
    ) -> None:
        check_settings(settings)
        self._idle_seconds = positive_number("idle_seconds", idle_seconds, unit="seconds")
        self._work = work
        self._n_workers = integer_in("n_workers", n_workers, 1)
        self._settings = settings
        self._memory = memory_of(settings, memory)
        self._logs = Path(log_folder).absolute()

    @property
    def n_workers(self) -> int:
        return self._n_workers

    def _open(self, stack: ExitStack) -> RemoteJobs:
        queue = SlurmQueue(self._logs)
        jobqueue, distributed = import_dask("dask_jobqueue"), import_dask("distributed")
        self._logs.mkdir(parents=True, exist_ok=True)
        folder = TemporaryFolder(self._logs)
        stack.callback(folder.close)
        security = write_certificate(folder.path)
        options = self._options(queue.name, folder.path)
        with private_dask(folder.path):
            cluster = jobqueue.SLURMCluster(
                n_workers=0,
                security=security,
                scheduler_options=PRIVATE_SCHEDULER,
                silence_logs=logging.CRITICAL,
                **options,
            )
        stack.enter_context(cluster)
        job = cluster.job_cls(cluster.scheduler_address, name="$SLURM_JOB_ID", **options)
        script = job.job_script()
        queue.test(script)
        supervisor = Supervisor(queue, script, self._n_workers, idle_seconds=self._idle_seconds)
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        stack.callback(supervisor.close)
        workers = _Watched(cluster, supervisor)
        return RemoteJobs(
            client,
            self._work,
            places=workers.look,
            explain=queue.how_it_ended,
            tend=workers.tend,
        )

    def _options(self, name: str, folder: Path) -> dict[str, Any]:
        """What dask-jobqueue is to write into the script of a worker."""
        settings = self._settings
        cores = settings.cores or 1
        memory = f"{math.ceil(self._memory / _MIB)}M"
        return {
            "job_name": name,
            "queue": settings.partition,
            "account": settings.account,
            "walltime": settings.time,
            "job_cpu": cores,
            "job_mem": memory,
            "job_extra_directives": list(settings.directives),
            "job_script_prologue": [*_exports(cores, folder), *settings.prologue],
            # The worker is the job: no shell stays that could end before it.
            "python": f"exec {shlex.quote(sys.executable)}",
            "cores": 1,
            "processes": 1,
            # Of dask's own, which the last of `worker_extra_args` takes back.
            "memory": f"{memory}iB",
            "nanny": False,
            "protocol": "tls://",
            "interface": settings.interface,
            "death_timeout": _DEATH_SECONDS,
            "local_directory": shlex.quote(str(folder)),
            "worker_extra_args": [
                *("--no-dashboard", "--dashboard-address", "127.0.0.1:0"),
                *("--memory-limit", "0"),
            ],
        }


@dataclass
class _Watched:
    """Workers of a cluster, as a supervisor asks for them and replaces them."""

    cluster: Any
    supervisor: Supervisor
    places: Mapping[str, Place] = field(default_factory=dict)

    def look(self) -> Mapping[str, Place]:
        self.places = {
            # One that was given back may still be here for a moment.
            address: replace(place, free=place.free and place.name in self.supervisor.workers)
            for address, place in places_of(self.cluster).items()
        }
        return self.places

    def tend(self, jobs: RemoteJobs) -> list[Outcome]:
        here = {place.name for place in self.places.values()}
        trouble = self.supervisor.tend(here, jobs.busy, jobs.n_open)
        return jobs.give_up(trouble) if trouble else []


def memory_of(settings: SlurmSettings, predicted: int) -> int:
    """Bytes to ask for: what the settings say, else what is predicted.

    Raises
    ------
    ParameterError
        If neither says anything.

    Examples
    --------
    >>> memory_of(SlurmSettings(memory="2GB"), 1 << 20) == 2 << 30
    True
    """
    if settings.memory is not None:
        return parse_bytes(settings.memory, name="slurm.memory")
    if predicted <= 0:
        raise ParameterError(f"`memory` must be a positive number of bytes, got {predicted}")
    return predicted


def write_certificate(folder: Path) -> Any:
    """Make a certificate for one block, in files that only this user may read.

    Returns
    -------
    distributed.Security
        Names the files.
    """
    made = import_dask("distributed").Security.temporary()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    for path, text in ((certificate, made.tls_worker_cert), (key, made.tls_worker_key)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    files = {"tls_ca_file": str(certificate)}
    for role in ("client", "scheduler", "worker"):
        files |= {f"tls_{role}_cert": str(certificate), f"tls_{role}_key": str(key)}
    return import_dask("distributed").Security(require_encryption=True, **files)


def _exports(cores: int, folder: Path) -> list[str]:
    """Lines of the shell: threads, and where the certificate is."""
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    variables = {
        **thread_variables(cores, {}),
        "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
        f"{tls}CA_FILE": str(folder / "certificate.pem"),
        f"{tls}WORKER__CERT": str(folder / "certificate.pem"),
        f"{tls}WORKER__KEY": str(folder / "key.pem"),
    }
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
