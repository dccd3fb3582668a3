"""What an executor is: it is given jobs and tells how they ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeAlias


@dataclass(frozen=True)
class Job:
    """Units that one worker does, one after another. Only paths and names travel.

    Attributes
    ----------
    id : str
    plan : str
        Path of the file that describes its units.
    units : tuple of str
        Their ids, in order.
    memory : int
        Bytes that the worker may hold at its peak; 0 for what it finds.
    """

    id: str
    plan: str
    units: tuple[str, ...]
    memory: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    job : Job
    done : tuple of str
        Units whose results are on disk.
    failed : str
        The unit that failed, with those after it not tried; empty if none did.
    error : str
        What went wrong, in a line.
    traceback : str
        The same at length; empty where the worker was lost.
    lost : bool
        Whether the worker died: killed, out of memory, its node gone.
    seconds : float
    peak_bytes : int
        Of the worker's memory (VmHWM); 0 where it is not known.
    worker : str
        Host and process.
    """

    job: Job
    done: tuple[str, ...] = ()
    failed: str = ""
    error: str = ""
    traceback: str = ""
    lost: bool = False
    seconds: float = 0.0
    peak_bytes: int = 0
    worker: str = ""


Work: TypeAlias = Callable[[Job], Outcome]
"""What a worker does with a job: a function at the top of a module, so that it travels by name.

It raises nothing: what fails is told by the outcome.
"""


class Executor(Protocol):
    """Workers. They start when the block is entered and are gone when it is left.

    Leaving the block with an error, as Ctrl-C raises it, ends workers at once;
    what they had not finished is not on disk.
    """

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time, at most."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def submit(self, job: Job) -> None:
        """Take a job; returns at once."""

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Jobs that ended since the last call; waits for one, at most `timeout` seconds."""
