"""``boldstream extract``: nilearn's numbers in files, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import (
    NiftiLabelsMasker,
    NiftiMapsMasker,
    NiftiMasker,
    NiftiSpheresMasker,
)

import boldstream
from boldstream.cli.extract import Statistic
from boldstream.kernels.segments import STRATEGIES
from tests.cli.conftest import AFFINE, SHAPE, Command, Study
from tests.oracle import load


def read_table(path: Path) -> tuple[list[str], np.ndarray]:
    header, *rows = path.read_text().splitlines()
    return header.split("\t"), np.array([row.split("\t") for row in rows], dtype=float)


def test_everything_at_once_equals_nilearn(command: Command, study: Study) -> None:
    out = study.folder / "new" / "out"
    regions = ["--atlas", study.atlas, "--maps", study.maps]
    spheres = ["--seeds", study.seeds, "--radius", "5"]
    done = command("extract", study.bold, "--mask", study.mask, *regions, *spheres, "-o", out)
    assert (done.code, done.err) == (0, "")
    names = ["V1.json", "V1.npy", "labels.json", "labels.tsv", "maps.json", "maps.tsv"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "spheres.json", "spheres.tsv"]

    voxels = np.load(out / "V1.npy")
    assert voxels.dtype == np.float32
    theirs = NiftiMasker(study.mask, standardize=None).fit_transform(study.bold)
    np.testing.assert_allclose(voxels, theirs, rtol=1e-6)
    seeds = [(6, 6, 6), (12, 9, 9)]
    for name, header, masker in (
        ("labels", ["1", "2", "3", "4"], NiftiLabelsMasker(study.atlas, standardize=None)),
        ("maps", ["1", "2", "3"], NiftiMapsMasker(study.maps, standardize=None)),
        (
            "spheres",
            ["front", "back"],
            NiftiSpheresMasker(seeds, radius=5, allow_overlap=True, standardize=None),
        ),
    ):
        found, values = read_table(out / f"{name}.tsv")
        assert len(found) == len(header)
        if name != "maps":
            assert found == header
        np.testing.assert_allclose(values, masker.fit_transform(study.bold), rtol=1e-5)


def test_sidecars_say_what_the_columns_are(command: Command, study: Study) -> None:
    out = study.folder / "out"
    bold = [study.bold, study.bold]
    command("extract", *bold, "--mask", study.mask, "--atlas", study.atlas, "-o", out)
    about = json.loads((out / "V1.json").read_text())
    inside = load(study.mask).get_fdata() > 0
    assert about["voxels"] == np.flatnonzero(inside).tolist()
    assert np.array_equal(np.argwhere(inside).T, np.unravel_index(about["voxels"], about["shape"]))
    assert about["shape"] == list(SHAPE)
    assert about["affine"] == AFFINE.tolist()
    assert about["sources"] == [str(study.bold)] * 2
    assert about["run_lengths"] == [20, 20]
    assert about["mask"] == str(study.mask)
    assert about["boldstream_version"] == boldstream.__version__
    regions = json.loads((out / "labels.json").read_text())
    atlas = load(study.atlas).get_fdata()
    assert regions["labels"] == [1, 2, 3, 4]
    assert regions["n_voxels"] == [int((atlas == label).sum()) for label in range(1, 5)]
    assert regions["strategy"] == "mean"
    runs = np.load(out / "V1.npy")
    np.testing.assert_array_equal(runs[:20], runs[20:])


def test_it_prints_each_file_with_its_shape_then_time_and_memory(
    command: Command, study: Study
) -> None:
    out = study.folder / "out"
    done = command("extract", study.bold, "--mask", f"left={study.mask}", "--output", out)
    n_voxels = int(load(study.mask).get_fdata().sum())
    first, last = done.out.splitlines()
    assert first == f"{out}/left.npy  20 × {n_voxels}"
    assert "peak memory" in last
    assert "\x1b" not in done.out


def test_strategies_and_names_of_labels(command: Command, study: Study) -> None:
    assert set(get_args(Statistic)) == set(STRATEGIES)
    table = study.folder / "names.tsv"
    table.write_text("index\tname\n1\tone\n2\ttwo\n3\tthree\n4\tfour\n")
    out = study.folder / "out"
    options = ["--atlas-strategy", "median", "--atlas-names", table]
    command("extract", study.bold, "--atlas", study.atlas, *options, "-o", out)
    header, values = read_table(out / "labels.tsv")
    assert header == ["one", "two", "three", "four"]
    theirs = NiftiLabelsMasker(study.atlas, strategy="median", standardize=None)
    np.testing.assert_allclose(values, theirs.fit_transform(study.bold), rtol=1e-6)


def test_results_that_are_there_are_refused_before_anything_is_read(
    command: Command, study: Study
) -> None:
    out = study.folder / "out"
    out.mkdir()
    (out / "V1.json").write_text("mine")
    study.bold.write_bytes(b"no image at all")
    done = command("extract", study.bold, "--mask", study.mask, "-o", out)
    assert done.code == 1
    assert "V1.json" in done.err
    assert "--overwrite" in done.err
    assert [path.name for path in out.iterdir()] == ["V1.json"]
    assert (out / "V1.json").read_text() == "mine"


def test_overwrite_replaces(command: Command, study: Study) -> None:
    out = study.folder / "out"
    out.mkdir()
    (out / "V1.npy").write_text("old")
    done = command("extract", study.bold, "--mask", study.mask, "-o", out, "--overwrite")
    assert done.code == 0
    assert len(np.load(out / "V1.npy")) == 20


def test_no_input_is_replaced(command: Command, study: Study) -> None:
    seeds = study.seeds.rename(study.folder / "spheres.tsv")
    before = seeds.read_bytes()
    options = ["--seeds", seeds, "--radius", "5", "-o", study.folder, "--overwrite"]
    done = command("extract", study.bold, *options)
    assert done.code == 1
    assert f"must not replace an input, got {seeds}" in done.err
    assert seeds.read_bytes() == before


def test_maps_on_another_grid_equal_nilearn(
    command: Command, study: Study, rng: np.random.Generator
) -> None:
    maps = nib.Nifti1Image(rng.random((10, 9, 8, 3)), np.diag([2.5, 2.8, 3.2, 1]))
    nib.save(maps, study.maps)
    out = study.folder / "out"
    done = command("extract", study.bold, "--maps", study.maps, "--resample", "mask", "-o", out)
    assert (done.code, done.err) == (0, "")
    masker = NiftiMapsMasker(study.maps, resampling_target="data", standardize=None)
    theirs = masker.fit_transform(study.bold)
    np.testing.assert_allclose(read_table(out / "maps.tsv")[1], theirs, rtol=1e-5)


def test_a_damaged_image_leaves_nothing(command: Command, study: Study) -> None:
    study.bold.write_bytes(study.bold.read_bytes()[:-2000])
    out = study.folder / "new" / "out"
    done = command("extract", study.bold, "--mask", study.mask, "-o", out)
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith(f"Error: {study.bold} is truncated")
    assert len(done.err.splitlines()) == 1
    assert not out.parent.exists()


def test_grids_that_differ_are_shown_and_resampled_when_asked(
    command: Command, study: Study
) -> None:
    fine = study.folder / "fine.nii.gz"
    values = np.zeros((10, 9, 8), "u1")
    values[3:7, 3:7, 3:7] = 1
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0])), fine)
    args = ["extract", study.bold, "--mask", fine, "-o", study.folder / "out"]
    refused = command(*args)
    assert refused.code == 1
    assert "(10, 9, 8)" in refused.err
    assert str(SHAPE) in refused.err
    assert all(line.startswith("  ") for line in refused.err.splitlines()[1:])
    assert "Traceback" not in refused.err
    assert command(*args, "--resample", "mask").code == 0
    from nilearn.image import resample_to_img

    mask = resample_to_img(fine, study.bold, "nearest", force_resample=True, copy_header=True)
    theirs = NiftiMasker(mask, standardize=None).fit_transform(study.bold)
    np.testing.assert_allclose(np.load(study.folder / "out" / "fine.npy"), theirs, rtol=1e-6)


@pytest.mark.parametrize("name", ["../up", "a/b", "..", ".hidden", "", "line\nbreak", "nul\0"])
def test_no_name_leads_out_of_the_folder(command: Command, study: Study, name: str) -> None:
    done = command(
        "extract", study.bold, "--mask", f"{name}={study.mask}", "-o", study.folder / "out"
    )
    assert done.code == 2
    assert not (study.folder / "out").exists()
    assert not (study.folder / "up.npy").exists()


def test_an_equals_sign_in_a_path_is_no_name(command: Command, study: Study) -> None:
    odd = study.folder / "sub=01" / "V=2.nii.gz"
    odd.parent.mkdir()
    odd.write_bytes(study.mask.read_bytes())
    assert command("extract", study.bold, "--mask", odd, "-o", study.folder / "out").code == 0
    assert (study.folder / "out" / "V=2.npy").exists()
    named = command("extract", study.bold, "--mask", f"v2={odd}", "-o", study.folder / "out")
    assert named.code == 0
    assert (study.folder / "out" / "v2.npy").exists()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--seeds", "seeds.tsv"],
        ["--radius", "5"],
        ["--seeds", "seeds.tsv", "--radius", "-3"],
        ["--seeds", "seeds.tsv", "--radius", "nan"],
        ["--seeds", "seeds.tsv", "--radius", "inf"],
        ["--mask", "V1.nii.gz", "--atlas-strategy", "sum"],
        ["--mask", "V1.nii.gz", "--atlas-names", "names.tsv"],
        ["--mask", "V1.nii.gz", "--mask", "V1.nii.gz"],
        ["--mask", "labels=V1.nii.gz", "--atlas", "atlas.nii"],
        ["--atlas", "atlas.nii", "--atlas-strategy", "maen"],
        ["--atlas", "atlas.nii", "--strategy", "mean"],
        ["--atlas", "atlas.nii", "--resample", "image"],
        ["--mask", "V1.nii.gz", "--memory-limit", "plenty"],
    ],
    ids=" ".join,
)
def test_wrong_usage(
    command: Command, study: Study, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(study.folder)
    done = command("extract", "bold.nii.gz", *options, "--output", "out")
    assert done.code == 2
    assert "Usage: boldstream extract" in done.err
    assert not Path("out").exists()


def test_too_little_memory_is_said_before_reading(command: Command, study: Study) -> None:
    options = ["--mask", study.mask, "--memory-limit", "1MiB", "-o", study.folder / "out"]
    done = command("extract", study.bold, *options)
    assert done.code == 1
    assert "memory_limit" in done.err
    assert not (study.folder / "out").exists()


def test_names_of_files_cannot_steer_the_terminal(command: Command, study: Study) -> None:
    odd = study.folder / "[bold red]\x1b[31m\nname.nii.gz"
    study.bold.rename(odd)
    done = command("info", odd)
    assert done.code == 0
    assert done.out.splitlines()[0].endswith(r"[bold red]\x1b[31m\nname.nii.gz")
    absent = f"V1={study.folder}/absent\x1b.nii"
    done = command("extract", odd, "--mask", absent, "-o", study.folder / "out")
    assert done.code == 1
    assert r"absent\x1b.nii does not exist" in done.err
    assert "\x1b" not in done.err


def test_names_beside_an_atlas_are_used_and_never_replaced(command: Command, study: Study) -> None:
    atlas = study.folder / "labels.nii.gz"
    nib.save(load(study.atlas), atlas)
    names = study.folder / "labels.tsv"
    names.write_text("index\tname\n1\tone\n2\ttwo\n3\tthree\n4\tfour\n")
    before = names.read_bytes()
    command("extract", study.bold, "--atlas", atlas, "-o", study.folder / "out")
    assert read_table(study.folder / "out" / "labels.tsv")[0] == ["one", "two", "three", "four"]
    done = command("extract", study.bold, "--atlas", atlas, "-o", study.folder, "--overwrite")
    assert done.code == 1
    assert "must not replace an input" in done.err
    assert names.read_bytes() == before


def test_regions_without_a_voxel_are_named(command: Command, study: Study) -> None:
    study.seeds.write_text("x\ty\tz\tname\n6\t6\t6\tfront\n900\t0\t0\tfar\n0\t-90\t0\tlow\n")
    out = study.folder / "out"
    done = command("extract", study.bold, "--seeds", study.seeds, "--radius", 5, "-o", out)
    assert "spheres.tsv  20 × 3 (no voxel: far, low)\n" in done.out
    study.seeds.write_text("x\ty\tz\n6\t6\t6\n")
    seeds = ["--seeds", study.seeds, "--radius", 5, "--overwrite"]
    done = command("extract", study.bold, "--atlas", study.atlas, *seeds, "-o", out)
    assert "no voxel" not in done.out
