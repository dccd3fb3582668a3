"""What masks are called, in results and errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from boldstream.core.errors import ParameterError
from boldstream.io.masks import mask_name
from boldstream.streaming.reduction import Reduction


def name_masks(masks: Any, *, parameter: str) -> list[tuple[str, Any]]:
    """Pairs of name and mask, or of what stands in the place of a mask.

    Parameters
    ----------
    masks : mask, reduction, list of these, or mapping of names to these
        Without a name a mask is called by its file, a reduction by that of its
        mask, atlas or maps; what has no file is called ``mask_1``, ``mask_2``,
        ... by its place.
    parameter : str
        What errors call `masks`.

    Raises
    ------
    ParameterError
        If there is no mask, or None in the place of one.

    Examples
    --------
    >>> import numpy as np
    >>> named = name_masks(["masks/V1.nii.gz", np.ones((2, 2, 2))], parameter="masks")
    >>> [name for name, _ in named]
    ['V1', 'mask_2']
    """
    if isinstance(masks, Mapping):
        named = [(str(name), mask) for name, mask in masks.items()]
    else:
        listed = list(masks) if isinstance(masks, list | tuple) else [masks]
        named = [(_file_name(mask) or f"mask_{i}", mask) for i, mask in enumerate(listed, 1)]
    if not named:
        raise ParameterError(f"`{parameter}` must hold at least one mask, got none")
    missing = next((name for name, mask in named if mask is None), None)
    if missing is not None:
        raise ParameterError(f"`{parameter}` must hold masks, got None for {missing!r}")
    return named


def check_names(names: Iterable[str], *, parameter: str, hint: str) -> None:
    """Raise `ParameterError` if two have one name; `hint` says what to do then."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ParameterError(
            f"`{parameter}` must have different names, got {', '.join(map(repr, twice))} more than "
            f"once; {hint}"
        )


def _file_name(mask: Any) -> str | None:
    """Name of the file of a mask, or of that which a reduction holds."""
    if isinstance(mask, Reduction):
        held = (getattr(mask, name, None) for name in ("mask", "atlas", "maps"))
        mask = next((file for file in held if file is not None), None)
    return mask_name(mask)
