"""Confounds of fMRIPrep by strategy, through the drop-ins."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn.maskers as theirs
import numpy as np
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy

import boldstream as bs
import boldstream.maskers as ours

TABLE = (
    "bids/srndna/derivatives/fmriprep/sub-105/func/"
    "sub-105_task-trust_run-1_desc-confounds_regressors.tsv"
)
OWN = "sub-01_task-rest_desc-confounds_regressors.tsv"
SHAPE = (6, 6, 6)


@pytest.fixture
def bold(shared_data: Path, tmp_path: Path) -> Path:
    """An image as fMRIPrep names it, with a real table of confounds beside it."""
    table = tmp_path / OWN
    shutil.copy(shared_data / TABLE, table)
    n = len(table.read_text().splitlines()) - 1
    data = 100 + np.random.default_rng(0).normal(size=(*SHAPE, n))
    path = tmp_path / "sub-01_task-rest_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
    nib.save(nib.Nifti1Image(data.astype("f4"), np.eye(4)), path)
    return path


def masker(of: Any, **options: Any) -> Any:
    mask = nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4))
    return of.NiftiMasker(mask, standardize="zscore_sample", detrend=True, **options)


@pytest.mark.parametrize("strategy", ["simple", "scrubbing"])
def test_strategies(bold: Path, strategy: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = "fmriprep" if strategy == "simple" else f"fmriprep:{strategy}"
        got = masker(ours).fit_transform(bold, confounds=name)
        confounds, kept = load_confounds_strategy(str(bold), strategy)
        wanted = masker(theirs).fit_transform(bold, confounds=confounds, sample_mask=kept)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-4


def test_each_image_of_a_list_has_its_own(bold: Path, tmp_path: Path) -> None:
    second = tmp_path / bold.name.replace("sub-01", "sub-02")
    shutil.copy(bold, second)
    table = tmp_path / OWN.replace("sub-01", "sub-02")
    shutil.copy(tmp_path / table.name.replace("sub-02", "sub-01"), table)
    mask = nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4))
    many = ours.MultiNiftiMasker(mask, standardize="zscore_sample", n_jobs=2, reports=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many.fit()
        first, other = many.transform([bold, second], confounds=["fmriprep", "fmriprep:scrubbing"])
    assert len(first) > len(other)


def test_a_missing_column_is_named_with_those_that_exist(bold: Path, tmp_path: Path) -> None:
    table = tmp_path / OWN
    lines = [line.split("\t") for line in table.read_text().splitlines()]
    left = [i for i, name in enumerate(lines[0]) if not name.startswith("trans_x")]
    table.write_text("\n".join("\t".join(cells[i] for i in left) for cells in lines) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(bs.TableError, match=r"(?s)trans_x.*trans_y") as caught:
            masker(ours).fit_transform(bold, confounds="fmriprep")
    assert table.name in str(caught.value)


def test_an_image_without_a_table(bold: Path, tmp_path: Path) -> None:
    (tmp_path / OWN).unlink()
    with pytest.raises(bs.TableError, match="confounds"):
        masker(ours).fit_transform(bold, confounds="fmriprep")
    with pytest.raises(bs.ParameterError, match="path"):
        masker(ours).fit_transform(nib.load(bold), confounds="fmriprep")


def test_an_empty_cell_is_named(bold: Path, tmp_path: Path) -> None:
    table = tmp_path / OWN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(bs.TableError, match="no value there"):
            masker(ours).fit_transform(bold, confounds=str(table))
