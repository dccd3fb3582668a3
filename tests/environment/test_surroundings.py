"""The same work in odd surroundings finds the same, bit by bit, and says nothing."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import boldstream
from tests.environment.children import (
    Ended,
    Plain,
    as_stranger,
    in_mounts,
    need_mounts,
    read_only,
    run,
    working,
)

# Together, as each alone is harmless most likely; each alone under `soak`.
_TOGETHER = {
    "PYTHONHASHSEED": "7",
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TERM": "dumb",
    "COLUMNS": "20",
    "LC_ALL": "POSIX",
    "TMPDIR": "/nonexistent/tmp",
}
# What needs another machine code takes long to compile.
QUICK = "extract", "store", "first_level", "kernels"
_MANY = {"OMP_NUM_THREADS": "999", "NUMBA_NUM_THREADS": "999", "OPENBLAS_NUM_THREADS": "999"}
_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SURROUNDINGS: dict[str, dict[str, Any]] = {
    "no docstrings, no asserts": {"options": ["-OO"], "parts": QUICK},
    "warnings are errors": {"options": ["-X", "dev", "-bb", "-W", "error"]},
    "small, together": {"environ": _TOGETHER, "shell": "umask 077; ulimit -n 64"},
}
MORE: dict[str, dict[str, Any]] = {
    "nothing left out, no docstrings": {"options": ["-OO"]},
    "ASCII": {"environ": _ASCII},
    "many threads": {"environ": _MANY},
    "one thread": {"environ": dict.fromkeys(_MANY, "1")},
    "few files": {"shell": "ulimit -n 32"},
    "little address space": {"shell": "ulimit -v 1500000"},
    "all may read": {"shell": "umask 000"},
    "no one may read": {"shell": "umask 777"},
    "closed streams": {"shell": "exec <&- >&- 2>&-"},
    "no home": {"without": ["HOME"]},
    "another home": {"environ": {"HOME": "/nonexistent/home"}},
    "a file for a temporary folder": {"environ": {"TMPDIR": "/etc/passwd"}},
    **{f"hash seed {seed}": {"environ": {"PYTHONHASHSEED": seed}} for seed in ("1", "12345")},
}


def check(
    plain: Plain,
    output: Path,
    *,
    parts: Sequence[str] = (),
    options: Sequence[str] = (),
    **surroundings: Any,
) -> None:
    done = run(working(plain.inputs, output, *parts, options=options), **surroundings)
    assert (done.code, done.out, done.err) == (0, "", "")
    plain.check(output)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_same_is_found(plain: Plain, tmp_path: Path, name: str) -> None:
    check(plain, tmp_path / "found.npz", **SURROUNDINGS[name])


@pytest.mark.soak
@pytest.mark.parametrize("name", MORE)
def test_the_same_is_found_here_too(plain: Plain, tmp_path: Path, name: str) -> None:
    check(plain, tmp_path / "found.npz", **MORE[name])


def test_without_a_compiler_sums_may_round_otherwise(plain: Plain, tmp_path: Path) -> None:
    output = tmp_path / "found.npz"
    command = working(plain.inputs, output, "few_kernels")
    assert run(command, environ={"NUMBA_DISABLE_JIT": "1"}) == Ended(0, "", "")
    with np.load(output, allow_pickle=False) as found:
        np.testing.assert_allclose(found["few"], plain.found["few"], rtol=1e-12)


def test_nothing_can_be_written_and_the_user_is_no_one(plain: Plain, tmp_path: Path) -> None:
    """As in a container: a package of root's, no home, and an id that no list knows."""
    need_mounts()
    package, here = Path(boldstream.__file__).parent, tmp_path / "here"
    here.mkdir()
    command = as_stranger(working(plain.inputs, tmp_path / "found.npz", *QUICK))
    homes = ["HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"]
    done = run(in_mounts(read_only(package), command), without=homes, cwd=here)
    assert (done.code, done.out) == (0, "")
    # Compiling takes longer than all else: it is said once, and not for each kernel.
    assert [line.split(",")[0] for line in done.err.splitlines()] == [
        "compiled kernels cannot be kept"
    ]
    plain.check(tmp_path / "found.npz")
    # numba would make a folder of the name "~".
    assert list(here.iterdir()) == []


def test_memory_without_proc_is_a_clear_error(plain: Plain, tmp_path: Path) -> None:
    need_mounts()
    command = [sys.executable, "-m", "boldstream", "summary"]
    command += [str(plain.inputs / "run-1_bold.nii.gz"), "-o", str(tmp_path / "out")]
    done = run(in_mounts("mount -t tmpfs none /proc", command))
    assert done.code == 1
    assert done.err == (
        "Error: the memory of this machine cannot be told: /proc must be mounted and readable\n"
    )


def test_too_little_address_space_is_a_clear_error(plain: Plain, tmp_path: Path) -> None:
    image = str(plain.inputs / "run-1_bold.nii.gz")
    program = (
        "import resource, boldstream as bs\n"
        "bs.stream, bs.Volumes, bs.open_image\n"
        f"bs.stream({image!r}, bs.Mean())\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 1_000, used + 1_000))\n"
        "try:\n"
        f"    bs.stream({image!r}, bs.Mean())\n"
        "except bs.MemoryBudgetError as error:\n"
        "    print('RLIMIT_AS' in str(error))\n"
    )
    done = run([sys.executable, "-c", program])
    assert (done.code, done.out, done.err) == (0, "True\n", "")
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
