"""Tables of text, and seeds from tables and arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boldstream.core.errors import ParameterError, TableError
from boldstream.io.seeds import load_seeds
from boldstream.io.tables import read_table


@pytest.mark.parametrize("column", ["name", "label"])
def test_seeds_from_tables(tmp_path: Path, column: str) -> None:
    path = tmp_path / "seeds.tsv"
    path.write_text(f"{column}\tz\ty\tx\nPCC\t18\t-52\t0.5\n\nAG\t32\t-68\t-46\n")
    seeds = load_seeds(path)
    assert seeds.coordinates.tolist() == [[0.5, -52, 18], [-46, -68, 32]]
    assert seeds.names == ("PCC", "AG")


def test_only_line_breaks_end_a_line(tmp_path: Path) -> None:
    (tmp_path / "seeds.tsv").write_text("x\ty\tz\tname\r1\t2\t3\tleft\u2028V1\x0b\r", newline="")
    assert load_seeds(tmp_path / "seeds.tsv").names == ("left\u2028V1",)


def test_seeds_from_csv_without_names(tmp_path: Path) -> None:
    (tmp_path / "seeds.csv").write_text("﻿x,y,z\r\n1,2,3\r\n", encoding="utf-8")
    seeds = load_seeds(str(tmp_path / "seeds.csv"))
    assert seeds.coordinates.tolist() == [[1, 2, 3]]
    assert seeds.names == ("sphere_1",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x\ty\tz\n1\t2\t3\n1\ttwo\t3\n", "line 3: `y` must be a finite number of mm, got 'two'"),
        ("x\ty\tz\n1\t2\tnan\n", "line 2: `z` must be a finite number"),
        ("x\ty\tz\n1\t2\n", "line 2: a row must have 3 cells, got 2"),
        ("x\ty\n1\t2\n", "must have a column 'z', got x, y"),
        ("x\ty\tx\n1\t2\t3\n", "must name each column once"),
        ("x\ty\tz\n", "at least one seed"),
        ("", "must name each column once"),
        ('x\ty\tz\tname\n1\t2\t3\t"PCC\n4\t5\t6\tAG\n', "line 3: unexpected end of data"),
        ("x\ty\tz\n1\t2\t" + "3" * 200_000, "line 2: field larger than field limit"),
    ],
    ids=range(9),
)
def test_tables_that_are_no_seeds(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "seeds.tsv"
    path.write_text(text)
    with pytest.raises(TableError, match=says) as caught:
        load_seeds(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read as a table: No such file"):
        read_table(tmp_path / "absent.tsv")
    (tmp_path / "bytes.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TableError, match="not text in UTF-8"):
        read_table(tmp_path / "bytes.tsv")


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([(1, 2)], r"must have the shape \(n, 3\), got \(1, 2\)"),
        ([1, 2, 3], r"got \(3,\)"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        ([(1, 2, 3), (1, np.nan, 3)], "in row 1"),
        ([("a", "b", "c")], "points of three numbers"),
        ([(1, 2, 3), (1, 2)], "points of three numbers"),
    ],
)
def test_arrays_that_are_no_seeds(seeds: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        load_seeds(seeds)


def test_names_that_are_given(tmp_path: Path) -> None:
    points = [(1, 2, 3), (4, 5, 6)]
    assert load_seeds(points, ["PCC", "V1"]).names == ("PCC", "V1")
    path = tmp_path / "seeds.tsv"
    path.write_text("x\ty\tz\tname\n1\t2\t3\tleft\n")
    assert load_seeds(path, ("right",)).names == ("right",)
    wrong: list[Any] = [["PCC"], "ab", ["PCC", 2], [], 3, {"PCC", "V1"}]
    for names in wrong:
        with pytest.raises(ParameterError, match="`names` must be 2 strings, one for each seed"):
            load_seeds(points, names)
