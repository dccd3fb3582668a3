"""`DaskExecutor`: workers of a dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.jobs import resolve_n_jobs
from boldstream.memory.folders import find_folder
from boldstream.memory.temporary import TemporaryFolder
from boldstream.study.executors.base import Work
from boldstream.study.executors.remote import (
    PRIVATE_SCHEDULER,
    Place,
    RemoteExecutor,
    RemoteJobs,
    import_dask,
    private_dask,
)


class DaskExecutor(RemoteExecutor):
    """Workers of a dask cluster: one that runs already, or one of our own on this machine.

    A cluster of our own speaks TLS, has no dashboard, and is gone when the
    block is left. Workers of another one stay, and a job that runs there when
    the block is left runs to its end. Only jobs and outcomes travel.

    Parameters
    ----------
    work : Work
        A function that workers can import.
    scheduler : str or distributed.Client, optional
        Address of a scheduler, as ``"tls://host:8786"``, or a client. By
        default a cluster is started.
    n_workers : int, optional
        Of a cluster of our own; one for each core by default.

    Raises
    ------
    ParameterError
        If parameters do not go together; in the block's beginning, if no
        scheduler answers.
    MissingDependencyError
        In the block's beginning, if dask is not installed.

    Examples
    --------
    >>> from boldstream.study.executors.base import Outcome
    >>> DaskExecutor(Outcome, n_workers=2).n_workers
    2
    """

    def __init__(self, work: Work, scheduler: Any = None, *, n_workers: int | None = None) -> None:
        if scheduler is not None and n_workers is not None:
            raise ParameterError(
                f"`n_workers` must be None beside a scheduler, which has its own, got {n_workers}"
            )
        if n_workers is not None:
            integer_in("n_workers", n_workers, 1)
        self._work = work
        self._scheduler = scheduler
        self._n_workers = n_workers or resolve_n_jobs(-1)

    @property
    def n_workers(self) -> int:
        if self._scheduler is None or self._jobs is None:
            return self._n_workers
        return max(1, sum(map(int, self._jobs.client.nthreads().values())))

    def _open(self, stack: ExitStack) -> RemoteJobs:
        if self._scheduler is None:
            return self._start(stack)
        return RemoteJobs(self._connect(stack), self._work)

    def _connect(self, stack: ExitStack) -> Any:
        distributed = import_dask("distributed")
        if isinstance(self._scheduler, distributed.Client):
            return self._scheduler
        try:
            client = distributed.Client(self._scheduler, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ParameterError(
                "`scheduler` must be the address of a dask scheduler that answers, "
                f"got {self._scheduler!r}: {error}"
            ) from error
        return stack.enter_context(client)

    def _start(self, stack: ExitStack) -> RemoteJobs:
        distributed = import_dask("distributed")

        folder = TemporaryFolder(find_folder().path)
        stack.callback(folder.close)
        with private_dask(folder.path):
            cluster = distributed.LocalCluster(
                n_workers=self._n_workers,
                threads_per_worker=1,
                processes=True,
                # What a job may hold is its own matter: see `Job.memory`.
                memory_limit=0,
                dashboard_address=None,
                security=distributed.Security.temporary(),
                silence_logs=logging.CRITICAL,
                scheduler_kwargs=PRIVATE_SCHEDULER,
            )
        stack.enter_context(cluster)
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        return RemoteJobs(client, self._work, places=lambda: places_of(cluster))


def places_of(cluster: Any) -> Mapping[str, Place]:
    """Workers of a cluster of our own by their addresses."""

    async def look() -> dict[str, Place]:
        workers = cluster.scheduler.workers
        return {
            address: Place(str(worker.name), worker.status.name == "running")
            for address, worker in workers.items()
        }

    found: dict[str, Place] = cluster.sync(look)
    return found
