"""What `bs.extract` refuses, and that it does before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from tests.signal.made_up import made_up, mask_image


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"standardize": "zscore_sampl"}, "did you mean 'zscore_sample'"),
        ({"filter": "butterwort", "high_pass": 0.01}, "did you mean 'butterworth'"),
        ({"filter": "cosine"}, "got 'cosine' with high_pass=None"),
        ({"filter": "cosine", "high_pass": 0.01, "low_pass": 0.1}, "low_pass=0.1"),
        ({"high_pass": 0.1, "low_pass": 0.05}, "can be done on 40 volumes: High"),
        ({"high_pass": -0.1}, "`high_pass` must be a positive number of Hz, got -0.1"),
        ({"low_pass": 0.25}, "`low_pass` must be below 0.25 Hz"),
        ({"low_pass": 0.1, "t_r": 0}, "`t_r` must be a positive number of seconds, got 0"),
        ({"confounds": np.ones((39, 2))}, "one row for each of 40 volumes, got 39"),
        ({"confounds": "absent.tsv"}, "absent.tsv cannot be read"),
        ({"confounds": "fmriprep:simpel"}, "did you mean 'fmriprep:simple'"),
        ({"confounds": "fmriprep"}, "cannot be found"),
        ({"sample_mask": [True, False]}, "`sample_mask` must be 40 of True and False"),
        ({"sample_mask": [40]}, "volumes from 0 to 39"),
        ({"smoothing_fwhm": -1}, "`smoothing_fwhm` must be"),
        ({"nan_policy": "drop"}, "`nan_policy` must be one of"),
        ({"n_jobs": 0}, "`n_jobs` must be"),
        ({"dtype": "float16"}, "`dtype` must be one of"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_before_anything_is_read(
    runs: list[Path], options: dict[str, Any], message: str
) -> None:
    # Reading it would raise `CorruptImageError`.
    runs[0].write_bytes(runs[0].read_bytes()[:-500])
    with pytest.raises((bs.ParameterError, bs.TableError), match=message):
        bs.extract(runs[0], {"V1": mask_image()}, **options)


@pytest.mark.parametrize("name", ["confounds", "sample_mask"])
@pytest.mark.parametrize("given", [np.ones(95), [np.ones(40)], "a.tsv"], ids=type)
def test_several_runs_need_as_many_entries(runs: list[Path], name: str, given: Any) -> None:
    options: Any = {name: given}
    with pytest.raises(
        bs.ParameterError, match=rf"`{name}` must be a list with one entry .* 2 runs"
    ):
        bs.extract(runs[:2], {"V1": mask_image()}, **options)


def test_volumes_in_files_of_their_own_have_no_confounds_of_fmriprep(tmp_path: Path) -> None:
    paths = [tmp_path / f"sub-01_{t}_desc-preproc_bold.nii.gz" for t in range(3)]
    for t, path in enumerate(paths):
        nib.save(made_up(3).slicer[..., t], path)
    with pytest.raises(bs.ParameterError, match="found by the path of the image, got list"):
        bs.extract(paths, {"V1": mask_image()}, confounds="fmriprep")


@pytest.mark.parametrize("reduction", [bs.Mean(), bs.Volumes([0, 1]), bs.Project(np.ones((1, 40)))])
def test_what_gives_no_row_for_each_volume_is_refused(runs: list[Path], reduction: Any) -> None:
    with pytest.raises(bs.ParameterError, match=r"one row for each volume, .* as 'mean'"):
        bs.extract(runs[0], {"mean": reduction})


def test_too_little_memory_is_said_before_anything_is_read(runs: list[Path]) -> None:
    runs[0].write_bytes(runs[0].read_bytes()[:-500])
    with pytest.raises(bs.MemoryBudgetError):
        bs.extract(runs[0], {"V1": mask_image()}, detrend=True, memory_limit="1MiB")


def test_a_run_that_is_too_short_for_the_filter_is_refused() -> None:
    with pytest.raises(bs.ParameterError, match="can be done on 12 volumes: The length of the"):
        bs.extract(made_up(12), {"V1": mask_image()}, high_pass=0.02)


def test_a_volume_that_is_kept_twice() -> None:
    image = nib.Nifti1Image(np.ones((2, 2, 2, 4), "f4"), np.eye(4))
    mask = np.ones((2, 2, 2), dtype=bool)
    for sample_mask in ([0, 0, 2], [1, 0, 1, 1]):
        with pytest.raises(bs.ParameterError, match=r"at most once, got volume [01] again"):
            bs.extract(image, mask, sample_mask=sample_mask)
