"""`MemoryConfig`: when arrays stay in files, where those lie, and how much memory is taken."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boldstream.core.budget import parse_bytes
from boldstream.core.checks import did_you_mean, number_in, positive_number
from boldstream.core.errors import ParameterError
from boldstream.core.limits import Limit, memory_limits

GB = 1024**3

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class _Tier(NamedTuple):
    """Settings for machines with up to `usable_gb`."""

    usable_gb: float
    threshold_gb: float
    buffer: float
    per_process_gb: float


# Below 16 GB, and from there to 64 GB included; `math.nextafter` keeps 16 out of the first.
_TIERS = (
    _Tier(math.nextafter(16, 0), 0.5, 0.3, 4.0),
    _Tier(64, 1.0, 0.2, 8.0),
    _Tier(math.inf, 2.0, 0.15, 16.0),
)


@dataclass(kw_only=True)
class MemoryConfig:
    """Settings for memory. Attributes can be assigned; a wrong value is refused.

    What is not given is the default below, or what the environment says when
    the settings are made. GB are 1024³ bytes.

    Parameters
    ----------
    USE_MEMMAP : bool
        Whether large data stay in files (``MVPA_USE_MEMMAP``). Without, they
        are read whole into memory, or refused where they do not fit.
    MEMMAP_THRESHOLD_GB : float
        Data larger than this stay in files (``MVPA_MEMMAP_THRESHOLD_GB``).
    AVAILABLE_MEMORY_BUFFER : float
        Share of the available memory that is left free, from 0 to below 1.
    SHARED_MEMORY_PARALLEL : bool
        Whether processes use one file together (``MVPA_SHARED_MEMORY``).
    MAX_MEMORY_PER_PROCESS_GB : float
        Most that a process may hold while it reads an image; what cannot be
        done within it raises before anything is read.
    CLEANUP_TEMP_FILES : bool
        Whether a loader removes its temporary files when it is done.
    MONITOR_MEMORY_USAGE : bool
        Whether a monitor writes to the log and records a timeline.
    MEMMAP_TEMP_DIR : path, optional
        Where files are made, in place of the usual folders.
    CACHE_MEMMAP_FILES : bool
        Whether files made from images are kept for later runs.

    Raises
    ------
    ParameterError
        If a value cannot be used, or a variable of the environment cannot be
        read; it names the setting or the variable.

    Examples
    --------
    >>> config = MemoryConfig(MEMMAP_THRESHOLD_GB=0.5)
    >>> config.AVAILABLE_MEMORY_BUFFER = 1.5
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `AVAILABLE_MEMORY_BUFFER` must be a number of ...
    >>> config.MEMMAP_THRESHOLD_GB, config.AVAILABLE_MEMORY_BUFFER
    (0.5, 0.2)
    """

    USE_MEMMAP: bool = field(default_factory=lambda: _switch("MVPA_USE_MEMMAP", default=True))
    MEMMAP_THRESHOLD_GB: float = field(default_factory=lambda: _threshold(1.0))
    AVAILABLE_MEMORY_BUFFER: float = 0.2
    SHARED_MEMORY_PARALLEL: bool = field(
        default_factory=lambda: _switch("MVPA_SHARED_MEMORY", default=True)
    )
    MAX_MEMORY_PER_PROCESS_GB: float = 8.0
    CLEANUP_TEMP_FILES: bool = True
    MONITOR_MEMORY_USAGE: bool = True
    MEMMAP_TEMP_DIR: Path | None = None
    CACHE_MEMMAP_FILES: bool = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _CHECKS:
            raise ParameterError(
                f"MemoryConfig has no setting {name!r}{did_you_mean(name, _CHECKS)}"
            )
        super().__setattr__(name, _CHECKS[name](name, value))

    @classmethod
    def for_system(cls, limits: Sequence[Limit] | None = None) -> MemoryConfig:
        """Settings that suit the memory this process may use.

        ========  ==========  ======  ===========
        usable    threshold   buffer  per process
        ========  ==========  ======  ===========
        < 16 GB   0.5 GB      0.3     4 GB
        to 64 GB  1 GB        0.2     8 GB
        > 64 GB   2 GB        0.15    16 GB
        ========  ==========  ======  ===========

        Usable is the smallest of RAM and the limits of cgroups, SLURM and
        ulimit. The variables of the environment hold here too.

        Parameters
        ----------
        limits : sequence of Limit, optional
            In place of those of this machine.

        Examples
        --------
        >>> from boldstream.core.limits import Limit
        >>> MemoryConfig.for_system([Limit("RAM", 8 * 1024**3, 0)]).MAX_MEMORY_PER_PROCESS_GB
        4.0
        """
        found = memory_limits() if limits is None else limits
        usable_gb = min(limit.limit_bytes for limit in found) / GB
        tier = next(tier for tier in _TIERS if usable_gb <= tier.usable_gb)
        return cls(
            MEMMAP_THRESHOLD_GB=_threshold(tier.threshold_gb),
            AVAILABLE_MEMORY_BUFFER=tier.buffer,
            MAX_MEMORY_PER_PROCESS_GB=tier.per_process_gb,
        )


def configure_for_cluster(environ: Mapping[str, str] = os.environ) -> MemoryConfig:
    """Settings for one task of a SLURM job: its share of the node's memory, less a fifth.

    Parameters
    ----------
    environ : mapping
        With ``SLURM_MEM_PER_NODE`` (MB, 32000 where it is not set; 0 is all
        of the node's) and ``SLURM_NTASKS_PER_NODE`` (16 where it is not set).

    Returns
    -------
    MemoryConfig
        Per process that share, a threshold of a quarter of it but at most
        1 GB, and files shared between processes.

    Raises
    ------
    ParameterError
        If a variable cannot be read; it names the variable.

    Examples
    --------
    >>> config = configure_for_cluster({"SLURM_MEM_PER_NODE": "32768"})
    >>> config.MAX_MEMORY_PER_PROCESS_GB, config.MEMMAP_THRESHOLD_GB
    (1.6, 0.4)
    """
    tasks = environ.get("SLURM_NTASKS_PER_NODE", "16").strip()
    if not tasks.isdecimal() or int(tasks) == 0:
        raise ParameterError(f"SLURM_NTASKS_PER_NODE must be a positive integer, got {tasks!r}")
    per_process_gb = _node_bytes(environ) / GB / int(tasks) * 0.8
    return MemoryConfig(
        MAX_MEMORY_PER_PROCESS_GB=per_process_gb,
        MEMMAP_THRESHOLD_GB=min(1.0, per_process_gb / 4),
        SHARED_MEMORY_PARALLEL=True,
    )


def _node_bytes(environ: Mapping[str, str]) -> int:
    text = environ.get("SLURM_MEM_PER_NODE", "32000").strip()
    if text == "0":
        return min(limit.limit_bytes for limit in memory_limits(environ=environ))
    return parse_bytes(f"{text}M" if text.isdecimal() else text, name="SLURM_MEM_PER_NODE")


def _switch(variable: str, *, default: bool) -> bool:
    text = os.environ.get(variable)
    if text is None:
        return default
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ParameterError(f"{variable} must be one of 1, 0, true, false, got {text!r}")
    return word in _TRUE


def _threshold(default: float) -> float:
    variable = "MVPA_MEMMAP_THRESHOLD_GB"
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        return _size_gb(variable, float(text))
    except ValueError as error:
        raise ParameterError(
            f"{variable} must be a number of at least 0 GB, got {text!r}"
        ) from error


def _bool(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"`{name}` must be True or False, got {value!r}")
    return bool(value)


def _size_gb(name: str, value: Any) -> float:
    return number_in(name, value, 0, math.inf, unit="GB")


def _share(name: str, value: Any) -> float:
    return number_in(name, value, 0, 1, without=[1])


def _positive_gb(name: str, value: Any) -> float:
    return positive_number(name, value, unit="GB")


def _folder(name: str, value: Any) -> Path | None:
    if value is not None and not isinstance(value, str | os.PathLike):
        raise ParameterError(f"`{name}` must be a folder or None, got {value!r}")
    return None if value is None else Path(value)


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "USE_MEMMAP": _bool,
    "MEMMAP_THRESHOLD_GB": _size_gb,
    "AVAILABLE_MEMORY_BUFFER": _share,
    "SHARED_MEMORY_PARALLEL": _bool,
    "MAX_MEMORY_PER_PROCESS_GB": _positive_gb,
    "CLEANUP_TEMP_FILES": _bool,
    "MONITOR_MEMORY_USAGE": _bool,
    "MEMMAP_TEMP_DIR": _folder,
    "CACHE_MEMMAP_FILES": _bool,
}
