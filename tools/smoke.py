"""Try an installed boldstream: its names, its commands and, in the end, the demo.

Run by any Python that has it, with no more than it brings: `python tools/smoke.py [EXTRA ...]`.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from importlib import import_module, metadata
from pathlib import Path

PROGRAM = Path(sysconfig.get_path("scripts")) / "boldstream"
# What each extra is there for.
MODULES_OF = {
    "minc": ("h5py",),
    "cluster": ("boldstream.study.executors.dask", "boldstream.study.executors.slurm"),
}


def main(extras: list[str]) -> None:
    """Try everything; what fails raises."""
    version = check_names()
    for extra in extras:
        for name in MODULES_OF[extra]:
            import_module(name)
    assert run("--version") == f"boldstream {version}\n"
    for command in commands():
        assert f"Example: boldstream {command}" in run(command, "--help"), command
    with tempfile.TemporaryDirectory() as folder:
        run("demo", str(Path(folder) / "study"), "--no-progress")
    print(f"boldstream {version} works on Python {sys.version.split()[0]}")


def check_names() -> str:
    """Load every public name and return the version, which is that of the distribution."""
    import boldstream

    for name in dir(boldstream):
        getattr(boldstream, name)
    assert metadata.version("boldstream") == boldstream.__version__
    typed = Path(boldstream.__file__).with_name("py.typed")
    assert typed.is_file()
    return boldstream.__version__


def commands() -> list[str]:
    """Names of all commands."""
    from boldstream.cli.app import app

    functions = [info.callback for info in app.registered_commands if info.callback]
    return [function.__name__.replace("_", "-") for function in functions]


def run(*args: str) -> str:
    """Run the installed program and return what it printed."""
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"boldstream {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
