"""``boldstream benchmark``: tables, JSON and pictures; nothing is left when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.benchmark.cases import Case
from boldstream.benchmark.seeds import SEEDS
from boldstream.benchmark.seeds.loading import loading_cases
from tests.cli.conftest import AFFINE, Command, Study

PROGRAM = [sys.executable, "-m", "boldstream", "benchmark"]
FIGURES = {
    *("outcome", "seconds", "wall_seconds", "peak_bytes", "hwm_bytes", "start_bytes", "why"),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bold(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A small image that is bright in its middle."""
    data = rng.normal(10, 1, (12, 12, 10, 40))
    data[2:10, 2:10, 2:8] += 1000
    nib.save(nib.Nifti1Image(data.astype("f4"), AFFINE), tmp_path / "bold.nii.gz")
    return tmp_path / "bold.nii.gz"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer ways of loading: the others take time, and are run in ``tests/benchmark``."""
    monkeypatch.setitem(_seeds(), "loading", _few)


def _few(inputs: Any) -> list[Case]:
    wanted = ("nibabel_load", "open_image", "mean_of_proxy", "mean_streamed")
    return [case for case in loading_cases(inputs) if case.way in wanted]


@pytest.mark.usefixtures("few")
def test_files_and_tables(command: Command, study: Study, cache: Path, bold: Path) -> None:
    out = study.folder / "out"
    options = ["--seed", "loading", "--repeats", 2, "--no-progress", "--output", out]
    done = command("benchmark", bold, *options)
    assert (done.code, done.err) == (0, "")
    assert list(cache.iterdir()) == []
    assert sorted(path.name for path in out.iterdir()) == [
        *("benchmark.json", "loading.png", "loading.svg"),
    ]
    content = json.loads((out / "benchmark.json").read_text())
    assert set(content) == {
        *("schema", "made", "machine", "versions", "settings", "rows", "problems"),
    }
    assert content["schema"] == 1
    assert content["problems"] == []
    assert content["settings"]["image"] == str(bold)
    assert content["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert content["versions"]["numpy"] == np.__version__
    rows = {row["way"]: row for row in content["rows"]}
    assert len(rows) == 4
    for row in rows.values():
        assert len(row["repeats"]) == 2
        assert all(set(one) == FIGURES for one in row["repeats"])
        assert row["outcome"] == "done"
    ours, theirs = rows["boldstream.mean_image"], rows["mean_img of nib.load"]
    assert (ours["ours"], ours["largest_difference"], ours["peak_beside_ours"]) == (True, None, 1)
    ratio = [np.median([one["peak_bytes"] for one in row["repeats"]]) for row in (theirs, ours)]
    assert theirs["peak_beside_ours"] == pytest.approx(ratio[0] / ratio[1])
    for title in rows:
        assert title in done.out
    assert "8.8 s, +3 483 MiB" in done.out
    assert "loading: bold.nii.gz, 12 × 12 × 10 × 40, float32" in done.out
    with (out / "loading.png").open("rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    assert "out of memory" not in (out / "loading.svg").read_text()
    again = command("benchmark", bold, *options)
    assert (again.code, "--overwrite" in again.err) == (1, True)


@pytest.mark.usefixtures("few")
def test_a_limit_makes_rows_that_ran_out_of_memory(
    command: Command, study: Study, tmp_path: Path
) -> None:
    # 360 MiB of zeros: more than a process may take, which has its imports already.
    data = np.zeros((64, 64, 64, 360), np.float32)
    data[10:30, 10:30, 10:30] = 1
    nib.save(nib.Nifti1Image(data, AFFINE), tmp_path / "large.nii.gz")
    out = study.folder / "out"
    options = ["--seed", "loading", "--memory-limit", "700MB", "--no-progress", "--output", out]
    done = command("benchmark", tmp_path / "large.nii.gz", *options)
    rows = json.loads((out / "benchmark.json").read_text())["rows"]
    outcomes = {row["way"]: row["outcome"] for row in rows}
    assert (done.code, done.err) == (0, "")
    assert outcomes["mean_img of nib.load"] == "out of memory"
    assert outcomes["boldstream.mean_image"] == "done"
    assert "mean_img of nib.load (loading, " in done.out
    assert {row["limit_bytes"] for row in rows} == {700 << 20}


def test_other_numbers_are_an_error(
    command: Command, study: Study, bold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(inputs: Any) -> list[Case]:
        cases = loading_cases(inputs)
        # Our mean is held against another volume.
        return [
            Case(
                seed="loading",
                table=cases[0].table,
                task="mean",
                title="a volume for a mean",
                module=cases[0].module,
                way="volume_read",
                arguments=cases[-3].arguments,
            ),
            cases[5],
        ]

    monkeypatch.setitem(_seeds(), "loading", wrong)
    out = study.folder / "out"
    done = command("benchmark", bold, "--seed", "loading", "--no-progress", "--output", out)
    assert done.code == 1
    assert "a volume for a mean (loading," in done.err
    assert "made other numbers than ours: they are up to 0.00" in done.err
    (problem,) = json.loads((out / "benchmark.json").read_text())["problems"]
    assert "of the largest value apart" in problem
    assert " !" in done.out


def _seeds() -> dict[str, Any]:
    assert isinstance(SEEDS, dict)
    return SEEDS


def test_what_compares_imports_nothing_of_what_is_compared(tmp_path: Path, bold: Path) -> None:
    code = (
        "import sys; from boldstream.cli.entry import run; "
        "from boldstream.benchmark.seeds import SEEDS, loading_cases; "
        "SEEDS['loading'] = lambda inputs: loading_cases(inputs)[4:6]; "
        "code = run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    arguments = [str(bold), "--seed", "loading", "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, "benchmark", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not {"nilearn", "sklearn", "joblib", "numba"} & loaded


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    before = set(Path("/dev/shm").iterdir())
    command = [*PROGRAM, "--seed", "masks", "--size", "0.1", "--output", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        patience = time.monotonic() + 60
        while not _ways_of(process.pid) and time.monotonic() < patience:
            time.sleep(0.05)
        # Until jobs of the way run.
        time.sleep(4)
        ways = _ways_of(process.pid)
        assert ways
        assert list(cache.glob("*/bold_*.nii.gz"))
        process.send_signal(number)
        printed, complaint = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert printed == b""
    assert complaint.decode() == f"Error: stopped by {number.name}\n"
    assert not out.exists()
    assert list(cache.iterdir()) == []
    assert not [pid for pid in ways if Path(f"/proc/{pid}/cmdline").exists() and _is_way(pid)]
    left = [path for path in set(Path("/dev/shm").iterdir()) - before if _is_of(path, ways)]
    assert left == []


def _ways_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_ways_of(int(child))]
    return [child for child in found if _is_way(child)]


def _is_way(pid: int) -> bool:
    try:
        return b"boldstream.benchmark.way" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _is_of(path: Path, pids: list[int]) -> bool:
    """Whether a name in shared memory is joblib's of these processes; others run meanwhile."""
    return any(f"_{pid}_" in path.name or f"-{pid}-" in path.name for pid in pids)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "mask"], "did you mean 'masks'"),
        (["--size", "huge"], "number of GB, got 'huge'"),
        (["--subjects", "4,x"], "positive integers"),
        (["--mask", "V1.nii.gz"], "goes with an IMAGE"),
        (["--repeats", "0"], "--repeats"),
        (["--n-jobs", "0"], "must be a positive integer"),
        (["bold.nii", "--labels", "a.tsv", "--events", "b.tsv"], "give one of both"),
    ],
)
def test_wrong_usage(command: Command, arguments: list[str], message: str) -> None:
    done = command("benchmark", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", "").split())


def test_an_image_that_is_not_there(command: Command, tmp_path: Path) -> None:
    done = command("benchmark", tmp_path / "absent.nii.gz", "--output", tmp_path / "out")
    assert (done.code, "absent.nii.gz" in done.err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_help_has_an_example(command: Command) -> None:
    done = command("benchmark", "--help")
    assert done.code == 0
    assert "Example: boldstream benchmark " in done.out
