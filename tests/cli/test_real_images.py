"""The commands on real images: nilearn's and nibabel's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nilearn.image import resample_to_img
from nilearn.maskers import NiftiLabelsMasker, NiftiMasker

from tests.cli.conftest import Command
from tests.oracle import load

RUNS = (
    "rapidtide/sub-RAPIDTIDETEST.nii.gz",
    "sforest_localizer/sub-02_task-oneback_run-1_bold.nii.gz",
)


@pytest.fixture
def rapidtide(shared_data: Path) -> Path:
    return shared_data / "rapidtide"


def test_brain_mask_and_native_labels(command: Command, rapidtide: Path, tmp_path: Path) -> None:
    bold = rapidtide / "sub-RAPIDTIDETEST.nii.gz"
    mask = rapidtide / "sub-RAPIDTIDETEST_brainmask.nii.gz"
    atlas = rapidtide / "sub-RAPIDTIDETEST_synthseg.nii.gz"
    done = command("extract", bold, "--mask", f"brain={mask}", "--atlas", atlas, "-o", tmp_path)
    assert (done.code, done.err) == (0, "")
    theirs = NiftiMasker(mask, standardize=None).fit_transform(bold)
    np.testing.assert_array_equal(np.load(tmp_path / "brain.npy"), theirs)
    regions = np.genfromtxt(tmp_path / "labels.tsv", skip_header=1)
    expected = NiftiLabelsMasker(atlas, standardize=None).fit_transform(bold)
    np.testing.assert_allclose(regions, expected, rtol=1e-6)


def test_aal_resampled_to_the_image(command: Command, shared_data: Path, tmp_path: Path) -> None:
    bold, atlas = shared_data / RUNS[0], shared_data / "atlas" / "atlas_aal.nii.gz"
    args = ["extract", bold, "--atlas", atlas, "-o", tmp_path]
    assert command(*args).code == 1
    assert command(*args, "--resample", "mask").code == 0
    about = json.loads((tmp_path / "labels.json").read_text())
    stored = np.unique(np.asarray(load(atlas).dataobj))
    assert about["labels"] == stored[stored > 0].tolist()
    resampled = resample_to_img(atlas, bold, "nearest", force_resample=True, copy_header=True)
    native = resampled.get_fdata()
    assert about["n_voxels"] == [int((native == label).sum()) for label in about["labels"]]
    masker = NiftiLabelsMasker(resampled, standardize=None)
    expected = masker.fit_transform(bold)
    kept = [i for i, n in enumerate(about["n_voxels"]) if n]
    lines = (tmp_path / "labels.tsv").read_text().splitlines()[1:]
    values = np.array(
        [[float(x) if x != "n/a" else np.nan for x in row.split("\t")] for row in lines]
    )
    np.testing.assert_allclose(values[:, kept], expected, rtol=1e-6)
    assert np.isnan(np.delete(values, kept, axis=1)).all()


@pytest.mark.parametrize("name", RUNS)
def test_summary_and_last_volume(
    command: Command, shared_data: Path, tmp_path: Path, name: str
) -> None:
    bold = shared_data / name
    assert command("summary", bold, "--output", tmp_path).code == 0
    assert command("volume", "-o", tmp_path / "last.nii.gz", "--", bold, "-1").code == 0
    data = load(bold).get_fdata(dtype=np.float32)
    mean, std = data.mean(axis=-1, dtype=float), data.std(axis=-1, dtype=float)
    written = {
        part: load(tmp_path / f"{part}.nii.gz").get_fdata()
        for part in ("mean", "std", "tsnr", "last")
    }
    np.testing.assert_allclose(written["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(written["std"], std, rtol=1e-5)
    alive = std > 0
    np.testing.assert_allclose(
        written["tsnr"][alive], (mean / np.where(alive, std, 1))[alive], rtol=1e-5
    )
    np.testing.assert_array_equal(written["last"], data[..., -1])


@pytest.mark.parametrize("name", RUNS)
def test_info(command: Command, shared_data: Path, name: str) -> None:
    (facts,) = json.loads(command("info", "--json", shared_data / name).out)
    image = load(shared_data / name)
    assert facts["shape"] == list(image.shape)
    assert facts["t_r"] == pytest.approx(image.header.get_zooms()[3])
    assert facts["scaling"]["slope"] == image.dataobj.slope
