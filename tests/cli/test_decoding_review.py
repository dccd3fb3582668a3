"""What a hostile user found in the commands of decoding: masks on another grid."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.cli.labelled import SHAPE, Labelled, make_labelled
from tests.oracle import load

FACES = ["--target", "object", "--conditions", "face,house", "--groups", "run"]
FINE = np.diag([1.5, 1.5, 3.5, 1.0])


@pytest.fixture
def study(tmp_path: Path) -> Labelled:
    made = make_labelled(tmp_path)
    fine = np.zeros((14, 12, 5), np.uint8)
    fine[4:] = 1
    nib.save(nib.Nifti1Image(fine, FINE), tmp_path / "fine.nii.gz")
    fine[:, :, 2:] = 0
    nib.save(nib.Nifti1Image(fine, FINE), tmp_path / "fine_process.nii.gz")
    return made


def test_masks_are_resampled_to_the_data(command: Command, study: Labelled) -> None:
    fine, process = study.folder / "fine.nii.gz", study.folder / "fine_process.nii.gz"
    out = study.folder / "out"
    given = [*study.bold, "--labels", study.labels, *FACES, "--radius", 5, "--estimator", "gnb"]
    done = command(
        "searchlight", *given, "--mask", fine, "--process-mask", process,
        "--resample", "mask", "-o", out,
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    found = load(out / "scores.nii.gz").get_fdata()
    assert found.shape == SHAPE
    assert found[2:, :, :2].any()
    assert not found[:, :, 2:].any()
    assert json.loads((out / "searchlight.json").read_text())["resample"] == "mask"


def test_regions_are_resampled(command: Command, study: Labelled) -> None:
    out = study.folder / "out"
    given = [*study.bold, "--labels", study.labels, *FACES, "--estimator", "gnb"]
    roi = ["--roi", study.folder / "fine.nii.gz"]
    refused = command("decode", *given, *roi, "-o", out)
    assert refused.code == 1
    assert "grid" in refused.err
    done = command("decode", *given, *roi, "--resample", "mask", "-o", out)
    assert (done.code, done.err) == (0, "")
    assert json.loads((out / "decoding.json").read_text())["resample"] == "mask"
