"""`SlurmQueue`: the commands of SLURM, for the jobs of one executor."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from boldstream.core.errors import ParameterError

_SETTLE_SECONDS = 2.0
_LEAVE_SECONDS = 10.0
_POLL_SECONDS = 0.2
_COMMAND_SECONDS = 60.0
_LINE_LENGTH = 160
_STILL_THERE = {"RUNNING", "COMPLETING", "PENDING", "CONFIGURING"}
_logger = logging.getLogger(__name__)


class SlurmQueue:
    """Jobs of SLURM that have one name, which is like no other.

    Parameters
    ----------
    logs : Path
        Folder of the logs of the jobs.

    Raises
    ------
    ParameterError
        If SLURM is not here.
    """

    def __init__(self, logs: Path) -> None:
        if shutil.which("sbatch") is None:
            raise ParameterError("SLURM must be on the PATH: there is no command sbatch")
        self.name = f"boldstream-{secrets.token_hex(4)}"
        self._logs = logs

    def test(self, script: str) -> None:
        """Ask SLURM whether it would take a script.

        Raises
        ------
        ParameterError
            If it would not; it says why.
        """
        self._sbatch(["--test-only"], script)

    def submit(self, script: str) -> str:
        """Submit a script, and return the id of the job.

        Raises
        ------
        ParameterError
            If SLURM does not take it; it says why.
        """
        return self._sbatch(["--parsable"], script).partition(";")[0].strip()

    def reasons(self) -> dict[str, str] | None:
        """Why each job is not running ("None" if it is); None while SLURM does not answer."""
        done = _run(["squeue", "--noheader", "--format=%i %r", f"--name={self.name}"])
        if done.returncode:
            return None
        return dict(line.strip().split(" ", 1) for line in done.stdout.splitlines())

    def cancel(self, ids: Sequence[str]) -> None:
        """End these jobs; those that ended are no error."""
        if ids:
            _run(["scancel", "--quiet", *ids])

    def cancel_all(self) -> None:
        """End all jobs, one too whose submission was broken off before its id was known.

        Waits a while for them to be gone; SLURM kills those that take longer.
        """
        _run(["scancel", "--quiet", f"--name={self.name}"])
        deadline = time.monotonic() + _LEAVE_SECONDS
        while self.reasons() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def how_it_ended(self, job_id: str) -> str:
        """Say what became of a job, as far as SLURM and its log tell.

        A job that is just ending is given a moment to have ended.
        """
        deadline = time.monotonic() + _SETTLE_SECONDS
        facts = self._facts(job_id)
        while facts.get("JobState") in _STILL_THERE and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            facts = self._facts(job_id)
        state, code = facts.get("JobState", "no longer known"), facts.get("ExitCode", "?")
        log = self._logs / f"{job_id}.log"
        return f"SLURM job {job_id} ({state}, exit code {code}){_word(log)}"

    def _facts(self, job_id: str) -> dict[str, str]:
        done = _run(["scontrol", "show", "job", "--oneliner", job_id])
        return dict(re.findall(r"(\w+)=(\S+)", done.stdout))

    def _sbatch(self, options: Sequence[str], script: str) -> str:
        # A per cent sign in a file name of a job stands for a fact of the job.
        log = f"{str(self._logs).replace('%', '%%')}/%j.log"
        done = _run(["sbatch", *options, f"--job-name={self.name}", f"--output={log}"], script)
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise ParameterError(f"`slurm` must be settings that sbatch takes; it says: {said}")
        return done.stdout


def _word(log: Path) -> str:
    """What the log of a job says of its end, to be put behind a sentence."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"; it has no log {log}"
    by_slurm = [line for line in lines if line.startswith("slurmstepd")]
    said = [line for line in by_slurm if "memory" in line][:1]
    said = said or by_slurm[-1:] or [line for line in lines if line.strip()][-1:]
    return "; ".join(["", f"see {log}", *(line.strip()[:_LINE_LENGTH] for line in said)])


def _run(command: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    # A program that is a job itself would hand its own limits to its jobs.
    environ = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith("SLURM_")
    }
    try:
        done = subprocess.run(
            command,
            input=text or "",
            env=environ,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_COMMAND_SECONDS,
            # Ctrl-C is for the program, which then needs these commands.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(command, 124, "", f"no answer in {_COMMAND_SECONDS} s")
    if done.returncode:
        _logger.debug("%s: %s", " ".join(command), done.stderr.strip())
    return done
