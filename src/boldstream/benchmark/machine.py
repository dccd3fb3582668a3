"""Where something was measured, and with which versions."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from boldstream._version import __version__
from boldstream.core.jobs import resolve_n_jobs
from boldstream.core.limits import memory_limits

_PACKAGES = ("numpy", "scipy", "nibabel", "nilearn", "scikit-learn", "joblib", "isal", "numba")


def describe_machine() -> dict[str, Any]:
    """Processor, cores and memory that may be used, and the system.

    Examples
    --------
    >>> sorted(describe_machine())
    ['cores', 'cpu', 'memory_bytes', 'memory_source', 'system']
    """
    tightest = min(memory_limits(), key=lambda limit: limit.limit_bytes)
    return {
        "cpu": _cpu(),
        "cores": resolve_n_jobs(-1),
        "memory_bytes": tightest.limit_bytes,
        "memory_source": tightest.source,
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
    }


def describe_versions() -> dict[str, str | None]:
    """Versions of Python, of this library and of what it is compared with."""
    versions: dict[str, str | None] = {
        "python": platform.python_version(),
        "boldstream": __version__,
    }
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def _cpu(root: Path = Path("/")) -> str:
    info = root / "proc/cpuinfo"
    text = info.read_text(encoding="utf-8", errors="replace") if info.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()
