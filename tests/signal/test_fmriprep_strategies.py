"""All strategies for fMRIPrep's confounds, on the tables that nilearn ships with its tests."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import nibabel as nib
import nilearn.interfaces.fmriprep
import numpy as np
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy

from boldstream.signal.fmriprep import STRATEGIES, Strategy, fmriprep_confounds

DATA = Path(nilearn.interfaces.fmriprep.__file__).parent / "data"
IMAGES = {"ica_aroma": "desc-smoothAROMAnonaggr_bold.nii.gz"}


@pytest.fixture(params=STRATEGIES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Strategy]:
    """An image of fMRIPrep's with what it writes beside it, and a strategy that takes it."""
    strategy: Strategy = request.param
    for ending in ("tsv", "json"):
        source = DATA / f"test_desc-confounds_regressors.{ending}"
        shutil.copy(source, tmp_path / f"sub-01_task-x_desc-confounds_regressors.{ending}")
    name = f"sub-01_task-x_space-MNI_{IMAGES.get(strategy, 'desc-preproc_bold.nii.gz')}"
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 30), "f4"), np.eye(4)), tmp_path / name)
    return tmp_path / name, strategy


def test_strategy(case: tuple[Path, Strategy]) -> None:
    image, strategy = case
    options = {"scrub": 0, "fd_threshold": 15, "std_dvars_threshold": 15}
    extra = options if strategy == "scrubbing" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted, kept = load_confounds_strategy(str(image), strategy, **extra)
        confounds, mask = fmriprep_confounds(image, strategy, options=extra)
    assert list(confounds.columns) == list(wanted.columns)
    np.testing.assert_array_equal(confounds.to_numpy(), wanted.to_numpy())
    np.testing.assert_array_equal(
        np.arange(30) if mask is None else mask, np.arange(30) if kept is None else kept
    )
