from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import boldstream

_CALLED = """
from boldstream.core.jit import jit

@jit
def inner(x):
    return x + {}
"""
_CALLER = """
from boldstream.core.jit import jit
from boldstream.kernels.called import inner

@jit
def outer(x):
    return inner(x)
"""
_PROGRAM = """
from boldstream.kernels.caller import outer
print(outer(1))
print(sum(outer.stats.cache_hits.values()))
"""


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_changes(tmp_path: Path) -> None:
    """numba itself looks at the file of the kernel that is called, and no other."""
    package = tmp_path / "boldstream"
    original = Path(boldstream.__file__).parent
    for part in ("core", "kernels"):
        copytree(original / part, package / part)
    for name in ("__init__.py", "_version.py"):
        (package / name).write_bytes((original / name).read_bytes())
    kernels = package / "kernels"
    (kernels / "caller.py").write_text(_CALLER)
    said = []
    for added in (1, 1, 20):
        called = kernels / "called.py"
        if added != 1 or not called.exists():
            called.write_text(_CALLED.format(added))
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.split())
    assert said == [["2", "0"], ["2", "1"], ["21", "0"]]
