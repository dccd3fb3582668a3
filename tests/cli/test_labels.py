"""Tables of labels: which cells are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from boldstream.cli.decoding.labels import LabelOptions, Labels, read_labels
from boldstream.core.errors import TableError


def read(folder: Path, cells: Sequence[str], *conditions: str) -> Labels:
    path = folder / "labels.csv"
    path.write_text("\n".join(["object,run", *(f"{cell},1" for cell in cells), ""]))
    options = LabelOptions(
        file=path, targets=["object"], groups="run", conditions=conditions, blocks=None
    )
    return read_labels(options, len(cells), "the data")


@pytest.mark.parametrize("cell", ["", "n/a", "N/A", "NaN", "NA", "na"])
def test_a_volume_that_is_taken_must_have_a_label(tmp_path: Path, cell: str) -> None:
    cells = ["face", cell, "house"]
    with pytest.raises(TableError, match=f"line 3: 'object' must have a value .* got {cell!r};"):
        read(tmp_path, cells)
    assert list(read(tmp_path, cells, "face,house").targets["object"]) == ["face", "house"]


@pytest.mark.parametrize("cell", ["null", "none", "None"])
def test_a_label_may_be_a_word_that_pandas_takes_for_none(tmp_path: Path, cell: str) -> None:
    assert list(read(tmp_path, ["face", cell]).targets["object"]) == ["face", cell]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2"], np.int64),
        (["1", "1e3"], np.float64),
        (["1", "9" * 30], np.float64),
        (["1", "9" * 400], np.str_),
        (["1", "9" * 5000], np.str_),
        (["1", "inf"], np.str_),
    ],
)
def test_numbers_are_such_as_64_bits_hold(
    tmp_path: Path, cells: Sequence[str], kind: type[np.generic]
) -> None:
    assert read(tmp_path, cells).targets["object"].dtype.type is kind
