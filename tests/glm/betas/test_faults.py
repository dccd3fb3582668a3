"""What `trial_betas` refuses: before any volume is read, with what was wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.io import parts
from tests.glm.betas.made_up import AFFINE, SHAPE, TR, events, run


@pytest.fixture(autouse=True)
def never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    real = parts.JoinedSource.blocks

    def refuse(self: Any, block_volumes: int) -> Any:
        assert self.series.n_volumes == 1, "volumes were read"
        return real(self, block_volumes)  # of a mask

    monkeypatch.setattr(parts.JoinedSource, "blocks", refuse)


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    path = tmp_path / "sub-01_bold.nii.gz"
    nib.save(run(dtype="f4"), path)
    return path


def test_the_guard_guards(bold: Path) -> None:
    with pytest.raises(AssertionError, match="volumes were read"):
        bs.trial_betas(bold, events())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "LSS"}, "`method` must be one of 'lss', 'lsa'"),
        ({"others": "none"}, "`others` must be one of"),
        ({"conditions": ["fase"]}, "got 'fase'; did you mean 'face'"),
        ({"conditions": []}, "`conditions` must name at least one"),
        ({"t_r": 0}, "`t_r` must be a positive number of s, got 0"),
        ({"t_r": "2"}, "`t_r` must be a positive number of s, got '2'"),
        ({"hrf_model": "fir"}, "`hrf_model`"),
        ({"drift_model": "linear"}, "`drift_model` must be one of"),
        ({"high_pass": -1}, "`high_pass` must be"),
        ({"drift_order": -1}, "`drift_order` must be"),
        ({"slice_time_ref": 2}, "`slice_time_ref` must be"),
        ({"min_onset": "a"}, "`min_onset` must be"),
        ({"penalty": -1}, "`penalty` must be"),
        ({"penalty": 1.0}, "`penalty` must be 0 for method 'lss'"),
        ({"output": ""}, "`output` must be a file, a folder or None, got ''"),
        ({"fraction": 0.5}, "`fraction` must be None unless `method` is 'lsa'"),
        ({"method": "lsa", "fraction": 0.5, "penalty": 1.0}, "`fraction` must be None unless"),
        (
            {"method": "lsa", "fraction": 0},
            "`fraction` must be a number above 0 and at most 1, got 0",
        ),
        ({"method": "lsa", "fraction": 1.5}, "at most 1, got 1.5"),
        ({"method": "lsa", "fraction": True}, "at most 1, got True"),
        ({"method": "lsa", "fraction": "1"}, "at most 1, got '1'"),
        ({"unestimable": "warn"}, "`unestimable` must be one of"),
        ({"signal_scaling": 1}, "`signal_scaling` must be False or 0, got 1"),
        ({"signal_scaling": True}, "`signal_scaling` must be False or 0, got True"),
        ({"signal_scaling": None}, "`signal_scaling` must be False or 0, got None"),
        ({"signal_scaling": (0, 1)}, "`signal_scaling` must be False or 0"),
        ({"smoothing_fwhm": -1}, "`smoothing_fwhm` must be"),
        ({"nan_policy": "drop"}, "`nan_policy` must be one of"),
        ({"dtype": "float16"}, "`dtype` must be one of 'float32', 'float64'"),
        ({"memory_limit": "much"}, "memory"),
        ({"confounds": np.ones((79, 2))}, "confounds"),
        ({"sample_mask": [0, 80]}, "sample_mask"),
        ({"sample_mask": np.zeros(80, bool)}, "sample_mask"),
    ],
    ids=str,
)
def test_parameters(bold: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises((bs.ParameterError, bs.TableError), match=message):
        bs.trial_betas(bold, events(), **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([events()], r"`events` must be a list with one entry for each of 2 runs, got 1 entries"),
        ([events()] * 3, "2 runs, got 3 entries"),
        (events(), "2 runs, got DataFrame"),
        ("events.tsv", "2 runs, got str"),
        ([events(), 3], r"`events\[1\]` must be a path or a pandas data frame, got int"),
    ],
)
def test_counts_of_runs(bold: Path, given: Any, message: str) -> None:
    with pytest.raises(bs.ParameterError, match=message):
        bs.trial_betas([bold, bold], given)
    alone: dict[str, Any]
    for name in ("confounds", "sample_mask"):
        alone = {name: [None]}
        with pytest.raises(bs.ParameterError, match=f"`{name}` must be a list with one entry"):
            bs.trial_betas([bold, bold], [events(), events()], **alone)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"onset": None}, "must have a column 'onset'"),
        ({"duration": None}, "must have a column 'duration'"),
        ({"onset": 1e5}, r"events\[1\] must give each trial a beta of its own, got 8 without"),
        ({"run": 1}, r"events\[1\] must not have a column 'run'"),
        ({"row": 1}, "must not have a column 'row'"),
    ],
    ids=str,
)
def test_events(bold: Path, change: dict[str, Any], message: str) -> None:
    (name, value), table = next(iter(change.items())), events()
    table = table.drop(columns=name) if value is None else table.assign(**change)
    with pytest.raises(bs.TableError, match=message):
        bs.trial_betas([bold, bold], [events(), table])


def test_a_file_of_events_is_named(bold: Path, tmp_path: Path) -> None:
    for column in ("run", "row"):
        path = tmp_path / f"with_{column}.tsv"
        events().assign(**{column: 1}).to_csv(path, sep="\t", index=False)
        with pytest.raises(bs.TableError, match=rf"^{path} must not have a column '{column}'"):
            bs.trial_betas(bold, path)


def test_events_that_cannot_be_read(bold: Path, tmp_path: Path) -> None:
    with pytest.raises(bs.TableError, match=r"nowhere.tsv cannot be read as a table"):
        bs.trial_betas(bold, tmp_path / "nowhere.tsv")
    with pytest.raises(bs.TableError, match="at least one trial with a beta, got none"):
        bs.trial_betas(bold, events().assign(onset=1e5), unestimable="exclude")


def test_repetition_times(bold: Path, tmp_path: Path) -> None:
    sidecar = tmp_path / "sub-01_bold.json"
    sidecar.write_text(json.dumps({"RepetitionTime": 2.5}))
    message = r"the header of .*sub-01_bold.nii.gz says 2 s, sub-01_bold.json says 2.5 s"
    for image, table in ((bold, events()), ([bold, bold], [events(), events()])):
        with pytest.raises(bs.ParameterError, match=message):
            bs.trial_betas(image, table)
    with pytest.raises(AssertionError, match="volumes were read"):
        bs.trial_betas(bold, events(), t_r=TR)
    sidecar.write_text("{")
    with pytest.raises(bs.TableError, match=r"sub-01_bold.json cannot be read as JSON"):
        bs.trial_betas(bold, events())
    timeless = nib.Nifti1Image(np.zeros((*SHAPE, 80)), AFFINE)
    timeless.header.set_zooms((3, 3, 3.5, 0))
    with pytest.raises(bs.ParameterError, match="`t_r` must be given: neither the header"):
        bs.trial_betas(timeless, events())


def test_images_and_masks(bold: Path, tmp_path: Path) -> None:
    both = [events(), events()]
    elsewhere = tmp_path / "elsewhere.nii"
    nib.save(nib.Nifti1Image(run().get_fdata(), 2 * AFFINE), elsewhere)
    with pytest.raises(bs.GridMismatchError):
        bs.trial_betas([bold, elsewhere], both)
    mask = nib.Nifti1Image(np.ones(SHAPE), 2 * AFFINE)
    with pytest.raises(bs.GridMismatchError):
        bs.trial_betas(bold, events(), mask=mask)
    with pytest.raises(bs.MaskError):
        bs.trial_betas(bold, events(), mask=np.zeros(SHAPE, bool))
    with pytest.raises(bs.ImageFileError, match=r"nowhere.nii does not exist"):
        bs.trial_betas(tmp_path / "nowhere.nii", events())
    bold.write_bytes(b"")
    with pytest.raises(bs.CorruptImageError, match="is empty"):
        bs.trial_betas(bold, events())


def test_memory_is_asked_for_first(bold: Path) -> None:
    with pytest.raises(bs.MemoryBudgetError, match="sub-01_bold"):
        bs.trial_betas(bold, events(), memory_limit="1MiB")


def test_the_betas_of_all_runs_must_fit(tmp_path: Path) -> None:
    """Not those of the first alone: hours might pass until the last one failed."""
    image = run(shape=(40, 40, 40), n=24, dtype="i2")
    path = tmp_path / "bold.nii"
    nib.save(image, path)
    table = pd.DataFrame({"onset": [4.0, 20.0], "duration": 1.0, "trial_type": ["a", "b"]})
    limit = process_memory().rss_bytes + (60 << 20)
    betas_of_a_run = 2 * 40**3 * 8
    assert 400 * betas_of_a_run > 60 << 20 > 3 * betas_of_a_run
    with pytest.raises(AssertionError, match="volumes were read"):
        bs.trial_betas(path, table, dtype="float64", memory_limit=limit)
    with pytest.raises(bs.MemoryBudgetError):
        bs.trial_betas([path] * 400, [table] * 400, dtype="float64", memory_limit=limit)


def test_one_volume_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "mean.nii.gz"
    nib.save(nib.Nifti1Image(np.ones(SHAPE[:3], "f4"), AFFINE), path)
    with pytest.raises(bs.ParameterError, match=r"volumes over time, got 1 in .*mean\.nii\.gz"):
        bs.trial_betas(path, events(), t_r=TR)


def test_the_repetition_time_of_an_array_is_not_known() -> None:
    """The 1.0 of a header that nobody filled in is none."""
    image = nib.Nifti1Image(np.zeros((3, 3, 3, 20), "f4"), AFFINE)
    with pytest.raises(bs.ParameterError, match="`t_r` must be given: neither the header"):
        bs.trial_betas(image, events())
