"""Which cells of tables hold no value, and which a number."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.core.cells import is_no_value, is_number

NOTHING = ["", "  ", "n/a", "N/A", "nan", "NaN", " n/a "]
# By themselves they may be names.
NO_NUMBERS = ["NA", "<NA>", "null", "NULL", "None"]


def is_missing_for_pandas(cell: str) -> bool:
    """What `pandas.read_csv` makes of a cell."""
    table = pd.read_csv(StringIO(f"a\tb\n{cell.strip()}\tx\n"), sep="\t")
    return bool(table["a"].isna()[0])


@pytest.mark.parametrize("cell", NOTHING)
def test_nothing_is_no_value_of_any_column(cell: str) -> None:
    assert is_no_value(cell)
    assert is_no_value(cell, of_numbers=True)
    assert is_missing_for_pandas(cell)


@pytest.mark.parametrize("cell", [*NO_NUMBERS, "none", "na"])
def test_a_name_is_no_value_among_numbers_alone(cell: str) -> None:
    assert not is_no_value(cell)
    assert is_no_value(cell, of_numbers=True)


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_pandas_takes_such_names_for_nothing(cell: str) -> None:
    assert is_missing_for_pandas(cell)


@pytest.mark.parametrize("cell", ["0", "face", "n", "nana", "-", "no", "inf", "n / a"])
def test_anything_else_is_a_value(cell: str) -> None:
    assert not is_no_value(cell)
    assert not is_no_value(cell, of_numbers=True)
    assert not is_missing_for_pandas(cell)


@pytest.mark.parametrize("cell", [None, np.nan, pd.NA])
def test_cells_of_frames_are_taken_as_text(cell: Any) -> None:
    assert is_no_value(cell, of_numbers=True)


@pytest.mark.parametrize("cell", ["1", " -2.5e3 ", "nan", "inf", 3, np.float32(2), True])
def test_numbers(cell: Any) -> None:
    assert is_number(cell)


@pytest.mark.parametrize("cell", ["", "n/a", "one", "1,5", None, pd.NA, [1, 2], 1j])
def test_what_is_no_number(cell: Any) -> None:
    assert not is_number(cell)
