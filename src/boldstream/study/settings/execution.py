"""How a study is run: memory, workers, retries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from boldstream.study.settings.base import Settings, Size

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _workers(n_jobs: int) -> int:
    if n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"must be a positive integer, or -1 for one for each core, got {n_jobs}")
    return n_jobs


Workers = Annotated[int, AfterValidator(_workers)]


class MemorySettings(Settings):
    """Fields of `boldstream.MemoryConfig` that studies use; those not given suit the machine."""

    limit: Size | None = None
    """Most memory of all processes of this machine together, as 8GB."""
    use_memmap: bool | None = None
    """Whether large data stay in files, rather than in memory."""
    memmap_threshold_gb: Positive | None = None
    """Data larger than so many times 1024³ bytes stay in files."""
    available_memory_buffer: Share | None = None
    """Share of the available memory that is left free."""
    max_memory_per_process_gb: Positive | None = None
    """Most that a process may hold, in 1024³ bytes."""
    memmap_temp_dir: str | None = None
    """Folder of these files, in place of the usual ones."""


class SlurmSettings(Settings):
    """What is asked of SLURM for each job; a job holds one worker."""

    partition: str | None = None
    """By default the cluster's."""
    account: str | None = None
    """Whom the cluster charges; by default the user's."""
    time: str = "04:00:00"
    """Wall time, as hours:minutes:seconds."""
    memory: Size | None = None
    """Of each job; by default what the plan predicts."""
    cores: Annotated[int, Field(ge=1)] | None = None
    """Of each job; by default 1."""
    interface: str | None = None
    """Network interface between jobs, such as ib0."""
    directives: tuple[str, ...] = ()
    """Further lines for sbatch, as "--qos=long"."""
    prologue: tuple[str, ...] = ()
    """Shell lines before a worker starts, as "module load python"."""


class ExecutionSettings(Settings):
    """Who does the work."""

    kind: Literal["serial", "processes", "dask", "slurm"] = "processes"
    """In this process, in others of this machine, in those of a dask cluster, in jobs of SLURM."""
    n_jobs: Workers = -1
    """Workers, each a process; -1 for one for each core, as far as memory lasts."""
    retries: Annotated[int, Field(ge=0)] = 1
    """How often a unit that failed is tried again."""
    scheduler: str | None = None
    """Address of a dask scheduler that runs already, as tls://host:8786."""
    slurm: SlurmSettings = SlurmSettings()
