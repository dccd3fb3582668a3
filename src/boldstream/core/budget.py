"""Budget: how much memory a plan may take, and sizes as people write them."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from boldstream.core.errors import ParameterError
from boldstream.core.limits import Limit, memory_limits, process_memory

# Left free under limits that were found, not given: other processes share them.
_SAFETY_SHARE = 0.1
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory that work may take, beside what this process holds already.

    Attributes
    ----------
    peak_bytes : int
        Most that this process may hold at its peak; a limit that was given,
        as it was given, also where more is held already.
    baseline_bytes : int
        What this process holds already (resident).
    source : str
        The limit that decides, in words for a user.
    """

    peak_bytes: int
    baseline_bytes: int
    source: str

    @property
    def headroom_bytes(self) -> int:
        """What may still be taken, 0 where more is held than allowed."""
        return max(0, self.peak_bytes - self.baseline_bytes)

    def __str__(self) -> str:
        # A limit that was given may be a slip: it is shown as it was understood.
        given = f", {format_bytes(self.peak_bytes)}" if self.source == "memory_limit" else ""
        return (
            f"{format_bytes(self.headroom_bytes)} may be taken beside "
            f"{format_bytes(self.baseline_bytes)} in use ({self.source}{given})"
        )


def find_budget(
    memory_limit: str | int | None = None, *, limits: Sequence[Limit] | None = None
) -> Budget:
    """Find what may be taken: the least headroom of all limits.

    Parameters
    ----------
    memory_limit : str or int, optional
        Most that this process may hold at its peak, what it holds already
        included: bytes, or a text such as ``"500MiB"``. It is one limit more;
        a tighter one that the machine sets still holds.
    limits : sequence of Limit, optional
        In place of those of this machine. A tenth of their headroom is left
        free.

    Raises
    ------
    ParameterError
        If `memory_limit` is no size.

    Examples
    --------
    >>> budget = find_budget("16GiB", limits=[])
    >>> format_bytes(budget.peak_bytes), budget.source
    ('16 GiB', 'memory_limit')
    """
    held = process_memory().rss_bytes
    found = memory_limits() if limits is None else limits
    peaks = [(held + int(x.headroom_bytes * (1 - _SAFETY_SHARE)), x.source) for x in found]
    if memory_limit is not None:
        peaks.append((parse_bytes(memory_limit, name="memory_limit"), "memory_limit"))
    peak, source = min(peaks)
    return Budget(peak, held, source)


def parse_bytes(size: str | int, *, name: str = "size") -> int:
    """Read a size such as ``"500MiB"``, ``"1.5 GB"``, ``"2g"`` or a number of bytes.

    All units are binary, with or without the i: 1 GB = 1 GiB = 1024³ bytes.

    Raises
    ------
    ParameterError
        If `size` is no positive size.

    Examples
    --------
    >>> parse_bytes("500MiB"), parse_bytes("1.5 GB"), parse_bytes(4096)
    (524288000, 1610612736, 4096)
    """
    found = re.fullmatch(r"(\d{1,18}\.?\d{0,18})\s*([kmgt]?)(?:i?b)?", str(size).strip().lower())
    wanted = isinstance(size, str) or (hasattr(size, "__index__") and not isinstance(size, bool))
    n_bytes = int(float(found[1]) * _UNITS[found[2]]) if found and wanted else 0
    if n_bytes <= 0:
        raise ParameterError(
            f"`{name}` must be a positive size such as '500MiB', '1.5GB' or a number of bytes, "
            f"got {size!r}"
        )
    return n_bytes


def format_bytes(n_bytes: int) -> str:
    """Write a size for people, in the unit that suits it.

    Examples
    --------
    >>> format_bytes(1610612736), format_bytes(67_000_000), format_bytes(12)
    ('1.5 GiB', '63.9 MiB', '12 B')
    """
    size = float(operator.index(n_bytes))
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        # 1023.95 and more would be written "1024".
        if abs(size) < 1023.95:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"
