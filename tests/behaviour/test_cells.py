"""What is missing, what is a number, what is a choice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.behaviour.cells import choices, is_missing, numbers
from boldstream.core.errors import ParameterError


@pytest.mark.parametrize("cell", [None, np.nan, pd.NA, pd.NaT, "", " ", "n/a", "N/A", "NaN"])
def test_empty_cells(cell: Any) -> None:
    for cells in ([1, cell, 0], pd.Series([1, cell, 0], dtype=object)):
        np.testing.assert_array_equal(is_missing("choice", cells), [False, True, False])
        np.testing.assert_array_equal(numbers("delay", cells), [1, np.nan, 0])
        np.testing.assert_array_equal(choices("choice", cells), [1, np.nan, 0])


@pytest.mark.parametrize("cell", ["NA", "null", "None", "<NA>"])
def test_names_are_no_numbers(cell: str) -> None:
    np.testing.assert_array_equal(numbers("delay", [1, cell, 0]), [1, np.nan, 0])
    # A choice may be called so.
    assert not is_missing("choice", ["left", cell]).any()
    with pytest.raises(
        ParameterError, match=f"`choice` must hold 1 and 0 .* got {cell!r} in row 1"
    ):
        choices("choice", [1, cell, 0])


@pytest.mark.parametrize(
    "cells",
    [
        [3, 4],
        ["3", " 4.0 "],
        np.array([3, 4], np.int8),
        np.array([3, 4], np.float32),
        pd.Series([3, 4], dtype="Int64"),
        pd.Series(["3", "4"], dtype="string"),
        pd.Series([3, 4], dtype="category", index=[7, 7]),
        [Decimal(3), np.float64(4)],
        (3, "4e0"),
    ],
)
def test_numbers_of_any_kind(cells: Any) -> None:
    found = numbers("delay", cells)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [3, 4])


@pytest.mark.parametrize("cell", ["soon", np.inf, "-inf", 1j, [2], "1,5"])
def test_what_is_no_number(cell: Any) -> None:
    cells = np.empty(2, dtype=object)
    cells[:] = [0, cell]
    with pytest.raises(ParameterError, match=r"`delay` must hold finite numbers, got .* in row 1"):
        numbers("delay", cells)


@pytest.mark.parametrize("cell", ["soon", 2, 0.5, -1, "yes", np.inf])
def test_what_is_no_choice(cell: Any) -> None:
    with pytest.raises(ParameterError, match="`choice` must hold 1 and 0 or 'delayed', 'later'"):
        choices("choice", [0, cell])


def test_no_cells() -> None:
    assert numbers("delay", []).shape == (0,)
    assert is_missing("delay", []).shape == (0,)


@pytest.mark.parametrize("cells", [3, [[1, 2]], "later"])
def test_cells_lie_in_one_row(cells: Any) -> None:
    with pytest.raises(ParameterError, match="`choice` must have one dimension, trials, got"):
        choices("choice", cells)
