"""Runs of a small study in processes of their own, for tests that kill them."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.study.made import atlas_of, make_inputs

STUDY = """\
data: {{root: {root}, task: demo, mask: "{mask}"}}
rois: {{atlas: {{image: {atlas}}}}}
betas: {{method: lsa}}
targets: {{picture: {{column: picture}}}}
analyses:
  - {{kind: decoding, name: regions, estimator: lda, permutations: 20}}
  - {{kind: searchlight, name: light, target: picture, estimator: lda, radius: 8}}
  - {{kind: group, name: group, of: regions}}
quality: false
execution: {{kind: {kind}, retries: {retries}, slurm: {slurm}}}
"""
UNITS = [f"sub-{s}/{step}" for s in ("01", "02") for step in ("betas", "regions", "light")]


def write_study(
    folder: Path, *, kind: str = "processes", retries: int = 1, slurm: str = "{}"
) -> Path:
    """Make data, if there are none, and a study file for them."""
    root = folder / "data"
    if not root.exists():
        make_inputs(root)
    (mask,) = root.rglob("*_desc-brain_mask.nii.gz")
    path = folder / f"{kind}.yaml"
    path.write_text(
        STUDY.format(
            root=root,
            mask=mask.relative_to(root),
            atlas=atlas_of(root),
            kind=kind,
            retries=retries,
            slurm=slurm,
        )
    )
    return path


@contextmanager
def running(study: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run in a process of its own; beside an error stands what it said, and where it was."""
    command = [sys.executable, "-X", "faulthandler", "-m", "boldstream", "run", str(study)]
    command += ["--no-progress", "--no-report", "--output-dir", str(output), "--n-jobs", "2"]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=said, stderr=said) as process,
    ):
        try:
            yield process
        except BaseException as error:
            # It tells where its threads are.
            process.send_signal(signal.SIGABRT)
            process.wait()
            said.seek(0)
            error.add_note(said.read().decode(errors="replace"))
            for log in sorted(output.rglob(".boldstream/**/*.log")):
                error.add_note(f"{log.name}:\n{log.read_text()[-2_000:]}")
            raise
        finally:
            process.kill()


def done_units(output: Path) -> dict[str, int]:
    """Units with results, and when these were written."""
    notes = {unit: output / unit / "unit.json" for unit in [*UNITS, "group/group"]}
    return {unit: note.stat().st_mtime_ns for unit, note in notes.items() if note.exists()}
