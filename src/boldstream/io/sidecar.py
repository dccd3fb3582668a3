"""The JSON file that BIDS puts beside an image, and the repetition time it agrees on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from boldstream.core.checks import as_number, positive_number
from boldstream.core.errors import ParameterError, TableError
from boldstream.io.source import Series

# What rounding in a header's float32, or in a text, may do to a repetition time.
_CLOSE = 1e-3


def sidecar_of(image: Path) -> Path:
    """Where the sidecar of an image would be.

    Examples
    --------
    >>> sidecar_of(Path("sub-01_bold.nii.gz")).name
    'sub-01_bold.json'
    """
    name = image.name
    for ending in (".nii.gz", ".nii"):
        name = name.removesuffix(ending)
    return image.with_name(f"{name}.json")


def read_sidecar(image: Path) -> dict[str, Any]:
    """What the sidecar of an image says; empty if it has none.

    Raises
    ------
    TableError
        If there is one that is not a mapping in JSON.

    Examples
    --------
    >>> read_sidecar(Path("without_a_sidecar_bold.nii.gz"))
    {}
    """
    path = sidecar_of(image)
    return read_json(path) if path.is_file() else {}


def read_json(path: Path) -> dict[str, Any]:
    """Read a mapping from a JSON file.

    Raises
    ------
    TableError
        If it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    # A number of thousands of digits is a ValueError.
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise TableError(f"{path} must hold a JSON object, got {type(found).__name__}")
    return found


def repetition_time(series: Series, t_r: float | None = None) -> float:
    """Seconds from one volume to the next: as given, or as header and sidecar say.

    Parameters
    ----------
    series : Series
    t_r : float, optional
        Counts more than both.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If `t_r` is not above 0; if it is not given, and header and sidecar
        contradict each other or neither knows.
    TableError
        If the sidecar cannot be read, or its ``RepetitionTime`` is not above 0.

    Examples
    --------
    >>> import nibabel as nib, numpy as np
    >>> from boldstream.io.opening import open_image
    >>> image = nib.Nifti1Image(np.zeros((2, 2, 2, 5), "u1"), np.eye(4))
    >>> repetition_time(open_image(image).series, t_r=2)
    2.0
    """
    if t_r is not None:
        return float(positive_number("t_r", t_r, unit="s"))
    in_header = series.tr
    in_sidecar = read_sidecar(Path(series.name)).get("RepetitionTime")
    if in_sidecar is None:
        if in_header is None:
            raise ParameterError(
                f"`t_r` must be given: neither the header of {series.name} nor a sidecar has it"
            )
        return in_header
    sidecar = sidecar_of(Path(series.name))
    in_sidecar = checked_repetition_time(in_sidecar, sidecar)
    if in_header is not None and abs(in_header - in_sidecar) > _CLOSE * in_sidecar:
        raise ParameterError(
            f"`t_r` must be given, as files disagree: the header of {series.name} says "
            f"{in_header:g} s, {sidecar.name} says {in_sidecar:g} s"
        )
    return in_sidecar


def checked_repetition_time(value: Any, where: Path) -> float:
    """Seconds that a sidecar says; raises `TableError` unless they are a number above 0."""
    seconds = as_number(value)
    if not 0 < seconds < math.inf:
        raise TableError(f"RepetitionTime in {where} must be above 0 s, got {value!r}")
    return seconds
