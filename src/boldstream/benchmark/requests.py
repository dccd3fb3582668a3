"""What the process of a way is asked, and what it replies: text, and arrays in a file."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Outcome: TypeAlias = Literal["done", "out of memory", "failed"]

_MEMORY: Outcome = "out of memory"


@dataclass(frozen=True, slots=True)
class Request:
    """One way to run.

    Attributes
    ----------
    module, way : str
        The module of the way and its name there.
    arguments : mapping
        Plain JSON.
    output : str, optional
        Where to write what the way made (``.npz``).
    limit : int, optional
        Most bytes of address space (RLIMIT_AS) of each of its processes, once
        all is imported.
    """

    module: str
    way: str
    arguments: Mapping[str, Any]
    output: str | None = None
    limit: int | None = None

    @property
    def text(self) -> str:
        """The request as `read` takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Request:
        """A request from its text."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a way.

    Attributes
    ----------
    outcome : {"done", "out of memory", "failed"}
    seconds : float
        Of the work, after all imports.
    start_bytes : int
        Resident memory before the work.
    peak_bytes : int
        Largest resident memory of the one process; it knows nothing of others.
    space_bytes : int
        Address space before the work.
    why : str
        Of what did not get done.
    """

    outcome: Outcome
    seconds: float = 0.0
    start_bytes: int = 0
    peak_bytes: int = 0
    space_bytes: int = 0
    why: str = ""

    @property
    def text(self) -> str:
        """The reply as a line."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, output: str, errors: str, code: int) -> Reply:
        r"""The reply of a process that has ended, by its last line or the way it ended.

        Examples
        --------
        >>> Reply.of("", "", -9).outcome
        'out of memory'
        >>> Reply.of("", "Traceback ...\nValueError: no mask", 1).why
        'ValueError: no mask'
        """
        if code == 0 and output.strip():
            return cls(**json.loads(output.splitlines()[-1]))
        if code == -signal.SIGKILL:
            return cls(_MEMORY, why="killed (SIGKILL), for want of memory most likely")
        if code < 0:
            return cls("failed", why=f"ended by {signal.Signals(-code).name}")
        lines = errors.strip().splitlines()
        return cls("failed", why=lines[-1] if lines else f"ended with exit code {code}")


def load_made(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays that a way made."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
