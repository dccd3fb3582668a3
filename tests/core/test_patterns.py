"""Patterns that users pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.core.patterns import checked_patterns


@pytest.mark.parametrize("dtype", [bool, "i1", "u8", "f2", "f8"])
def test_numbers_are_taken_as_they_are(dtype: Any) -> None:
    given = np.ones((2, 3), dtype)
    assert checked_patterns("X", given) is given


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (np.ones(3), r"float64 of shape \(3,\)"),
        (np.ones((0, 3)), r"float64 of shape \(0, 3\)"),
        (np.ones((3, 0)), r"float64 of shape \(3, 0\)"),
        ([["a", "b"]], r"<U1 of shape \(1, 2\)"),
        (np.ones((2, 2), complex), r"complex128 of shape \(2, 2\)"),
    ],
)
def test_what_are_no_patterns_is_refused(given: Any, got: str) -> None:
    message = f"^`X` must hold numbers .samples, voxels., got {got}"
    with pytest.raises(ParameterError, match=message + "$"):
        checked_patterns("X", given)
    with pytest.raises(ParameterError, match=message + " for the region 'V1'$"):
        checked_patterns("X", given, of="the region 'V1'")


def test_voxels_that_are_not_finite_are_counted() -> None:
    values = np.ones((4, 5))
    values[0, 1] = values[2, 1] = np.nan
    values[3, 4] = -np.inf
    with pytest.raises(NonFiniteError, match=r"^`X` must hold .* in 2 of 5 voxels$"):
        checked_patterns("X", values)
    with pytest.raises(NonFiniteError, match=r"in 2 of 5 voxels of the region 'V1'$"):
        checked_patterns("X", values, of="the region 'V1'")
