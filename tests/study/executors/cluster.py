"""A SLURM of two nodes for tests, one at a time on a machine."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.study.executors.processes import lives, wait_until

REPOSITORY = Path(__file__).resolve().parents[3]
SLURM = REPOSITORY.parent / "shared" / "slurm"
NODES = 2


@contextmanager
def slurm(folder: Path) -> Iterator[Path]:
    """Start it, and have this process use it, until the block is left; skips where it cannot."""
    if not (SLURM / "start").is_file() or os.geteuid() != 0:
        pytest.skip("needs a SLURM: ../shared/slurm, which only root can start")
    pytest.importorskip("distributed")
    # Its ports are always the same.
    with (Path(tempfile.gettempdir()) / "boldstream-slurm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        munge = _munge()
        started = subprocess.run([SLURM / "start", folder], capture_output=True, text=True)
        try:
            if started.returncode:
                pytest.skip(f"SLURM cannot be started: {started.stderr.strip()[-200:]}")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
                patch.setenv("PYTHONPATH", str(REPOSITORY))
                yield folder
        finally:
            subprocess.run([SLURM / "stop", folder], check=False, capture_output=True)
            if munge is None:
                _stop_munge()


def _munge() -> int | None:
    """The daemon that SLURM's own trust, which `stop` leaves running."""
    path = Path("/run/munge/munged.pid")
    pid = int(path.read_text()) if path.exists() else 0
    return pid if pid and lives(pid) else None


def _stop_munge() -> None:
    pid = _munge()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not lives(pid), 30)


def run_script(script: Path, seconds: float = 200) -> str:
    """Have SLURM run a script in its folder, and wait for its end; how it ended.

    ``sbatch --wait`` would look ever more seldom.
    """
    job = said("sbatch", "--parsable", str(script), folder=script.parent).strip()
    wait_until(lambda: job not in queued(), seconds)
    facts = dict(re.findall(r"(\w+)=(\S+)", said("scontrol", "show", "job", "--oneliner", job)))
    return f"{facts['JobState']} {facts['ExitCode']}"


def said(*command: str, folder: Path | None = None) -> str:
    """What a command says, which must succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def queued() -> list[str]:
    """Jobs that wait, run or are about to end."""
    return said("squeue", "--noheader", "--format=%i").split()


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Beside an error that leaves the block stands how SLURM is, which was started in `folder`."""
    try:
        yield
    except BaseException as error:
        error.add_note("\n".join([said("squeue", "--long"), said("sinfo", "--long", "--Node")]))
        error.add_note((folder / "log" / "slurmctld.log").read_text()[-4_000:])
        raise
