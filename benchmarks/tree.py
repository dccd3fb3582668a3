"""Which code is measured: git's revision, and whether files differ from it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from benchmarks.harness import REPOSITORY

# What figures hang on; not tables of them.
_MEASURED = ("src", "benchmarks/*.py", "pyproject.toml", "requirements.lock")


def git(*arguments: str, folder: Path = REPOSITORY) -> str | None:
    """What a command of git says; None where there is no git, or no checkout."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def revision(folder: Path = REPOSITORY) -> str:
    """The commit that is checked out."""
    return (git("rev-parse", "--short=12", "HEAD", folder=folder) or "unknown").strip()


def changes(folder: Path = REPOSITORY) -> str:
    """Digest of what differs from it in files that are measured; empty where nothing does."""
    differs = git("diff", "HEAD", "--", *_MEASURED, folder=folder) or ""
    new = git("ls-files", "--others", "--exclude-standard", "--", *_MEASURED, folder=folder) or ""
    for name in new.splitlines():
        differs += f"{name}\n{(folder / name).read_bytes().hex()}\n"
    return hashlib.sha256(differs.encode()).hexdigest()[:12] if differs else ""
