"""What this process may use: every limit on its memory, and what is used of each.

Looked at are the machine's RAM, cgroup v2 and v1 from this process' group up
to the root, SLURM's variables, and ``RLIMIT_AS``. The files are read below a
`root` folder, so tests can hand in a made-up machine.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from boldstream.core.cgroups import cgroup_limits, read_kernel_file
from boldstream.core.errors import MemoryBudgetError, ParameterError

_UNKNOWN = "the memory of this machine cannot be told: /proc must be mounted and readable"
_SLURM_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on memory, and what is in use of it.

    Attributes
    ----------
    source : str
        Where the limit comes from, in words for a user.
    limit_bytes, used_bytes : int
    """

    source: str
    limit_bytes: int
    used_bytes: int

    @property
    def headroom_bytes(self) -> int:
        """Bytes that may still be taken, 0 where the limit is overdrawn."""
        return max(0, self.limit_bytes - self.used_bytes)


class ProcessMemory(NamedTuple):
    """Resident memory of this process, now and at its highest, in bytes."""

    rss_bytes: int
    peak_rss_bytes: int


def memory_limits(
    root: Path = Path("/"), environ: Mapping[str, str] = os.environ
) -> tuple[Limit, ...]:
    """Find every limit on the memory of this process.

    Parameters
    ----------
    root : Path
        Folder that holds ``proc`` and ``sys``.
    environ : mapping
        Environment with SLURM's variables.

    Raises
    ------
    ParameterError
        If a SLURM variable cannot be read as a size.
    MemoryBudgetError
        If the machine does not tell how much memory there is.

    Examples
    --------
    >>> [limit.source for limit in memory_limits()][0]
    'RAM'
    """
    status = _sizes(root / "proc/self/status")
    return (
        _ram(root),
        *(Limit(*group) for group in cgroup_limits(root)),
        *_slurm_limits(environ, used=status.get("VmRSS", 0)),
        *_address_space_limit(used=status.get("VmSize", 0)),
    )


def process_memory(root: Path = Path("/")) -> ProcessMemory:
    """Resident memory of this process, from ``/proc`` or, where there is none, psutil.

    Where the system keeps no peak, it is what is held now. ``ru_maxrss`` is no
    substitute: a process inherits it over ``exec``.

    Raises
    ------
    MemoryBudgetError
        If the machine does not tell.

    Examples
    --------
    >>> rss, peak = process_memory()
    >>> 0 < rss <= peak
    True
    """
    status = _sizes(root / "proc/self/status")
    if "VmRSS" in status:
        return ProcessMemory(status["VmRSS"], max(status["VmRSS"], status.get("VmHWM", 0)))
    info = _by_psutil(lambda psutil: psutil.Process().memory_info())
    return ProcessMemory(info.rss, max(info.rss, getattr(info, "peak_wset", 0)))


def _ram(root: Path) -> Limit:
    meminfo = _sizes(root / "proc/meminfo")
    if "MemAvailable" in meminfo:
        total, available = meminfo["MemTotal"], meminfo["MemAvailable"]
    else:
        memory = _by_psutil(lambda psutil: psutil.virtual_memory())
        total, available = memory.total, memory.available
    return Limit("RAM", total, total - available)


def _by_psutil(ask: Callable[[ModuleType], Any]) -> Any:
    """What psutil says, which on Linux needs the very files that were not found."""
    try:
        import psutil
    except ImportError as error:
        raise MemoryBudgetError(_UNKNOWN) from error
    try:
        return ask(psutil)
    except (OSError, psutil.Error) as error:
        raise MemoryBudgetError(_UNKNOWN) from error


def _sizes(path: Path) -> dict[str, int]:
    """Lines such as ``VmRSS:  123 kB`` in bytes."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", read_kernel_file(path), flags=re.MULTILINE)
    return {name: int(kib) * 1024 for name, kib in found}


def _slurm_limits(environ: Mapping[str, str], used: int) -> Iterator[Limit]:
    per_node = _slurm_bytes(environ, "SLURM_MEM_PER_NODE")
    if per_node:
        yield Limit("SLURM_MEM_PER_NODE", per_node, used)
    per_cpu = _slurm_bytes(environ, "SLURM_MEM_PER_CPU")
    if per_cpu:
        cpus, name = _slurm_cpus(environ)
        yield Limit(f"SLURM_MEM_PER_CPU x {name}", per_cpu * cpus, used)


def _slurm_bytes(environ: Mapping[str, str], name: str) -> int:
    """A size in SLURM's MB or with a suffix; 0 where it is unset or unlimited."""
    text = environ.get(name, "0")
    found = re.fullmatch(r"(\d+)([KMGT]?)B?", text.strip().upper())
    if not found:
        raise ParameterError(f"{name} must be a number of MB, or end in K, M, G or T, got {text!r}")
    return int(found[1]) * _SLURM_UNITS[found[2] or "M"]


def _slurm_cpus(environ: Mapping[str, str]) -> tuple[int, str]:
    """CPUs of one task, else of the job on this node, and the variable that says so."""
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        text = environ.get(name)
        if text is not None:
            if not text.strip().isdigit() or int(text) == 0:
                raise ParameterError(f"{name} must be a positive integer, got {text!r}")
            return int(text), name
    return 1, "1 CPU"


def _address_space_limit(used: int) -> Iterator[Limit]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield Limit("RLIMIT_AS (ulimit -v)", limit, used)
