"""Maps of subjects as tiles: every voxel comes back once, from memory and from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boldstream.decoding.group.tiles import open_tiles
from boldstream.decoding.inference.stores import FileMaps, MemoryMaps


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(
    ("width", "lengths"), [(4, [4, 4, 2]), (5, [5, 5]), (20, [10]), (9, [9, 1])]
)
def test_tiles_are_columns_of_all_subjects(
    rng: np.random.Generator, cache: Path, in_file: bool, width: int, lengths: list[int]
) -> None:
    values = rng.normal(size=(3, 10)).astype("f4")
    room = 0 if in_file else 1 << 20
    with open_tiles(3, 10, width, memory_bytes=room) as tiles:
        for subject in (2, 0, 1):
            tiles.put(subject, values[subject])
        tiles.store.flush()
        assert len(tiles) == len(lengths)
        starts = [sum(lengths[:number]) for number in range(len(lengths))]
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            found, tile = tiles.read(number)
            assert found == start
            np.testing.assert_array_equal(tile, values[:, start : start + length])
        last = tiles.store.read(len(lengths) - 1).reshape(3, width)
        assert (last[:, lengths[-1] :] == 0).all()


def test_what_fits_the_memory_given_goes_to_no_file(cache: Path) -> None:
    """Three subjects and two tiles of six voxels: 36 values of four bytes."""
    with open_tiles(3, 10, 6, memory_bytes=144) as tiles:
        assert isinstance(tiles.store, MemoryMaps)
        assert not cache.exists()
    with open_tiles(3, 10, 6, memory_bytes=143) as tiles:
        assert isinstance(tiles.store, FileMaps)
        assert tiles.store.shape == (2, 18)
        (file,) = cache.rglob("tiles.npy")
        assert file.stat().st_size >= 144
    assert list(cache.iterdir()) == []
    with pytest.raises(ValueError, match="stopped"), open_tiles(3, 10, 6, memory_bytes=0):
        raise ValueError("stopped")
    assert list(cache.iterdir()) == []
