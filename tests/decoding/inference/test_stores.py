"""Maps in files against the same maps in memory."""

from __future__ import annotations

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
