"""`MemoryMappedArray` against numpy's own files, and what closing it must not do."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import boldstream as bs
from boldstream.memory.mapped import MemoryMappedArray, is_mapped

MIB = 1 << 20


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(3, 4, 5)).astype("f4")


@pytest.fixture
def file(tmp_path: Path, values: np.ndarray) -> Path:
    path = tmp_path / "values.dat"
    values.tofile(path)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">i2", "<f8", "u1"])
def test_values_are_those_that_numpy_wrote(
    tmp_path: Path, rng: np.random.Generator, order: Literal["C", "F"], dtype: str
) -> None:
    wanted = rng.integers(0, 100, (4, 3, 2)).astype(dtype)
    path = tmp_path / "a.npy"
    np.save(path, np.asarray(wanted, order=order))
    offset = path.stat().st_size - wanted.nbytes
    mapped = MemoryMappedArray(path, wanted.shape, dtype, order=order, offset=offset)
    np.testing.assert_array_equal(mapped.array, wanted)
    np.testing.assert_array_equal(mapped[1:, 0], wanted[1:, 0])
    np.testing.assert_array_equal(np.asarray(mapped), wanted)
    assert isinstance(mapped.array, np.memmap)
    assert (len(mapped), mapped.ndim, mapped.nbytes) == (4, 3, wanted.nbytes)
    assert mapped.size_gb == wanted.nbytes / 1024**3


def test_asarray_shares_the_pages_and_a_copy_does_not(file: Path) -> None:
    mapped = MemoryMappedArray(file, (3, 4, 5), "f4")
    assert is_mapped(mapped)
    assert is_mapped(np.asarray(mapped))
    assert is_mapped(mapped[1])
    assert is_mapped(mapped.array.T.view(np.ndarray))
    assert not is_mapped(np.array(mapped))
    assert not is_mapped(mapped[[0, 2]])
    # Of the type, but without a file.
    assert not is_mapped(np.ones(3).view(np.memmap))
    assert np.asarray(mapped, dtype="f8").dtype == np.float64


def test_it_is_read_only_unless_opened_for_writing(file: Path, values: np.ndarray) -> None:
    reader = MemoryMappedArray(file, values.shape, "f4")
    with pytest.raises(bs.ParameterError, match="must be opened with mode='r\\+'"):
        reader[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        reader.array[0] = 1
    with MemoryMappedArray(file, values.shape, "f4", mode="r+") as writer:
        writer[0] = 7
        # Seen at once, and on the disk after flush.
        assert (reader[0] == 7).all()
        writer.flush()
    assert (np.fromfile(file, "f4")[:20] == 7).all()


def test_a_new_file_is_private_whole_and_removed_by_its_maker_only(tmp_path: Path) -> None:
    path = tmp_path / "new.dat"
    made = MemoryMappedArray(path, (1000, 1000), "f4", mode="w+")
    found = path.stat()
    assert found.st_mode & 0o777 == 0o600
    assert (found.st_size, found.st_blocks * 512 >= 4_000_000) == (4_000_000, True)
    with pytest.raises(bs.OutputExistsError, match=r"new.dat exists already"):
        MemoryMappedArray(path, (2,), "f4", mode="w+")
    MemoryMappedArray(path, (2,), "f4").cleanup()
    pickle.loads(pickle.dumps(made)).cleanup()
    assert path.exists()
    made.cleanup()
    made.cleanup()
    assert not path.exists()


def test_without_room_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(bs.StorageError, match="needed"):
        MemoryMappedArray(tmp_path / "a", (1 << 50,), "u1", mode="w+")
    assert not list(tmp_path.iterdir())


def test_closing_lets_views_live_and_the_array_says_that_it_is_closed(
    file: Path, values: np.ndarray
) -> None:
    mapped = MemoryMappedArray(file, values.shape, "f4")
    view, row = mapped.array, mapped[1]
    mapped.close()
    mapped.close()
    np.testing.assert_array_equal(view, values)
    np.testing.assert_array_equal(row, values[1])
    assert mapped.closed
    assert "closed" in repr(mapped)
    for use in (lambda: mapped[0], lambda: np.asarray(mapped), lambda: mapped.array):
        with pytest.raises(bs.StorageError, match=r"values.dat is closed"):
            use()


def test_views_outlive_everything_without_a_crash(file: Path) -> None:
    program = f"""
import gc, numpy as np
from boldstream import MemoryMappedArray
mapped = MemoryMappedArray({str(file)!r}, (3, 4, 5), "f4", mode="r+")
views = [mapped.array, mapped[0], memoryview(mapped.array), np.asarray(mapped).T]
mapped.cleanup(); del mapped; gc.collect()
views[1][:] = 3
print(float(views[0][0].sum()), views[2][0, 0, 0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "60.0 3.0\n", "")


def test_pickling_takes_the_path_and_not_the_values(tmp_path: Path) -> None:
    made = MemoryMappedArray(tmp_path / "large.dat", (4, MIB), "u1", mode="w+")
    made[2] = 5
    sent = pickle.dumps(made)
    assert len(sent) < 2000
    again = pickle.loads(sent)
    assert again.mode == "r+"
    np.testing.assert_array_equal(again.array, made.array)
    again[0, 0] = 9
    assert made[0, 0] == 9


def test_a_closed_array_pickles_as_an_open_one(file: Path, values: np.ndarray) -> None:
    mapped = MemoryMappedArray(file, values.shape, "f4")
    mapped.close()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mapped)).array, values)


def _double(mapped: MemoryMappedArray) -> float:
    mapped[:] = mapped.array * 2
    return float(mapped.array.sum())


def test_a_worker_shares_the_file_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = MemoryMappedArray("relative.dat", (100,), "f8", mode="w+")
    made[:] = 1
    sent = pickle.dumps(made)
    monkeypatch.chdir("/")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_double, [pickle.loads(sent)]) == 200
    assert (made.array == 2).all()


@dataclass
class Hold:
    """Counts what is open."""

    open: ClassVar[int] = 0
    done: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        type(self).open += 1

    def close(self) -> None:
        type(self).open -= 1


def test_a_hold_lasts_from_opening_to_closing(file: Path) -> None:
    mapped = MemoryMappedArray(file, (60,), "f4", hold=Hold)
    assert Hold.open == 1
    again = pickle.loads(pickle.dumps(mapped))
    assert Hold.open == 2
    again.close()
    mapped.close()
    mapped.close()
    assert Hold.open == 0
    forgotten = MemoryMappedArray(file, (60,), "f4", hold=Hold)
    del forgotten
    assert Hold.open == 0
    with pytest.raises(bs.StorageError):
        MemoryMappedArray(file, (61,), "f4", hold=Hold)
    assert Hold.open == 0


def test_dropped_pages_leave_memory_and_changes_stay(tmp_path: Path) -> None:
    def resident(path: Path) -> int:
        maps = Path("/proc/self/smaps").read_text()
        found = maps[maps.index(path.name) :]
        return int(found[found.index("Rss:") :].split()[1]) * 1024

    path = tmp_path / "dropped.dat"
    with MemoryMappedArray(path, (8 * MIB,), "u1", mode="w+") as made:
        made[:] = 3
        assert resident(path) == 8 * MIB
        made.drop_pages()
        assert resident(path) == 0
        assert (made.array == 3).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"file_path": "absent.dat"}, bs.StorageError, "absent.dat cannot be mapped: No such file"),
        ({"shape": (4, 4, 5)}, bs.StorageError, "must hold at least 320 bytes, got 240"),
        ({"offset": 4}, bs.StorageError, "must hold at least 244 bytes, got 240"),
        ({"shape": (0, 4)}, bs.ParameterError, "`shape` must be an integer of at least 1, got 0"),
        ({"shape": ()}, bs.ParameterError, r"`shape` must have one axis at least, got \(\)"),
        ({"dtype": "O"}, bs.ParameterError, "`dtype` must be a type of numbers, got object"),
        ({"dtype": "x9"}, bs.ParameterError, "`dtype` must be a type of numbers, got 'x9'"),
        ({"mode": "w"}, bs.ParameterError, "`mode` must be one of 'r', 'r\\+', 'w\\+', got 'w'"),
        ({"order": "A"}, bs.ParameterError, "`order` must be one of 'C', 'F', got 'A'"),
        ({"offset": -1}, bs.ParameterError, "`offset` must be an integer of at least 0, got -1"),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    file: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Any] = {"file_path": file, "shape": (3, 4, 5), "dtype": "f4"}
    with pytest.raises(error, match=message):
        MemoryMappedArray(**given | change)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(file: Path) -> None:
    file.chmod(0)
    with pytest.raises(bs.StorageError, match="Permission denied"):
        MemoryMappedArray(file, (60,), "f4")
