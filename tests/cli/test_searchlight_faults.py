"""`boldstream searchlight` refuses what it cannot do, and says why, before images are read."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.cli.labelled import SHAPE, Labelled, make_labelled
from tests.cli.test_glm_faults import refused
from tests.oracle import load

FACES = ["--target", "object", "--conditions", "face,house", "--groups", "run"]


@pytest.fixture
def study(tmp_path: Path) -> Labelled:
    """Its images are damaged: whoever reads one fails, and says so."""
    made = make_labelled(tmp_path)
    for path in made.bold:
        path.write_bytes(path.read_bytes()[:-500])
    return made


@pytest.fixture
def out(study: Labelled) -> Path:
    return study.folder / "new" / "out"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--conditions", "face"], "Missing option '--target'"),
        ([*FACES, "--tfce"], "goes with --permutations only"),
        ([*FACES, "--forming-threshold", 0.6], "goes with --permutations only"),
        ([*FACES, "--null-maps", "nulls"], "goes with --permutations only"),
        ([*FACES, "--forming-threshold", "nan", "--permutations", 9], "must be a finite number"),
        ([*FACES, "--permutations", -1], "--permutations"),
        ([*FACES, "--radius", 0], "--radius"),
        ([*FACES, "--n-neighbours", 0], "--n-neighbours"),
        ([*FACES, "--surface", "lh.gii", "--n-neighbours", 5], "goes without --surface only"),
        ([*FACES, "--estimator-arg", "C"], "must be NAME=VALUE, got 'C'"),
        ([*FACES, "--estimator-arg", "C=1", "--estimator-arg", "C=2"], "give C once"),
        ([*FACES, "--keep", "scores"], "must be of fold_scores, predictions, confusion"),
        ([*FACES, "--nan-policy", "drop"], "--nan-policy"),
        ([*FACES, "--n-jobs", 0], "--n-jobs"),
    ],
    ids=str,
)
def test_wrong_usage(
    command: Command,
    study: Labelled,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    hint: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    refused(command("searchlight", *study.given, *options, "-o", out), 2, hint)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "objekt"], ["labels.tsv", "did you mean 'object'?", "object, run, value"]),
        (["--target", "object", "--groups", "runs"], ["labels.tsv", "did you mean 'run'?"]),
        (
            [*FACES, "--permutations", "9", "--permutation-blocks", "block"],
            ["must have a column 'block'"],
        ),
        (["--target", "object", "--conditions", "face,hause"], ["did you mean 'house'?"]),
        (["--target", "object", "--conditions", "sort=a"], ["must have a column 'sort'"]),
        (["--target", "object", "--conditions", "face"], ["at least two classes", "'face'"]),
        (["--target", "value"], ["labels.tsv, line", "'value' must have a value", "'n/a'"]),
        (["--target", "value", "--conditions", "object=face"], ["for a classifier", "'ridge'"]),
        ([*FACES, "--cv", "kfold:100"], ["--cv must be able to split the 40 samples"]),
        (["--target", "object", "--cv", "logo"], ["--groups must hold a label"]),
        ([*FACES, "--mask", "other.nii"], ["other.nii", "grid"]),
        ([*FACES, "--process-mask", "other.nii"], ["other.nii", "grid"]),
        ([*FACES, "--mask", "empty.nii"], ["empty.nii"]),
        ([*FACES, "--labels", "absent.tsv"], ["absent.tsv cannot be read"]),
        ([*FACES, "--labels", "short.tsv"], ["short.tsv must have a row for each of the 60"]),
    ],
    ids=str,
)
def test_what_cannot_be_done(
    command: Command, study: Labelled, out: Path, options: list[str], words: list[str]
) -> None:
    for name, values in {"other": np.ones((7, 6, 4), "u1"), "empty": np.zeros(SHAPE, "u1")}.items():
        nib.save(nib.Nifti1Image(values, np.diag([3, 3, 3.5, 1])), study.folder / f"{name}.nii")
    lines = study.labels.read_text().splitlines()
    (study.folder / "short.tsv").write_text("\n".join(lines[:-1]))
    files = [
        study.folder / option if option.endswith((".nii", ".tsv")) else option for option in options
    ]
    refused(command("searchlight", *study.given, *files, "-o", out), 1, *words)
    assert not out.parent.exists()


def test_damage_leaves_nothing(command: Command, study: Labelled, out: Path) -> None:
    nulls = study.folder / "nulls"
    args = [*study.given, *FACES, "--radius", 4, "--estimator", "gnb", "-o", out]
    done = command("searchlight", *args, "--permutations", 5, "--null-maps", nulls)
    refused(done, 1, "run-1_bold.nii.gz", "truncated or damaged")
    assert not out.parent.exists()
    assert not nulls.exists()


def test_results_that_are_there(command: Command, tmp_path: Path) -> None:
    study, out = make_labelled(tmp_path), tmp_path / "out"
    args = ["searchlight", *study.given, *FACES, "--radius", 1, "--estimator", "gnb", "-o", out]
    out.mkdir()
    (out / "scores.nii.gz").write_text("mine")
    refused(command(*args), 1, f"{out}/scores.nii.gz exists", "--overwrite")
    assert (out / "scores.nii.gz").read_text() == "mine"
    assert command(*args, "--overwrite").code == 0
    assert load(out / "scores.nii.gz").shape == SHAPE


def test_inputs_are_never_replaced(command: Command, tmp_path: Path) -> None:
    study = make_labelled(tmp_path)
    study.mask.rename(tmp_path / "scores.nii.gz")
    args = [*study.bold, "--labels", study.labels, "--mask", tmp_path / "scores.nii.gz"]
    done = command("searchlight", *args, *FACES, "--overwrite", "-o", tmp_path)
    refused(done, 1, "must not replace an input")


def test_a_block_design_needs_its_blocks(command: Command, tmp_path: Path) -> None:
    study, out = make_labelled(tmp_path), tmp_path / "out"
    table = study.table.assign(object=np.tile(np.repeat(["face", "house"], 5), 6))
    table.to_csv(study.labels, sep="\t", index=False, na_rep="n/a")
    args = ["searchlight", *study.given, *FACES, "--radius", 1, "--estimator", "gnb", "-o", out]
    refused(command(*args, "--permutations", 9), 1, "--permutation-blocks must be given")
    assert command(*args, "--permutations", 9, "--permutation-blocks", "auto").code == 0


def test_images_need_labels(command: Command, study: Labelled, out: Path) -> None:
    done = command("searchlight", *study.bold, "--target", "object", "-o", out)
    refused(done, 1, "--labels must be given", "run-1_bold.nii.gz")
    done = command("searchlight", study.folder, "--target", "object", "-o", out)
    refused(done, 1, "must be a folder that `trial_betas` wrote")
