"""Numbers for people: as many digits as matter, thousands apart."""

from __future__ import annotations

import math

# Of these, counts.
_WHOLE = ("MiB", "subjects", "units", "files", "jobs", "samples", "voxels", "workers", "values")


def spaced(number: float) -> str:
    """1 000 in place of 1000.

    Examples
    --------
    >>> spaced(35019)
    '35 019'
    """
    return f"{number:,.0f}".replace(",", " ")


def digits(value: float) -> str:
    """Three digits, or two behind the point.

    Examples
    --------
    >>> [digits(value) for value in (0.74, 1.567, 23.46, 144.2, 7413.0, 0.0541, 2.1e-14, 0.0)]
    ['0.74', '1.57', '23.5', '144', '7 413', '0.054', '2.1e-14', '0']
    """
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if size == 0:
        return "0"
    if size < 1e-3:
        return f"{value:.1e}"
    if size < 0.1:
        return f"{value:.3f}"
    if size < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if size < 99.95 else spaced(value)


def with_unit(value: float, unit: str) -> str:
    """A value and its unit.

    Examples
    --------
    >>> with_unit(7412.7, "MiB"), with_unit(0.98, "s"), with_unit(0.00012, "")
    ('7 413 MiB', '0.98 s', '1.2e-04')
    """
    whole = unit.split(" ")[0] in _WHOLE and math.isfinite(value)
    return f"{spaced(value) if whole else digits(value)} {unit}".rstrip()


def of_peaks(ours: float | None, theirs: float | None) -> str:
    """One or two peaks in MiB, the peer's behind ours."""
    if ours is None:
        return ""
    beside = "" if theirs is None else f", {spaced(theirs)}"
    return f"{spaced(ours)}{beside} MiB"
