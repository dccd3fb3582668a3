"""``boldstream extract`` with cleaning: the numbers of `bs.extract` and nilearn, and the facts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import nibabel as nib
import numpy as np
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker, NiftiMasker, NiftiSpheresMasker

import boldstream as bs
from boldstream.cli.options import Denoising
from boldstream.cli.sample_masks import read_sample_mask
from boldstream.signal.fmriprep import STRATEGIES
from tests.cli.conftest import AFFINE, SHAPE, Command, Study

N = 40
CLEANED: dict[str, Any] = {
    "smoothing_fwhm": 5,
    "detrend": True,
    "high_pass": 0.02,
    "low_pass": 0.15,
    "standardize": "zscore_sample",
    "t_r": 2.0,
}
OPTIONS = [
    *("--smoothing-fwhm", 5, "--detrend", "--high-pass", 0.02, "--low-pass", 0.15),
    *("--standardize", "zscore", "--t-r", 2),
]


def save_run(path: Path, rng: np.random.Generator, n: int = N, t_r: float = 2.0) -> Path:
    data = rng.normal(100, 5, (*SHAPE, n)) + np.linspace(0, 20, n)
    image = nib.Nifti1Image(data.astype("f4"), AFFINE)
    image.header.set_zooms((3.0, 3.0, 3.0, t_r))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


@pytest.fixture
def bold(study: Study, rng: np.random.Generator) -> Path:
    return save_run(study.bold, rng)


@pytest.fixture
def motion(study: Study, rng: np.random.Generator) -> Path:
    path = study.folder / "motion.tsv"
    values = rng.normal(size=(N, 3))
    np.savetxt(path, values, delimiter="\t", header="x\ty\tz", comments="")
    return path


def read_columns(path: Path) -> np.ndarray:
    return np.loadtxt(path, skiprows=1, ndmin=2)


def facts_of(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def assert_close(got: Any, wanted: Any, tolerance: float = 2e-4) -> None:
    # Of signals of size 1 that nilearn cleaned in float32.
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)


def test_every_kind_of_region_is_cleaned_as_by_nilearn(
    command: Command, study: Study, bold: Path, motion: Path
) -> None:
    out, kept = study.folder / "out", np.delete(np.arange(N), [4, 5, 17])
    np.save(study.folder / "kept.npy", kept)
    done = command(
        *("extract", bold, "--mask", study.mask, "--atlas", study.atlas, "--maps", study.maps),
        *("--seeds", study.seeds, "--radius", 5, *OPTIONS, "-o", out),
        *("--confounds", motion, "--sample-mask", study.folder / "kept.npy"),
    )
    assert (done.code, done.err) == (0, "")
    confounds = read_columns(motion)

    def by_nilearn(kind: Any, *where: Any, **options: Any) -> Any:
        masker = kind(*where, reports=False, **CLEANED, **options).fit()
        return masker.transform(bold, confounds=confounds, sample_mask=kept)

    assert_close(np.load(out / "V1.npy"), by_nilearn(NiftiMasker, study.mask))
    assert_close(read_columns(out / "labels.tsv"), by_nilearn(NiftiLabelsMasker, study.atlas))
    assert_close(read_columns(out / "maps.tsv"), by_nilearn(NiftiMapsMasker, study.maps), 1e-3)
    seeds = [(6, 6, 6), (12, 9, 9)]
    theirs = by_nilearn(NiftiSpheresMasker, seeds, radius=5, allow_overlap=True)
    assert_close(read_columns(out / "spheres.tsv"), theirs)
    assert "V1.npy  37 × " in done.out


def test_it_gives_what_the_function_gives(
    command: Command, study: Study, bold: Path, motion: Path, rng: np.random.Generator
) -> None:
    second = save_run(study.folder / "second.nii", rng, n=26)
    table = study.folder / "second.tsv"
    table.write_text("z\tx\n" + "".join(f"{a}\t{b}\n" for a, b in rng.normal(size=(26, 2))))
    masks = [study.folder / "first.txt", study.folder / "second.txt"]
    masks[0].write_text("\n".join(map(str, range(3, N))))
    masks[1].write_text("true\n" * 25 + "false\n")
    done = command(
        *("extract", bold, second, "--mask", study.mask, "--atlas", study.atlas),
        *("--atlas-strategy", "median", "--filter", "cosine", "--high-pass", 0.02),
        *("--standardize", "psc", "--confounds", motion, "--confounds", table),
        # What * stands for is of each table: x of both, and z.
        *("--confound-columns", "x*, z", "--sample-mask", masks[0], "--sample-mask", masks[1]),
        *("--n-jobs", 2, "-o", study.folder / "out"),
    )
    assert (done.code, done.err) == (0, "")
    facts = json.loads((study.folder / "out" / "labels.json").read_text())
    assert facts["cleaning"]["confound_columns"] == [["x", "z"], ["x", "z"]]
    columns = np.loadtxt(table, skiprows=1)[:, ::-1]
    expected = bs.extract(
        [bold, second],
        {"V1": study.mask, "labels": bs.Labels(study.atlas, "median")},
        filter="cosine",
        high_pass=0.02,
        standardize="psc",
        confounds=[read_columns(motion)[:, [0, 2]], columns],
        sample_mask=[np.arange(3, N), np.arange(25)],
    )
    found = np.load(study.folder / "out" / "V1.npy")
    np.testing.assert_array_equal(found, expected["V1"])
    labels = read_columns(study.folder / "out" / "labels.tsv").astype("f4")
    np.testing.assert_array_equal(labels, expected["labels"].values)
    facts = facts_of(study.folder / "out" / "labels.json")
    assert facts["run_lengths"] == [37, 25]
    assert facts["kept_volumes"] == [list(range(3, N)), list(range(25))]
    assert facts["strategy"] == "median"
    assert facts["cleaning"] == {
        "filter": "cosine",
        "high_pass_hz": 0.02,
        "low_pass_hz": None,
        "t_r": 2.0,
        "standardize": "psc",
        "confounds": [str(motion), str(table)],
        "confound_columns": [["x", "z"], ["x", "z"]],
    }


def test_sidecars_name_all_columns_and_say_nothing_of_what_was_not_done(
    command: Command, study: Study, bold: Path, motion: Path
) -> None:
    args = ["extract", bold, "--mask", study.mask, "-o", study.folder / "out", "--overwrite"]
    command(*args)
    plain = facts_of(study.folder / "out" / "V1.json")
    assert (plain["cleaning"], plain["nan_policy"]) == ({}, "propagate")
    assert not {"kept_volumes", "smoothing_fwhm_mm"} & set(plain)
    command(*args, "--smooth", 4, "--confounds", motion, "--detrend", "--nan-policy", "zero")
    about = facts_of(study.folder / "out" / "V1.json")
    assert about["cleaning"] == {
        "detrend": True,
        "confounds": [str(motion)],
        "confound_columns": [["x", "y", "z"]],
    }
    assert (about["smoothing_fwhm_mm"], about["nan_policy"]) == (4.0, "zero")
    command(*args, "--t-r", 3.5)
    assert facts_of(study.folder / "out" / "V1.json")["repetition_time"] == 3.5
    numbers = study.folder / "motion.par"
    np.savetxt(numbers, np.loadtxt(motion, skiprows=1))
    command(*args, "--confounds", numbers)
    assert facts_of(study.folder / "out" / "V1.json")["cleaning"]["confound_columns"] == [3]


@pytest.fixture
def derivative(study: Study, shared_data: Path, rng: np.random.Generator) -> Path:
    """An image with a real table of fMRIPrep beside it."""
    table = shared_data / "bids" / "nilearn_confounds" / "test-v21_desc-confounds_timeseries.tsv"
    shutil.copy(table, study.folder / "sub-01_task-rest_desc-confounds_timeseries.tsv")
    name = "sub-01_task-rest_space-MNI_desc-preproc_bold.nii.gz"
    return save_run(study.folder / name, rng, n=30)


@pytest.mark.parametrize(
    "options",
    [["--confounds", "fmriprep"], ["--confounds", "fmriprep", "--strategy", "simple"],
     ["--confounds", "fmriprep:simple"]],
    ids=" ".join,
)  # fmt: skip
def test_confounds_of_fmriprep(
    command: Command, study: Study, derivative: Path, options: list[str]
) -> None:
    out = study.folder / "out"
    regions = ["--atlas", study.atlas, "--atlas-strategy", "sum"]
    done = command("extract", derivative, *regions, *options, "-o", out)
    assert (done.code, done.err) == (0, "")
    confounds, kept = load_confounds_strategy(str(derivative), "simple")
    expected = bs.extract(
        derivative,
        {"labels": bs.Labels(study.atlas, "sum")},
        confounds=confounds,
        sample_mask=kept,
    )["labels"]
    found = read_columns(out / "labels.tsv").astype("f4")
    np.testing.assert_array_equal(found, expected.values)
    facts = facts_of(out / "labels.json")
    assert facts["strategy"] == "sum"
    assert facts["cleaning"]["confounds"] in ("fmriprep", "fmriprep:simple")
    assert facts["cleaning"]["confound_columns"] == [list(confounds.columns)]


def test_a_strategy_that_the_table_does_not_serve_is_an_error(
    command: Command, study: Study, derivative: Path
) -> None:
    options = ["--confounds", "fmriprep", "--strategy", "ica_aroma"]
    done = command("extract", derivative, "--mask", study.mask, *options, "-o", study.folder / "o")
    assert done.code == 1
    assert "smoothAROMAnonaggr" in done.err
    assert not (study.folder / "o").exists()


def test_the_strategies_are_those_of_the_library() -> None:
    assert set(get_args(Denoising)) == set(STRATEGIES)


# What does not go together.

MASK = ["--mask", "V1.nii.gz"]
ATLAS = ["--atlas", "atlas.nii"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([*MASK, "--standardize", "zscor"], "--standardize"),
        ([*MASK, "--high-pass", "0"], "--high-pass"),
        ([*MASK, "--low-pass", "nan"], "--low-pass"),
        ([*MASK, "--smooth", "-2"], "--smoothing-fwhm"),
        ([*MASK, "--t-r", "inf"], "--t-r"),
        ([*MASK, "--n-jobs", "0"], "--n-jobs"),
        ([*MASK, "--nan-policy", "drop"], "--nan-policy"),
        ([*MASK, "--high-pass", "0.1", "--low-pass", "0.1"], "--low-pass 0.1"),
        ([*MASK, "--filter", "butterworth"], "--high-pass or --low-pass"),
        ([*MASK, "--filter", "cosine", "--low-pass", "0.1"], "--high-pass alone"),
        ([*MASK, "--filter", "boxcar", "--low-pass", "0.1"], "--filter"),
        ([*MASK, "--atlas-strategy", "mean"], "--atlas only"),
        ([*MASK, "--strategy", "compcor"], "--confounds fmriprep only"),
        ([*MASK, "--strategy", "compcor", "--confounds", "a.tsv"], "--confounds fmriprep only"),
        (
            [*MASK, "--strategy", "simple", "--confounds", "fmriprep:compcor"],
            "--confounds fmriprep only",
        ),
        ([*ATLAS, "--strategy", "mean"], "--strategy"),
        ([*ATLAS, "--atlas-strategy", "compcor"], "--atlas-strategy"),
        ([*MASK, "--confounds", "fmriprep:nope"], "fmriprep:scrubbing, fmriprep:compcor"),
        ([*MASK, "--confounds", "fmriprep:compcorr"], "did you mean 'fmriprep:compcor'?"),
        ([*MASK, "--confounds", "fmriprep", "--confounds", "a.tsv"], "fmriprep once"),
        ([*MASK, "--confound-columns", "x"], "tables of --confounds"),
        ([*MASK, "--confound-columns", "x", "--confounds", "fmriprep"], "tables of --confounds"),
        ([*MASK, "--confound-columns", "x,,y", "--confounds", "a.tsv"], "commas between"),
        ([*MASK, "--confounds", "a.tsv", "--confounds", "b.tsv"], "each of 1 run, got 2"),
        ([*MASK, "--sample-mask", "a.txt", "--sample-mask", "b.txt"], "each of 1 run, got 2"),
        # As a shell expands "--confounds *.tsv".
        ([*MASK, "--confounds", "a.tsv", "b.tsv"], "got b.tsv; repeat --confounds before each"),
        ([*MASK, "b.tsv"], "must be images, got b.tsv "),
        ([*MASK, "--memory-limit", "600"], "did you mean 600MiB?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(
    command: Command,
    study: Study,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    hint: str,
) -> None:
    monkeypatch.chdir(study.folder)
    monkeypatch.setenv("COLUMNS", "300")
    done = command("extract", "bold.nii.gz", *options, "--output", "out")
    assert done.code == 2
    assert "Usage: boldstream extract" in done.err
    assert hint in done.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--high-pass", "0.01", "--t-r", "60"], "--high-pass must be below 0.00833333 Hz"),
        (["--confounds", "absent.tsv"], "absent.tsv cannot be read"),
        (["--confounds", "short.tsv"], "one row for each of 40 volumes, got 1"),
        (["--confounds", "motion.tsv", "--confound-columns", "w"], "column 'w', got x, y, z"),
        (["--confounds", "motion.tsv", "--confound-columns", "w*"], "column 'w*', got x, y, z"),
        # As a shell expands "--mask *.nii.gz".
        (["V1.nii.gz"], "is 4-D; repeat --mask before each file"),
        (["--confounds", "fmriprep"], "cannot be found"),
        (["--sample-mask", "absent.txt"], "absent.txt cannot be read"),
        (["--sample-mask", "short.tsv"], "line 1: must be a volume, or true or false"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said_before_the_image_is_read(
    command: Command,
    study: Study,
    bold: Path,
    motion: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(study.folder)
    # Reading it would say that it is damaged.
    bold.write_bytes(bold.read_bytes()[:-500])
    Path("short.tsv").write_text("x\ty\n1\t2\n")
    done = command("extract", bold, "--mask", study.mask, *options, "-o", "new/out")
    assert done.code == 1
    assert message in done.err
    assert not Path("new").exists()


def test_a_table_that_is_read_is_not_replaced(
    command: Command, study: Study, bold: Path, motion: Path
) -> None:
    table = motion.rename(study.folder / "labels.tsv")
    before = table.read_bytes()
    args = ["extract", bold, "--atlas", study.atlas, "--confounds", table, "-o", study.folder]
    done = command(*args, "--overwrite")
    assert done.code == 1
    assert "must not replace an input" in done.err
    assert table.read_bytes() == before


def test_warnings_are_lines_without_a_place_in_the_program(study: Study, bold: Path) -> None:
    image = nib.Nifti1Image(np.zeros((*SHAPE, N), "f4"), AFFINE)
    nib.save(image, bold)
    command = [sys.executable, "-m", "boldstream", "extract", str(bold), "--mask", str(study.mask)]
    done = subprocess.run(
        [*command, "--standardize", "psc", "-o", str(study.folder / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: psc standardization strategy is meaningless")
    assert len(done.stderr.splitlines()) == 1


# Sample masks in files.


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0\n2\n5\n", [0, 2, 5]),
        ("5\n\n 2 \n0", [0, 2, 5]),
        ("kept\n3\n", [3]),
        ("1.000000000000000000e+00\n4.0\n", [1, 4]),
        ("True\nFALSE\nfalse\ntrue\ntrue\ntrue\n", [0, 3, 4, 5]),
        ("1\n0\n0\n1\n1\n1\n", [0, 3, 4, 5]),
        ("1\n0\n", [0, 1]),
        ("0\n", [0]),
        ("5\n4\n3\n2\n1\n0\n", [0, 1, 2, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("byte_order_mark", ["", "\ufeff"])
def test_sample_masks_in_text(
    tmp_path: Path, text: str, kept: list[int], byte_order_mark: str
) -> None:
    path = tmp_path / "mask.tsv"
    path.write_text(byte_order_mark + text, encoding="utf-8")
    assert read_sample_mask(path, 6).tolist() == kept


@pytest.mark.parametrize(
    ("array", "kept"),
    [
        (np.array([4, 1]), [1, 4]),
        (np.array([True, False, False, True, True, True]), [0, 3, 4, 5]),
        (np.array([1, 0, 0, 1, 1, 1], "u1"), [0, 3, 4, 5]),
    ],
)
def test_sample_masks_in_arrays(tmp_path: Path, array: Any, kept: list[int]) -> None:
    np.save(tmp_path / "mask.npy", array)
    assert read_sample_mask(tmp_path / "mask.npy", 6).tolist() == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must keep at least one of 6 volumes, got none"),
        ("0\n0\n0\n0\n0\n0\n", "must keep at least one of 6 volumes, got none"),
        ("1\n0\n1\n0\n1\n", "each volume once, got 0 twice; .* would be 6, got 5"),
        ("6\n", "volumes from 0 to 5, got 6"),
        ("-1\n", "volumes from 0 to 5, got -1"),
        ("1e300\n", "line 1: must be a volume"),
        ("1.5\n", "line 1: must be a volume, or true or false, got '1.5'"),
        ("nan\n", "line 1: must be a volume"),
        ("true\nfalse\n", "must hold 6 of true and false, got 2"),
        ("true\n1\nfalse\ntrue\ntrue\ntrue\n", "line 2: must be true or false, got '1'"),
        ("kept\n1\n", "line 1: must be a volume"),
        ("1 2\n", "line 1: must be a volume"),
    ],
)
def test_what_is_no_sample_mask_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mask.txt"
    path.write_text(text)
    with pytest.raises(bs.TableError, match=message) as caught:
        read_sample_mask(path, 6)
    assert str(caught.value).startswith(str(path))


def test_arrays_that_are_no_sample_mask_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.npy"
    for array in (np.ones((6, 1), int), np.ones(6), np.array(["a"])):
        np.save(path, array)
        with pytest.raises(bs.TableError, match="must hold volumes, or true and false"):
            read_sample_mask(path, 6)
    for content in (b"", b"no array"):
        path.write_bytes(content)
        with pytest.raises(bs.TableError, match="cannot be read as an array"):
            read_sample_mask(path, 6)
