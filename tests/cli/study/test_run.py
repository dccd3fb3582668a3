"""``boldstream run``: every flag has an effect."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from boldstream.memory.locks import try_writer_lock
from boldstream.report.reading import read_run
from boldstream.study.records.results import Results
from tests.cli.conftest import Command
from tests.study.made import atlas_of, make_inputs

STUDY = """\
data: {{root: {root}, task: demo, mask: "{root}/{mask}"}}
rois:
  atlas: {{image: {atlas}, regions: [region_01, region_02]}}
betas: {{method: lsa}}
quality: false
execution: {{kind: serial}}
targets:
  picture: {{column: picture}}
analyses:
  - {{kind: decoding, name: regions, estimator: lda}}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file beside its data; that workers start would take longer than all it asks for."""
    root = tmp_path / "data"
    inputs = make_inputs(root)
    mask = inputs.subjects["01"].mask
    assert mask is not None
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(root=root, atlas=atlas_of(root), mask=mask.relative_to(root)))
    return path


@pytest.fixture
def by_workers(study: Path) -> Path:
    """The same, done by processes of their own."""
    study.write_text(study.read_text().replace("execution: {kind: serial}\n", ""))
    return study


def status_of(study: Path, output: Path | None = None) -> pd.DataFrame:
    folder = output or study.parent / "data/derivatives/boldstream"
    return pd.read_csv(folder / "status.tsv", sep="\t", dtype={"subject": str})


def test_a_study_is_run_once(command: Command, by_workers: Path) -> None:
    done = command("run", by_workers, "--no-progress", "--n-jobs", 2)
    assert (done.code, done.err) == (0, "")
    status = status_of(by_workers)
    assert status["unit"].tolist() == [
        f"sub-{subject}/{step}"
        for subject in ("01", "02")
        for step in ("betas", "regions/region_01", "regions/region_02")
    ]
    assert set(status["state"]) == {"done"}
    folder = by_workers.parent / "data/derivatives/boldstream"
    description = json.loads((folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    again = command("run", by_workers, "--no-progress", "--cache-stats")
    assert again.code == 0
    assert "6 units from earlier runs" in again.out
    assert set(status_of(by_workers)["state"]) == {"cached"}


def test_subjects_rois_and_output_are_narrowed(
    command: Command, study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    flags = ["--subjects", "sub-02", "--rois", "region_02", "--output-dir", out]
    done = command("run", study, "--no-progress", *flags)
    assert done.code == 0
    assert status_of(study, out)["subject"].unique().tolist() == ["02"]
    (table,) = out.glob("sub-02/regions/region_02/*_decoding.tsv")
    assert pd.read_csv(table, sep="\t")["roi"].tolist() == ["region_02"]
    assert not (study.parent / "data/derivatives/boldstream").exists()


def test_units_are_told_in_a_log_as_they_end(command: Command, study: Path) -> None:
    done = command("run", study)
    assert (done.code, done.err) == (0, "")
    lines = [line for line in done.out.splitlines() if line.startswith("sub-")]
    units = [
        f"sub-{subject}/{step}"
        for subject in ("01", "02")
        for step in ("betas", "regions/region_01", "regions/region_02")
    ]
    assert sorted(line.split(": ")[0] for line in lines) == units
    told = r"sub-\d\d/\S+: \d+\.\d s, peak memory [\d.]+ [KMG]iB \(\d of 6\)"
    assert all(re.fullmatch(told, line) for line in lines), lines
    # Before what is told at the end.
    assert done.out.index("(6 of 6)") < done.out.index("units  6 done")
    assert "sub-" not in command("run", study, "--no-progress", "--clear-cache").out


def test_a_dry_run_does_nothing(command: Command, by_workers: Path) -> None:
    done = command("run", by_workers, "--dry-run")
    assert done.code == 0
    assert "betas  2 units, 0 done, about" in done.out
    assert "workers" in done.out
    assert not (by_workers.parent / "data/derivatives/boldstream").exists()


def test_clearing_the_cache_does_all_again(command: Command, study: Path) -> None:
    command("run", study, "--no-progress")
    done = command("run", study, "--no-progress", "--clear-cache", "--cache-stats")
    assert "0 units from earlier runs" in done.out
    assert "6 done now" in done.out


@pytest.mark.parametrize(
    ("flags", "above"),
    [
        (["--no-memory-efficient"], -1),
        (["--memory-efficient", "--memmap-threshold", "0.25"], 1 << 28),
    ],
)
def test_memory_flags_reach_the_workers(
    command: Command, study: Path, tmp_path: Path, flags: list[str], above: int
) -> None:
    cache = tmp_path / "cache"
    done = command("run", study, "--no-progress", "--cache-dir", cache, *flags)
    assert done.code == 0
    folder = Results(study.parent / "data/derivatives/boldstream").private / "plan"
    plan = json.loads((folder / "subjects-0000.json").read_text())
    assert plan["mapped_above"] == above
    assert plan["cache"] == str(cache)


def test_parallel_subjects_are_done_by_processes(command: Command, study: Path) -> None:
    command("run", study, "--no-progress")
    assert status_of(study)["worker"].nunique() == 1
    done = command("run", study, "--no-progress", "--clear-cache", "--parallel-subjects")
    assert done.code == 0
    assert status_of(study)["worker"].nunique() == 2


def test_slurm_and_local_processes_contradict_each_other(
    command: Command, by_workers: Path
) -> None:
    done = command("run", by_workers, "--slurm", "--parallel-subjects")
    assert done.code == 2
    assert "--parallel-subjects" in done.err


def test_auto_configure_follows_slurm(
    command: Command, by_workers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "12000")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "16")
    done = command("run", by_workers, "--dry-run", "--auto-configure")
    assert done.code == 0
    # 12000 MB / 1024 / 16 × 0.8 GB each.
    assert "each with 600 MiB" in done.out


def test_a_subject_that_fails_gives_exit_code_1_and_its_traceback(
    command: Command, by_workers: Path
) -> None:
    image = next((by_workers.parent / "data/sub-02/func").glob("*run-1_bold.nii.gz"))
    image.write_bytes(image.read_bytes()[:3000])
    done = command("run", by_workers, "--no-progress", "--verbose")
    assert done.code == 1
    assert "sub-02/betas: CorruptImageError" in done.err
    assert "Traceback" in done.err
    status = status_of(by_workers).set_index("unit")
    assert status.loc["sub-02/betas", "state"] == "failed"
    assert status.loc["sub-02/betas", "attempts"] == 2
    assert "CorruptImageError" in status.loc["sub-02/betas", "traceback"]
    assert status.loc["sub-02/regions/region_01", "state"] == "blocked"
    assert status.loc["sub-01/regions/region_02", "state"] == "done"
    log = by_workers.parent / "data/derivatives/boldstream/.boldstream/run.log"
    assert "sub-02/betas: CorruptImageError" in log.read_text()


def test_betas_may_be_removed_when_all_is_done(command: Command, study: Path) -> None:
    assert command("run", study, "--no-progress").code == 0
    output = study.parent / "data/derivatives/boldstream"
    for subject in ("01", "02"):
        shutil.rmtree(output / f"sub-{subject}/betas")
    plan = command("run", study, "--dry-run")
    assert "betas  2 units, 0 done, about 0 s to go" in plan.out
    assert command("run", study, "--no-progress").code == 0
    assert not (output / "sub-01/betas").exists()
    assert status_of(study)["state"].tolist() == ["unneeded", "cached", "cached"] * 2
    # Other decoding needs them.
    study.write_text(study.read_text().replace("estimator: lda", "estimator: gnb"))
    assert command("run", study, "--no-progress").code == 0
    assert set(status_of(study)["state"]) == {"done"}


def test_a_subject_that_cannot_be_used_is_named(command: Command, study: Path) -> None:
    (image,) = (study.parent / "data/sub-02/func").glob("*run-1_bold.nii.gz")
    image.write_bytes(b"")
    done = command("run", study, "--no-progress", "--verbose")
    assert done.code == 1
    assert f"Error: subject 02: {image}: is empty: it holds 0 bytes" in done.err
    assert "nan" not in done.err
    assert done.err.count("is empty") == 1
    assert status_of(study)["subject"].tolist()[-1] == "02"


def test_without_a_usable_subject_nothing_is_started(command: Command, study: Path) -> None:
    for image in (study.parent / "data").rglob("*run-1_bold.nii.gz"):
        image.write_bytes(b"")
    study.write_text(study.read_text() + "  - {kind: group, name: group, of: regions}\n")
    done = command("run", study, "--no-progress")
    assert done.code == 1
    # A mistake of both is told once.
    assert re.search(r"got none:\n  subjects 01, 02: .* and 1 more file: is empty", done.err)
    assert done.err.count("is empty") == 1
    assert not (study.parent / "data/derivatives/boldstream").exists()


def test_messages_of_several_lines_are_shown_as_they_are(command: Command, study: Path) -> None:
    # Of first runs alone the grid is looked at before anything starts.
    for path in (study.parent / "data").rglob("*run-2_bold.nii.gz"):
        image = nib.load(path)
        assert isinstance(image, nib.Nifti1Image)
        nib.Nifti1Image(np.asarray(image.dataobj), image.affine * 2).to_filename(path)
    done = command("run", study, "--no-progress", "--verbose")
    assert "must lie on the same grid, got\n" in done.err
    assert "\\n" not in done.err
    table = (study.parent / "data/derivatives/boldstream/status.tsv").read_text()
    # Units, and a line of names.
    assert len(table.splitlines()) == 7


def test_an_atlas_on_another_grid_is_told_before_anything_starts(
    command: Command, study: Path
) -> None:
    image = nib.load(atlas_of(study.parent / "data"))
    assert isinstance(image, nib.Nifti1Image)
    path = study.parent / "data/atlas.nii.gz"
    nib.Nifti1Image(np.asarray(image.dataobj), image.affine * 2).to_filename(path)
    study.write_text(study.read_text().replace(atlas_of(study.parent / "data"), str(path)))
    done = command("run", study, "--no-progress")
    assert done.code == 1
    lines = study.read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if text.startswith("  atlas:"))
    assert f"{study}, line {line}: `rois.atlas.image` must lie on the grid of the" in done.err
    assert not (study.parent / "data/derivatives/boldstream").exists()


def test_a_run_that_has_to_wait_forgets_nothing(command: Command, study: Path) -> None:
    assert command("run", study, "--no-progress").code == 0
    output = study.parent / "data/derivatives/boldstream"
    lock = try_writer_lock(output / ".boldstream/run.lock")
    assert lock is not None
    with lock:
        done = command("run", study, "--no-progress", "--clear-cache")
    assert done.code == 1
    assert "another run works on" in done.err
    assert (output / "sub-01/betas/unit.json").exists()


def test_a_wrong_key_is_named_with_its_line(command: Command, study: Path) -> None:
    study.write_text(study.read_text().replace("betas:", "beats:"))
    done = command("run", study)
    assert done.code == 1
    assert "study.yaml" in done.err
    assert "line 4" in done.err
    assert "did you mean 'betas'" in done.err


def test_two_runs_do_not_share_a_folder(study: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "boldstream", "run", str(study), "--no-progress"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with first:
        lock = study.parent / "data/derivatives/boldstream/.boldstream/run.lock"
        deadline = time.monotonic() + 60
        while not lock.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        second = subprocess.run(
            [sys.executable, "-m", "boldstream", "run", str(study), "--no-progress"],
            capture_output=True,
            text=True,
            check=False,
        )
        first.wait()
    if second.returncode == 0:
        assert "cached" in second.stdout
    else:
        assert "another run works on" in second.stderr
    assert first.returncode == 0


def test_init_writes_a_file_that_runs(command: Command, study: Path) -> None:
    data = study.parent / "data"
    done = command("init", data)
    assert done.code == 0
    assert (data / "study.yaml").exists()
    assert "boldstream run" in done.out
    assert command("run", data / "study.yaml", "--dry-run").code == 0
    again = command("init", data)
    assert again.code == 1
    assert "--overwrite" in again.err or "overwrite" in again.err


def test_the_schema_is_json(command: Command) -> None:
    done = command("schema")
    assert done.code == 0
    schema = json.loads(done.out)
    assert "analyses" in schema["properties"]


def test_the_script_is_of_the_size_of_the_study(command: Command, by_workers: Path) -> None:
    done = command("slurm-script", by_workers, "--n-jobs", 2)
    assert done.code == 0
    assert done.out.startswith("#!/bin/bash")
    assert "#SBATCH --ntasks-per-node=2" in done.out
    assert "MVPA_USE_MEMMAP=1" in done.out
    assert str(by_workers) in done.out


def test_a_part_of_a_study_leaves_the_rest_as_it_is(command: Command, study: Path) -> None:
    study.write_text(
        study.read_text() + "  - {kind: group, name: both, of: regions, permutations: 4}\n"
    )
    assert command("run", study, "--no-progress").code == 0
    output = study.parent / "data/derivatives/boldstream"
    before = {path: path.read_bytes() for path in output.rglob("*.tsv") if path.parent != output}
    whole = status_of(study)
    # A folder that is named is the study's own still: some subjects are no group there.
    parts: list[list[object]] = [
        ["--subjects", "01"],
        ["--rois", "region_02"],
        ["--subjects", "01,02", "--output-dir", output],
    ]
    for flags in parts:
        done = command("run", study, "--no-progress", *flags)
        assert (done.code, done.err) == (0, "")
        assert {path: path.read_bytes() for path in before} == before
        assert sorted(status_of(study)["unit"]) == sorted(whole["unit"])
    assert set(command("run", study, "--no-progress").out.splitlines()[0].split()) >= {"cached"}
    subjects = pd.read_csv(output / "subjects.tsv", sep="\t", dtype={"subject": str})
    assert subjects["subject"].tolist() == ["01", "02"]
    assert subjects["included"].all()
    elsewhere = output.parent / "part"
    command("run", study, "--no-progress", "--rois", "region_02", "--output-dir", elsewhere)
    (table,) = elsewhere.glob("group/both/*_group.tsv")
    assert pd.read_csv(table, sep="\t")["roi"].tolist() == ["region_02"]


def test_units_of_a_former_study_are_left_over(command: Command, study: Path) -> None:
    group = "  - {kind: group, name: both, of: regions, permutations: 4}\n"
    text = study.read_text()
    study.write_text(text + group)
    assert command("run", study, "--no-progress").code == 0
    study.write_text(text + group.replace("both", "all"))
    assert command("run", study, "--no-progress").code == 0
    run = read_run(study.parent / "data/derivatives/boldstream")
    assert run.left_over == ("group/both",)
    assert [unit.id for unit in run.of("")] == ["group/all"]
