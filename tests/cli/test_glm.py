"""``boldstream glm``: nilearn's maps under nilearn's names, all of them or none."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm import save_glm_to_bids
from nilearn.glm.first_level import FirstLevelModel

import boldstream as bs
from tests.cli.conftest import Command, Done
from tests.cli.task import AFFINE, SHAPE, TR, N, Task, make_task
from tests.oracle import fdata, load

STATS = {
    "effect_size": "effect",
    "stat": "t",
    "effect_variance": "variance",
    "z_score": "z",
    "p_value": "p",
}
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


def fit(model: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*args, **options)


def assert_close(got: Path, wanted: Any, tolerance: float = 1e-6) -> None:
    values = wanted.get_fdata()
    assert np.abs(values).max() > 0
    assert np.abs(fdata(got) - values).max() <= tolerance * np.abs(values).max()
    np.testing.assert_array_equal(load(got).affine, wanted.affine)


def assert_maps(folder: Path, stem: str, maps: Any, stats: dict[str, str] = STATS) -> None:
    for kind, short in stats.items():
        assert_close(folder / f"{stem}_stat-{short}_statmap.nii.gz", maps[kind])


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# nilearn says it of F tests, and so does the command.
@pytest.mark.filterwarnings("default:Running approximate fixed effects")
def test_maps_are_those_of_nilearn(command: Command, task: Task, out: Path) -> None:
    args = ["glm", *task.given, "--mask", task.mask, "-o", out.parent]
    done = command(*args, *FACE, "--contrast", "any=face; 2*house - cat/2")
    assert done.code == 0
    assert done.err == "Warning: Running approximate fixed effects on F statistics.\n"
    theirs = FirstLevelModel(t_r=TR, mask_img=str(task.mask))
    fit(theirs, [str(path) for path in task.bold], [str(path) for path in task.events])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        face = theirs.compute_contrast("face - house", output_type="all")
        rows = np.zeros((2, theirs.design_matrices_[0].shape[1]))
        rows[0, 1], rows[1, [0, 2]] = 1, (-0.5, 2)
        joined = theirs.compute_contrast([rows, rows], "F", output_type="all")
    assert_maps(out, LABEL, face)
    assert_maps(out, f"{PREFIX}_contrast-any", joined, STATS | {"stat": "F"})
    assert load(out / f"{PREFIX}_contrast-any_stat-effect_statmap.nii.gz").shape == (*SHAPE, 2)
    np.testing.assert_array_equal(fdata(out / f"{PREFIX}_mask.nii.gz"), fdata(task.mask))
    for run, design in enumerate(theirs.design_matrices_, 1):
        written = pd.read_csv(out / f"{PREFIX}_run-{run}_design.tsv", sep="\t")
        pd.testing.assert_frame_equal(written, design.reset_index(drop=True), rtol=1e-12)


def test_files_are_named_as_nilearn_names_them(command: Command, task: Task, out: Path) -> None:
    done = command("glm", *task.given, *FACE, "--r-square", "-o", out.parent)
    assert (done.code, done.err) == (0, "")
    theirs = FirstLevelModel(t_r=TR, minimize_memory=False)
    fit(theirs, [str(path) for path in task.bold], [str(path) for path in task.events])
    folder = task.folder / "theirs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_glm_to_bids(theirs, ["face - house"], out_dir=folder)
    unwritten = ("corrdesign", "clusters", "errorts", "report")
    wanted = {name for name in files_in(folder) if not any(x in name for x in unwritten)}
    # So that models of several tasks can share the folder.
    wanted = wanted - {"sub-01/statmap.json"} | {f"sub-01/{PREFIX}_statmap.json"}
    assert set(files_in(out.parent)) == wanted
    # Without --mask it is the one that nilearn finds.
    for name in wanted:
        if name.endswith(".nii.gz"):
            assert_close(out.parent / name, load(folder / name))
    assert fdata(out / f"{PREFIX}_mask.nii.gz").sum() < np.prod(SHAPE)
    assert_close(
        out / f"{PREFIX}_run-2_stat-rsquared_statmap.nii.gz", theirs.r_square_[1], tolerance=1e-8
    )


def test_it_gives_what_the_model_gives(command: Command, task: Task, out: Path) -> None:
    kept = [np.delete(np.arange(N), [0, 7, 8]), np.arange(2, N)]
    masks = [task.folder / "first.npy", task.folder / "second.npy"]
    for path, volumes in zip(masks, kept, strict=True):
        np.save(path, volumes)
    pairs = zip(task.confounds, masks, strict=True)
    done = command(
        *("glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent, "--t-r", 2.1),
        *(word for pair in pairs for word in ("--confounds", pair[0], "--sample-mask", pair[1])),
        *("--hrf-model", "spm + derivative", "--drift-model", "polynomial", "--drift-order", 2),
        *("--noise-model", "ar2", "--signal-scaling", "volume", "--smooth", 5),
        *("--slice-time-ref", 0.5, "--confound-columns", "y"),
    )
    assert (done.code, done.err) == (0, "")
    model = bs.FirstLevel(
        t_r=2.1,
        hrf_model="spm + derivative",
        drift_model="polynomial",
        drift_order=2,
        noise_model="ar2",
        signal_scaling=1,
        smoothing_fwhm=5.0,
        slice_time_ref=0.5,
        mask_img=str(task.mask),
    )
    confounds = [pd.read_csv(path, sep="\t")[["y"]] for path in task.confounds]
    fit(
        model,
        [str(path) for path in task.bold],
        [str(path) for path in task.events],
        confounds=confounds,
        sample_masks=kept,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_maps(out, LABEL, model.compute_contrast("face - house", output_type="all"))
    facts = json.loads((out / f"{PREFIX}_statmap.json").read_text())
    assert facts["kept_volumes"] == [volumes.tolist() for volumes in kept]
    assert facts["confounds"] == [str(path) for path in task.confounds]
    assert facts["confound_columns"] == [["y"], ["y"]]
    assert facts["ModelParameters"] == {
        "hrf_model": "spm + derivative",
        "drift_model": "polynomial",
        "drift_order": 2,
        "slice_time_ref": 0.5,
        "noise_model": "ar2",
        "signal_scaling": "volume",
    }
    assert (facts["repetition_time"], facts["smoothing_fwhm_mm"]) == ([2.1, 2.1], 5.0)
    design = json.loads((out / f"{PREFIX}_run-1_design.json").read_text())
    assert design == {"RepetitionTime": 2.1}


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (
            ["--noise-model", "ols", "--drift-model", "none"],
            {"noise_model": "ols", "drift_model": None},
        ),
        (
            ["--signal-scaling", "grand", "--high-pass", 0.02],
            {"signal_scaling": (0, 1), "high_pass": 0.02},
        ),
        (
            ["--signal-scaling", "none", "--hrf-model", "none"],
            {"signal_scaling": False, "hrf_model": None},
        ),
    ],
    ids=str,
)
def test_every_word_means_what_it_means_to_nilearn(
    command: Command, task: Task, out: Path, options: list[object], parameters: dict[str, Any]
) -> None:
    args = [task.bold[0], "--events", task.events[0], "--mask", task.mask, *FACE]
    assert command("glm", *args, *options, "-o", out.parent).code == 0
    theirs = FirstLevelModel(t_r=TR, mask_img=str(task.mask), **parameters)
    fit(theirs, str(task.bold[0]), str(task.events[0]))
    assert_maps(out, LABEL, theirs.compute_contrast("face - house", output_type="all"))


def test_finite_impulse_responses(command: Command, task: Task, out: Path) -> None:
    args = [task.bold[0], "--events", task.events[0], "--mask", task.mask, "-o", out.parent]
    contrast = ["--contrast", "late=face_delay_3 - face_delay_1"]
    done = command("glm", *args, *contrast, "--hrf-model", "fir", "--fir-delays", "1, 2,3")
    assert done.code == 0
    theirs = FirstLevelModel(t_r=TR, mask_img=str(task.mask), hrf_model="fir", fir_delays=[1, 2, 3])
    fit(theirs, str(task.bold[0]), str(task.events[0]))
    maps = theirs.compute_contrast("face_delay_3 - face_delay_1", output_type="all")
    assert_maps(out, f"{PREFIX}_contrast-late", maps)
    facts = json.loads((out / f"{PREFIX}_statmap.json").read_text())
    assert facts["ModelParameters"]["fir_delays"] == [1, 2, 3]


def test_what_is_printed_and_written_beside(command: Command, task: Task, out: Path) -> None:
    done = command("glm", *task.given, *FACE, "--mask", task.mask, "-o", out.parent)
    *lines, last = done.out.splitlines()
    shape = " × ".join(map(str, SHAPE))
    assert lines[0] == f"{out}/{LABEL}_stat-effect_statmap.nii.gz  {shape}"
    assert lines[-1] == f"{out}/{PREFIX}_run-2_design.tsv  {N} × 6"
    assert len(lines) == len(STATS) + 3
    assert "peak memory" in last
    facts = json.loads((out / f"{PREFIX}_statmap.json").read_text())
    assert facts["boldstream_version"] == bs.__version__
    assert facts["sources"] == [str(path) for path in task.bold]
    assert facts["events"] == [str(path) for path in task.events]
    assert facts["mask"] == str(task.mask)
    assert facts["contrasts"] == {
        "faceMinusHouse": {"name": "face - house", "test": "t", "sums": ["face - house"]}
    }
    figures = [out / name for name in files_in(out) if name.endswith(".png")]
    assert len(figures) == 4
    for path in figures:
        drawn = plt.imread(path)
        assert drawn[..., :3].std() > 0.01
    assert plt.get_fignums() == []


def test_a_folder_for_many_subjects(command: Command, tmp_path: Path) -> None:
    for subject in ("01", "02"):
        task = make_task(tmp_path, subject)
        args = [task.bold[0], "--events", task.events[0], "--mask", task.mask, *FACE]
        assert command("glm", *args, "-o", tmp_path / "out").code == 0
        description = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
        assert description["GeneratedBy"] == [{"Name": "boldstream", "Version": bs.__version__}]
        (tmp_path / "out" / "dataset_description.json").write_text(
            json.dumps(description | {"a": 1})
        )
    assert description["a"] == 1
    assert (tmp_path / "out" / "sub-01").is_dir()
    assert (tmp_path / "out" / "sub-02" / "sub-02_task-look_run-1_design.tsv").is_file()


def test_runs_without_names_are_numbered(command: Command, task: Task) -> None:
    bold = []
    for run, path in enumerate(task.bold):
        (task.folder / str(run)).mkdir()
        bold.append(Path(shutil.copy(path, task.folder / str(run) / "bold.nii.gz")))
    events = task.given[2:]
    out = task.folder / "out"
    done = command("glm", *bold, *events, *FACE, "--mask", task.mask, "-o", out)
    assert done.code == 0
    assert "contrast-faceMinusHouse_stat-z_statmap.nii.gz" in files_in(out)
    assert {f"run-{run}_design.tsv" for run in (1, 2)} < set(files_in(out))
    assert (out / "statmap.json").is_file()


# What goes wrong.


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
        (["--noise-model", "ar"], ["You provided ar"]),
        (["--confounds", "a.tsv", "--confounds", "b.tsv"], ["a.tsv cannot be read"]),
        (["--confounds", "fmriprep"], ["sub-01_task-look_run-1_bold.nii.gz cannot be found"]),
        (["--confounds", "fmriprep:scrubing"], ["did you mean 'fmriprep:scrubbing'?"]),
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
    refused(command(*args), 1, "`t_r` must be given", "run-2_bold.nii.gz says 2 s", "1.5 s")
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


def test_a_real_run(command: Command, shared_data: Path, tmp_path: Path) -> None:
    stem = shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1"
    bold, events = f"{stem}_bold.nii.gz", f"{stem}_events.tsv"
    # Header and sidecar agree on 1.794 s, which is wrong.
    args = ["glm", bold, "--events", events, "--t-r", 2, *FACE, "-o", tmp_path]
    done = command(*args)
    assert (done.code, done.err) == (0, "")
    theirs = fit(FirstLevelModel(t_r=2), bold, events)
    maps = theirs.compute_contrast("face - house", output_type="all")
    assert_maps(tmp_path / "sub-02", "sub-02_task-oneback_contrast-faceMinusHouse", maps)
