"""``boldstream summary`` and ``boldstream volume``: nibabel's and numpy's numbers as images."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import AFFINE, Command, Study
from tests.oracle import load


def test_summary_equals_numpy(command: Command, study: Study) -> None:
    out = study.folder / "out"
    done = command("summary", study.bold, "--output", out)
    assert (done.code, done.err) == (0, "")
    data = load(study.bold).get_fdata()
    mean, std = data.mean(axis=-1), data.std(axis=-1)
    for name, expected in (("mean", mean), ("std", std), ("tsnr", mean / std)):
        image = load(out / f"{name}.nii.gz")
        np.testing.assert_allclose(image.get_fdata(), expected, rtol=1e-5)
        np.testing.assert_array_equal(image.affine, AFFINE)
        assert f"{name}.nii.gz  8 × 7 × 6" in done.out


def test_summary_of_runs_is_of_all_their_volumes(command: Command, study: Study) -> None:
    other = study.folder / "other.nii"
    data = load(study.bold).get_fdata(dtype=np.float32)
    nib.save(nib.Nifti1Image(data[..., :7] + 10, AFFINE), other)
    assert command("summary", study.bold, other, "-o", study.folder / "out").code == 0
    both = np.concatenate([data, data[..., :7] + 10], axis=-1)
    mean = load(study.folder / "out" / "mean.nii.gz").get_fdata()
    np.testing.assert_allclose(mean, both.mean(axis=-1, dtype=float), rtol=1e-6)


@pytest.mark.parametrize(("index", "ending"), [(0, ".nii"), (7, ".nii.gz"), (-1, ".nii.gz")])
def test_volume_is_that_volume(command: Command, study: Study, index: int, ending: str) -> None:
    out = study.folder / f"volume{ending}"
    done = command("volume", "--output", out, "--", study.bold, index)
    assert (done.code, done.err) == (0, "")
    expected = load(study.bold).get_fdata()[..., index]
    np.testing.assert_array_equal(load(out).get_fdata(), expected)


def test_a_negative_volume_needs_no_dashes_before_it(command: Command, study: Study) -> None:
    for i, args in enumerate(
        [(study.bold, -2, "--output"), ("--no-progress", study.bold, -2, "-o")]
    ):
        out = study.folder / f"{i}.nii"
        done = command("volume", *args, out)
        assert (done.code, done.err) == (0, "")
        expected = load(study.bold).get_fdata()[..., -2]
        np.testing.assert_array_equal(load(out).get_fdata(), expected)
    unknown = command("volume", study.bold, -2, "--outptu", study.folder / "a.nii")
    assert unknown.code == 2
    assert "No such option" in unknown.err


def test_volumes_beyond_the_end_and_other_formats_are_refused(
    command: Command, study: Study
) -> None:
    beyond = command("volume", study.bold, "20", "-o", study.folder / "a.nii")
    assert beyond.code == 1
    assert "Error: T must be an integer from -20 to 19, got 20" in beyond.err
    assert command("volume", study.bold, "0", "-o", study.folder / "a.img").code == 2
    assert command("volume", study.bold, "first", "-o", study.folder / "a.nii").code == 2
    assert not list(study.folder.glob("a.*"))


def test_no_input_is_replaced(command: Command, study: Study) -> None:
    before = study.bold.read_bytes()
    done = command("volume", study.bold, 3, "--output", study.bold, "--overwrite")
    assert done.code == 1
    assert "must not replace an input" in done.err
    assert study.bold.read_bytes() == before


def test_existing_images_are_refused(command: Command, study: Study) -> None:
    taken = study.folder / "a.nii"
    taken.write_text("mine")
    assert command("volume", study.bold, "0", "-o", taken).code == 1
    assert taken.read_text() == "mine"
    assert command("volume", study.bold, "0", "-o", taken, "--overwrite").code == 0
    assert load(taken).shape == (8, 7, 6)
    (study.folder / "std.nii.gz").write_text("mine")
    done = command("summary", study.bold, "-o", study.folder)
    assert done.code == 1
    assert not (study.folder / "mean.nii.gz").exists()
