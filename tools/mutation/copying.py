"""A copy of the repository, so that neither mutants nor other people's edits meet."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.mutation.targets import REPOSITORY

_COPIED = ("src", "tests", "tools")
_LEFT_OUT = (".git", ".hypothesis", ".mutation_cache", ".pytest_cache")


@contextmanager
def copied_repository() -> Iterator[Path]:
    """A folder with copies of the code and links to all else, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="boldstream-mutation-") as folder:
        root = Path(folder) / REPOSITORY.name
        root.mkdir()
        for entry in REPOSITORY.iterdir():
            if entry.name in _COPIED:
                # With compiled kernels, so that no change of other code waits for them.
                shutil.copytree(entry, root / entry.name, ignore=shutil.ignore_patterns("*.tmp.*"))
            elif entry.name not in _LEFT_OUT:
                (root / entry.name).symlink_to(entry)
        shared = REPOSITORY.parent / "shared"
        if shared.is_dir():
            (root.parent / "shared").symlink_to(shared)
        yield root


def environment(root: Path, *, interpreted: bool) -> dict[str, str]:
    """Variables under which the copy is imported, and one thread computes; kernels stay Python."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(threads, "1"),
        "NUMBA_DISABLE_JIT": str(int(interpreted)),
        "PYTHONPATH": str(root / "src"),
        "PYTHONWARNINGS": "",
    }
