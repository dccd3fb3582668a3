"""Machine code that is kept: damaged, cut off, of former sources, or with no room for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from numba.core import caching

from tests.environment.children import Ended, in_mounts, need_mounts, run

_KERNEL = """
from boldstream.core.jit import jit

@jit
def outer(x):
    return x + {}
"""
_PROGRAM = """
from kernel import outer
print(outer(1), sum(outer.stats.cache_hits.values()))
"""


class Kept:
    """A module with a kernel, and what is kept of it."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "kernel.py"
        self.write(1)

    def write(self, added: int) -> None:
        self.source.write_text(_KERNEL.format(added), encoding="utf-8")

    def call(self) -> tuple[int, int]:
        """Load it as a new process would: the result, and how much was found compiled."""
        spec = spec_from_file_location("kernel", self.source)
        assert spec is not None
        assert spec.loader is not None
        module: Any = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.outer(1), sum(module.outer.stats.cache_hits.values())

    def files(self, suffix: str) -> list[Path]:
        return list(self.source.parent.rglob(f"*.{suffix}"))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


_COMMAND = [sys.executable, "-c", _PROGRAM]


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [_empty, _cut, _zeros])
def test_what_is_damaged_is_compiled_and_kept_anew(
    kept: Kept, suffix: str, damage: Callable[[Path], None]
) -> None:
    assert kept.call() == (2, 0)
    (file,) = kept.files(suffix)
    damage(file)
    assert kept.call() == (2, 0)
    assert kept.call() == (2, 1)


class EndedError(BaseException):
    """Ends a process, as far as the code that runs can tell."""


def test_code_of_a_former_source_is_not_taken_for_new(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a process ends after it wrote the index, and before it wrote the code."""

    def end(*given: object) -> None:
        raise EndedError

    kept.call()
    kept.write(20)
    with monkeypatch.context() as patch:
        patch.setattr(caching.IndexDataCacheFile, "_save_data", end)
        with pytest.raises(EndedError):
            kept.call()
    assert kept.files("nbi")
    assert kept.call() == (21, 0)
    assert kept.call() == (21, 1)


def test_a_full_disk_is_no_reason_to_fail(kept: Kept, tmp_path: Path) -> None:
    need_mounts()
    small = tmp_path / "small"
    small.mkdir()
    command = in_mounts(f"mount -t tmpfs -o size=4k none {small}", _COMMAND)
    environ = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(small)}
    assert run(command, environ=environ) == Ended(0, "2 0\n", "")


def test_where_nothing_can_be_written_it_is_said_once(kept: Kept, tmp_path: Path) -> None:
    need_mounts()
    nowhere = tmp_path / "file"
    nowhere.write_text("in the way", encoding="utf-8")
    environ = {"PYTHONPATH": str(tmp_path), "HOME": str(nowhere)}
    shell = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path}"
    command = in_mounts(shell, _COMMAND)
    done = run(command, environ=environ, without=["XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
    assert (done.code, done.out) == (0, "2 0\n")
    assert len(done.err.splitlines()) == 1
    assert "NUMBA_CACHE_DIR" in done.err
