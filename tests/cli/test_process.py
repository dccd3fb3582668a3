"""The program as a process: start, signals, pipes, exit codes."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import boldstream
from tests.cli.conftest import AFFINE, Study

PROGRAM = [sys.executable, "-m", "boldstream"]


def run_program(*args: object) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def modules_after(*args: object) -> set[str]:
    """Names of the modules that a command has imported by its end."""
    code = (
        "import sys; from boldstream.cli.entry import run; code = run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_version() -> None:
    done = run_program("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"boldstream {boldstream.__version__}\n"


@pytest.mark.parametrize("name", ["info", "extract", "glm", "betas", "summary", "volume", "demo"])
def test_help_has_an_example(name: str) -> None:
    done = run_program(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Example: boldstream {name} " in done.stdout


def test_help_names_all_commands() -> None:
    done = run_program("--help")
    assert done.returncode == 0
    for name in ("info", "extract", "glm", "betas", "summary", "volume", "demo"):
        assert f"│ {name} " in done.stdout
    assert run_program().returncode == 2
    assert run_program("extrakt").returncode == 2


def test_help_imports_nothing_heavy() -> None:
    heavy = {"numpy", "nibabel", "scipy", "isal", "pydantic", "boldstream.api"}
    assert not heavy & modules_after("--help")


def test_extraction_imports_no_more_than_it_needs(study: Study) -> None:
    args = ["extract", study.bold, "--mask", study.mask, "--atlas", study.atlas]
    loaded = modules_after(*args, "-o", study.folder / "out")
    assert {"numpy", "nibabel", "isal"} <= loaded
    unwanted = {"numba", "nilearn", "sklearn", "pandas", "matplotlib", "psutil", "pydantic"}
    assert not unwanted & loaded
    assert not {"scipy.ndimage", "rich.progress", "importlib.metadata"} & loaded


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of 16 GiB of zeros, which takes seconds to decode, in 16 MB."""
    path = tmp_path_factory.mktemp("endless") / "bold.nii.gz"
    image = nib.Nifti1Image(np.zeros((64, 64, 32, 1), "f4"), AFFINE)
    image.header.set_data_shape((64, 64, 32, (1 << 15) - 1))
    # Members of a gzip file are decoded one after another, as if they were one.
    zeros = gzip.compress(bytes(1 << 26), compresslevel=9)
    with path.open("wb") as file:
        file.write(gzip.compress(image.header.binaryblock + bytes(4)))
        for _ in range(256):
            file.write(zeros)
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(
    endless: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "new" / "out"
    command = [*PROGRAM, "summary", str(endless), "--output", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        patience = time.monotonic() + 120
        while not out.exists() and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(number)
        printed, complaint = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert printed == b""
    assert complaint.decode() == f"Error: stopped by {number.name}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_ends_quietly(study: Study) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PROGRAM, "info", str(study.bold)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_closed_streams_are_no_error(study: Study) -> None:
    program = f"exec {sys.executable} -m boldstream summary {study.bold} -o {study.folder}/out"
    done = subprocess.run(["sh", "-c", f"{program} >&- 2>&-"], check=False)
    assert done.returncode == 0
    assert len(list((study.folder / "out").iterdir())) == 3


def test_a_signal_in_a_finalizer_is_not_lost(tmp_path: Path) -> None:
    program = """
import os, signal, sys, time
from boldstream.cli import entry

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

def app(args, prog_name):
    last = Last()
    del last
    time.sleep(300)

entry.app = app
entry.main()
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr == "Error: stopped by SIGTERM\n"


def test_signals_in_a_row_are_one(endless: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*PROGRAM, "summary", str(endless), "--output", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not out.exists() and process.poll() is None:
            time.sleep(0.01)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 3:
            process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode > 128
    assert len(complaint.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_under_standard_output_is_an_error(study: Study) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    with full.open("w") as file:
        command = [*PROGRAM, "info", str(study.bold)]
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert b"No space left" in done.stderr


def test_names_that_the_terminal_or_json_cannot_show(study: Study) -> None:
    odd = study.folder / os.fsdecode("脳-".encode() + b"\xff.nii.gz")
    study.bold.rename(odd)
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [*PROGRAM, "info", odd], capture_output=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0].endswith(rb"\u8133-\udcff.nii.gz")
    done = subprocess.run(
        [*PROGRAM, "extract", odd, "--mask", study.mask, "-o", study.folder / "out"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    about = json.loads((study.folder / "out" / "V1.json").read_text(encoding="utf-8"))
    assert about["sources"][0].endswith(r"脳-\xff.nii.gz")


def test_an_error_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = run_program("summary", tmp_path / "absent.nii", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"Error: {tmp_path}/absent.nii does not exist\n"


def test_a_folder_that_cannot_be_written_to_is_an_error(study: Study) -> None:
    (study.folder / "file").write_text("in the way")
    done = run_program("summary", study.bold, "-o", study.folder / "file" / "out")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(study.folder / "file") in done.stderr
