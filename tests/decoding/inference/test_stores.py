"""Maps in files against the same maps in memory."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import StorageError
from boldstream.decoding.inference import stores
from boldstream.decoding.inference.stores import FileMaps, MemoryMaps


@given(data=st.data())
def test_any_columns_in_any_order(data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    shape = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 20))
    values = np.random.default_rng(0).standard_normal(shape).astype("f4")
    cuts = sorted({0, shape[1], *data.draw(st.lists(st.integers(0, shape[1]), max_size=6))})
    spans = data.draw(st.permutations(list(pairwise(cuts))))
    path = tmp_path_factory.mktemp("maps") / "maps.npy"
    in_file, in_memory = FileMaps(path, shape), MemoryMaps(np.zeros(shape, "f4"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "_GATHERED", data.draw(st.integers(0, 200)))
        for start, stop in spans:
            for maps in (in_file, in_memory):
                maps.put(start, np.ascontiguousarray(values[:, start:stop]))
        in_file.flush()
    a, b = sorted(data.draw(st.tuples(*[st.integers(0, shape[1])] * 2)))
    for maps in (in_file, in_memory):
        np.testing.assert_array_equal(maps.columns(a, b), values[:, a:b])
        np.testing.assert_array_equal(maps.read(shape[0] - 1), values[-1])
        assert maps.shape == shape
        maps.read(0)[:] = 7
        maps.columns(0, 1)[:] = 7
        np.testing.assert_array_equal(maps.read(0), values[0])
    in_file.close()
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), values)


def test_no_room_is_told_before_anything_is_put(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="needed"):
        FileMaps(tmp_path / "maps.npy", (10**6, 10**10))


def test_a_file_that_became_shorter_is_told(tmp_path: Path) -> None:
    maps = FileMaps(tmp_path / "maps.npy", (3, 100))
    with (tmp_path / "maps.npy").open("r+b") as file:
        file.truncate(600)
    with pytest.raises(StorageError, match="shorter than it was"):
        maps.read(2)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"missing\.npy cannot be opened: No such file"):
        FileMaps(tmp_path / "missing.npy", (1, 1), offset=0)


def test_what_the_system_says_is_passed_on_with_the_file(tmp_path: Path) -> None:
    FileMaps(tmp_path / "maps.npy", (1, 4)).close()
    maps = FileMaps(tmp_path / "maps.npy", (1, 4), offset=128)
    maps.put(0, np.ones((1, 4), "f4"))
    with pytest.raises(StorageError, match=r"maps\.npy: Bad file descriptor"):
        maps.flush()


def test_columns_are_written_once_there_are_16_mib(tmp_path: Path) -> None:
    size = 9 << 17  # 9 MiB of two maps
    maps = FileMaps(tmp_path / "maps.npy", (2, 2 * size))
    maps.put(0, np.ones((2, size), "f4"))
    assert not maps.read(0).any()
    maps.put(size, np.full((2, size), 2, "f4"))
    np.testing.assert_array_equal(maps.read(1), np.repeat([1, 2], size))


def test_moves_in_parts_come_to_the_whole(tmp_path: Path) -> None:
    """As a system may do that is asked for more than 2 GiB, or is interrupted."""

    def a_few_bytes(file: int, buffers: list[memoryview], at: int) -> int:
        return os.pwritev(file, [buffers[0][:7]], at)

    maps = FileMaps(tmp_path / "maps.npy", (1, 25))
    values = np.arange(25, dtype="f4")
    maps._all_of(a_few_bytes, values, maps._at(0, 0))
    np.testing.assert_array_equal(maps.read(0), values)


def test_parts_side_by_side_are_written_together() -> None:
    parts = [(start, np.zeros((2, n), "f4")) for start, n in [(7, 1), (0, 3), (3, 2)]]
    found = stores._runs(parts)
    assert [(start, [part.shape[1] for part in some]) for start, some in found] == [
        (0, [3, 2]),
        (7, [1]),
    ]
