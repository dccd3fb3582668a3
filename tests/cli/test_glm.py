"""``boldstream glm``: nilearn's maps under nilearn's names, all of them or none."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from nilearn.glm import save_glm_to_bids
from nilearn.glm.first_level import FirstLevelModel

import boldstream as bs
from tests.cli.conftest import Command
from tests.cli.task import SHAPE, TR, N, Task, make_task
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
        *("--noise-model", "ar2", "--signal-scaling", "volume", "--smoothing-fwhm", 5),
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
