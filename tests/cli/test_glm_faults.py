"""`boldstream glm` refuses what it cannot do, and says why."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Command, Done
from tests.cli.task import AFFINE, TR, N, Task, make_task
from tests.cli.test_glm import files_in
from tests.oracle import fdata, load

FACE = ["--contrast", "face - house"]
PREFIX = "sub-01_task-look"
LABEL = f"{PREFIX}_contrast-faceMinusHouse"


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path)


@pytest.fixture
def out(task: Task) -> Path:
    """Where one subject's results go."""
    return task.folder / "out" / "sub-01"


def refused(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.err
    message = " ".join(done.err.replace("│", " ").split())
    for word in words:
        assert word in message
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([], "Missing option '--contrast'"),
        (["--contrast", "../=face"], "must have a name with letters or digits"),
        (["--contrast", "face" + " + face" * 20], "at most 100"),
        (["--contrast", "face;"], "several with semicolons between"),
        (["--contrast", "="], "must be a sum of regressors"),
        ([*FACE, "--contrast", "Face-house"], "2 contrasts are called 'faceMinusHouse'"),
        ([*FACE, "--hrf-model", "glovr"], "--hrf-model"),
        ([*FACE, "--hrf-model", "fir"], "goes with --hrf-model fir"),
        ([*FACE, "--fir-delays", "1,2"], "goes with --hrf-model fir"),
        ([*FACE, "--hrf-model", "fir", "--fir-delays", "1,x"], "got '1,x'"),
        ([*FACE, "--slice-time-ref", "2"], "--slice-time-ref"),
        ([*FACE, "--high-pass", "0"], "--high-pass"),
        ([*FACE, "--t-r", "-1"], "--t-r"),
        ([*FACE, "--strategy", "scrubing", "--confounds", "fmriprep"], "--strategy"),
        ([*FACE, "--strategy", "scrubbing"], "--confounds fmriprep only"),
        ([*FACE, "--noise-model", "ar"], "must be ols, or ar1"),
        ([*FACE, "--confounds", "fmriprep:scrubing"], "did you mean 'fmriprep:scrubbing'?"),
        ([*FACE, "--confounds", "a.tsv"], "each of 2 runs, got 1"),
        ([*FACE, "--sample-mask", "a.txt"], "each of 2 runs, got 1"),
    ],
    ids=str,
)
def test_wrong_usage(
    command: Command,
    task: Task,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    hint: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    refused(command("glm", *task.given, *options, "-o", out.parent), 2, hint)
    assert not out.parent.exists()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_events_for_each_run(
    command: Command, task: Task, out: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    events = [word for _ in range(n) for word in ("--events", task.events[0])]
    hint = f"give one for each of 2 runs, got {n}" if n else "Missing option '--events'"
    refused(command("glm", *task.bold, *events, *FACE, "-o", out.parent), 2, hint)


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (
            "fce - house",
            ["run-1_bold.nii.gz, cat, face, house, other,", "got 'fce'; did you mean 'face'?"],
        ),
        ("face * house", ["must be a sum of regressors", "got 'face * house'"]),
        ("face > house", ["must be a sum of regressors"]),
        ("face - 1", ["must be a sum of regressors"]),
        ("face - face", ["must be independent and not 0"]),
        ("face; house; face + house", ["must be independent"]),
        ("other", ["cannot be estimated in", "run-2_bold.nii.gz"]),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("default:Matrix is singular")
@pytest.mark.filterwarnings("default:.* events of")
def test_contrasts_that_the_design_does_not_have(
    command: Command, task: Task, out: Path, contrast: str, words: list[str]
) -> None:
    # In the second run it lies behind the last volume.
    for file, onset in zip(task.events, (50, 1000), strict=True):
        with file.open("a") as table:
            table.write(f"{onset}\t1\tother\t0\n")
    for path in task.bold:
        # Reading it would say that it is damaged.
        path.write_bytes(path.read_bytes()[:-500])
    done = command("glm", *task.given, "--contrast", contrast, "-o", out.parent)
    refused(done, 1, *words)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--confounds", "a.tsv", "--confounds", "b.tsv"], ["a.tsv cannot be read"]),
        (["--confounds", "fmriprep"], ["sub-01_task-look_run-1_bold.nii.gz cannot be found"]),
        (["--mask", "other.nii"], ["other.nii"]),
        (["--mask", "absent.nii"], ["absent.nii does not exist"]),
        (
            ["--sample-mask", "few.txt", "--sample-mask", "few.txt"],
            ["more volumes than regressors", "got 3 and 6"],
        ),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said_before_images_are_read(
    command: Command,
    task: Task,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(task.folder)
    Path("few.txt").write_text("0\n20\n40\n")
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), "u1"), AFFINE), "other.nii")
    task.bold[0].write_bytes(task.bold[0].read_bytes()[:-500])
    refused(command("glm", *task.given, *FACE, *options, "-o", out.parent), 1, *words)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onset\tduration\ttrial_type\n1\t2\tface\nn/a\t2\thouse\n", ["line 3: its onset must be"]),
        ("onsett\tduration\n1\t2\n", ["must have a column 'onset'", "did you mean 'onsett'?"]),
        ("onset\tduration\ttrial_type\n", ["at least one event"]),
    ],
    ids=["no number", "no column", "no event"],
)
def test_events_that_cannot_be_used(
    command: Command, task: Task, out: Path, text: str, words: list[str]
) -> None:
    task.events[1].write_text(text)
    done = command("glm", *task.given, *FACE, "-o", out.parent)
    refused(done, 1, str(task.events[1]), *words)


def test_names_of_confounds_that_conditions_have(command: Command, task: Task, out: Path) -> None:
    for path in task.confounds:
        path.write_text(path.read_text().replace("x\ty", "face\ty"))
    confounds = [word for path in task.confounds for word in ("--confounds", path)]
    done = command("glm", *task.given, *FACE, *confounds, "-o", out.parent)
    refused(done, 1, f"{task.events[0]} gives no design", "unique names")


@pytest.mark.filterwarnings("default:.* events of")
def test_repetition_times_that_disagree(command: Command, task: Task, out: Path) -> None:
    sidecar = task.folder / f"{PREFIX}_run-2_bold.json"
    sidecar.write_text('{"RepetitionTime": 1.5}')
    args = ["glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent]
    refused(command(*args), 1, "--t-r must be given", "run-2_bold.nii.gz says 2 s", "1.5 s")
    assert command(*args, "--t-r", 1.5).code == 0


def test_3d_images_are_refused(command: Command, task: Task, out: Path) -> None:
    volume = task.folder / "volume.nii.gz"
    nib.save(load(task.bold[0]).slicer[..., 0], volume)
    events = ["--events", task.events[0]]
    refused(command("glm", volume, *events, *FACE, "-o", out), 1, "4-D", str(volume))
    done = command("glm", volume, volume, *events, *events, *FACE, "-o", out)
    refused(done, 1, "4-D", str(volume))


def test_5d_images_are_refused(command: Command, task: Task, out: Path) -> None:
    path = task.folder / "bucket.nii.gz"
    data = fdata(task.bold[0])[:, :, :, None]
    nib.save(nib.Nifti1Image(data, AFFINE), path)
    done = command("glm", path, "--t-r", TR, "--events", task.events[0], *FACE, "-o", out)
    refused(done, 1, "4-D", f"{path} of shape 9 × 8 × 7 × 1 × {N}")


@pytest.mark.filterwarnings("default:.* events of")
def test_events_after_the_run_are_counted(command: Command, task: Task, out: Path) -> None:
    args = ["glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent]
    assert command(*args).err == ""
    done = command(*args, "--t-r", 1.5, "--overwrite")
    onsets = [pd.read_csv(path, sep="\t")["onset"] for path in task.events]
    late = [int((onset > 1.5 * (N - 1)).sum()) for onset in onsets]
    assert done.code == 0
    assert min(late) > 0
    assert done.err.count("Warning: ") == 2
    for path, onset, count in zip(task.events, onsets, late, strict=True):
        assert f"{count} of {len(onset)} events of {path} begin after the last volume" in done.err


@pytest.mark.filterwarnings("default:Matrix is singular")
def test_dependent_regressors_count(command: Command, task: Task, out: Path) -> None:
    # nilearn divides by the volumes less all regressors: its maps would hold NaN.
    confounds = pd.DataFrame({f"motion_{i}": np.arange(N) for i in range(N)})
    table = task.folder / "motion.tsv"
    confounds.to_csv(table, sep="\t", index=False)
    args = [task.bold[0], "--events", task.events[0], "--confounds", table, *FACE]
    done = command("glm", *args, "-o", out.parent)
    refused(done, 1, "more volumes than regressors", f"got {N} and", str(task.bold[0]))


@pytest.mark.filterwarnings("default:Computed an empty mask")
def test_no_brain_to_be_found(command: Command, task: Task, out: Path) -> None:
    image = load(task.bold[0]).slicer[2:6, 2:6, 2:5]
    nib.save(nib.Nifti1Image(image.get_fdata(), image.affine, image.header), task.bold[0])
    args = [task.bold[0], "--events", task.events[0], *FACE, "-o", out.parent]
    refused(command("glm", *args), 1, str(task.bold[0]), "cannot be fitted", "--mask")


def test_results_that_are_there(command: Command, task: Task, out: Path) -> None:
    args = ["glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent]
    out.mkdir(parents=True)
    there = out / f"{LABEL}_stat-z_statmap.nii.gz"
    there.write_text("mine")
    refused(command(*args), 1, str(there), "--overwrite")
    assert files_in(out.parent) == [f"sub-01/{there.name}"]
    assert command(*args, "--overwrite").code == 0
    assert np.isfinite(fdata(there)).all()


def test_a_damaged_run_leaves_nothing(command: Command, task: Task, out: Path) -> None:
    task.bold[1].write_bytes(task.bold[1].read_bytes()[:-500])
    args = ["glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent]
    refused(command(*args), 1, str(task.bold[1]))
    assert not out.parent.exists()


def test_too_little_memory_is_said_before_anything_is_read(
    command: Command, task: Task, out: Path
) -> None:
    args = ["glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent]
    refused(command(*args, "--memory-limit", "1KiB"), 1, "memory")
    assert not out.parent.exists()
