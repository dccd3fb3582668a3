"""Build boldstream, install it beside nothing else, and try it on every Python that is found.

The sdist is made of the working tree and the wheel of the sdist, as an installer would. Each Python
gets two new environments, without extras and with all of those that users have; `tools/smoke.py`
runs there. Packages are the newest ones that pyproject.toml allows, not those of the lock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MINORS = ("3.11", "3.12", "3.13")
EXTRAS = ("cluster", "minc")


def main() -> None:
    """Do it for all Pythons or those that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pythons", nargs="*", help="programs; by default all of 3.11 to 3.13 found")
    pythons = parser.parse_args().pythons or find_pythons()
    with tempfile.TemporaryDirectory(prefix="boldstream-release-") as folder:
        wheel = build(REPOSITORY, Path(folder))
        for python in pythons:
            for extras in ((), EXTRAS):
                print(f"{python} with {' and '.join(extras) or 'no extras'} ...", flush=True)
                try_on(python, wheel, extras)


def build(source: Path, folder: Path) -> Path:
    """Build an sdist of `source`, and the wheel of it, in `folder`; returns the wheel."""
    hatchling = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run([*hatchling, "--target", "sdist"], cwd=source, check=True, stdout=sys.stderr)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    subprocess.run([*hatchling, "--target", "wheel"], cwd=unpacked, check=True, stdout=sys.stderr)
    (wheel,) = folder.glob("*.whl")
    return wheel


def find_pythons() -> list[str]:
    """One program for each version, from the path or pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = []
    for minor in MINORS:
        kept = sorted(root.glob(f"versions/{minor}.*/bin/python{minor}"))
        # On the path there may be pyenv's own stand-in, which runs only where it is told to.
        here = [str(kept[-1])] if kept else [shutil.which(f"python{minor}")]
        found += [python for python in here if python]
    return found or [sys.executable]


def try_on(python: str, wheel: Path, extras: tuple[str, ...] = ()) -> None:
    """Install a wheel in a new environment and run the smoke test in it."""
    with tempfile.TemporaryDirectory(prefix="boldstream-try-") as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        alone = str(Path(folder) / "bin" / "python")
        chosen = f"[{','.join(extras)}]" if extras else ""
        wanted = f"boldstream{chosen} @ {wheel.as_uri()}"
        pip = [alone, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", wanted], check=True)
        subprocess.run([*pip, "check"], check=True)
        # Isolated, and elsewhere: the working tree is not to be imported.
        smoke = [alone, "-I", str(REPOSITORY / "tools" / "smoke.py")]
        subprocess.run([*smoke, *extras], check=True, cwd=folder)


if __name__ == "__main__":
    main()
