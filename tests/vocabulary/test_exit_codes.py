"""Wrong usage ends a command with 2 before a file is opened; what files hold, with 1."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.vocabulary.collecting import COMMANDS

# None of these files is there.
CALLS = {
    "info": "no.nii",
    "extract": "no.nii --mask m.nii -o out",
    "glm": "no.nii --events no.tsv --contrast a -o out",
    "betas": "no.nii --events no.tsv -o out",
    "searchlight": "no.nii --labels no.tsv --target y -o out",
    "decode": "no.nii --labels no.tsv --target y --roi m.nii -o out",
    "summary": "no.nii -o out",
    "volume": "no.nii 1 -o out.nii",
    "view": "no.nii -o out.html",
    "tune": "no.nii --mask m.nii",
    "benchmark": "no.nii",
    "init": "no-folder",
    "run": "no.yaml",
    "slurm-script": "no.yaml",
    "report": "no-folder",
}
# They name no file that has to be there.
WITHOUT_FILES = {"demo": "new", "schema": "", "cache": "path"}
WRONG = [
    "extract --smoothing-fwhm 0",
    "extract --smooth -1",
    "extract --t-r nan",
    "extract --high-pass 0",
    "extract --standardize zscor",
    "extract --filter cosine",
    "extract --nan-policy drop",
    "extract --strategy mean",
    "extract --strategy simple",
    "extract --atlas a.nii --atlas-strategy simple",
    "extract --atlas-strategy mean",
    "extract --atlas-names a.tsv",
    "extract --confounds fmriprep:nope",
    "extract --confound-columns x",
    "extract --seeds a.tsv",
    "extract --radius 5",
    "extract --resample image",
    "extract --memory-limit plenty",
    "extract --n-jobs 0",
    "glm --contrast ;",
    "glm --noise-model foo",
    "glm --noise-model ar0",
    "glm --hrf-model gamma",
    "glm --hrf-model fir",
    "glm --fir-delays 1,x --hrf-model fir",
    "glm --drift-model linear",
    "glm --drift-order -1",
    "glm --slice-time-ref 2",
    "glm --signal-scaling mean",
    "glm --confounds fmriprep:nope",
    "glm --strategy compcor",
    "betas --method lls",
    "betas --penalty 1",
    "betas --fraction 2 --method lsa",
    "betas --others all --method lsa",
    "betas --conditions ,",
    "betas --unestimable ignore",
    "searchlight --estimator scv",
    "searchlight --estimator-arg C",
    "searchlight --estimator-arg nope=1",
    "searchlight --scoring acuracy",
    "searchlight --cv lego",
    "searchlight --cv kfold:1",
    "searchlight --radius 0",
    "searchlight --n-neighbours 0",
    "searchlight --conditions =face",
    "searchlight --permutations -1",
    "searchlight --permutation-blocks auto",
    "searchlight --tfce",
    "searchlight --forming-threshold 0.6",
    "searchlight --null-maps nulls",
    "searchlight --chance nan",
    "searchlight --random-state -3",
    "searchlight --keep scores",
    "searchlight --nan-policy propagate",
    "decode --estimator scv",
    "decode --estimator z=svc",
    "decode --scoring acuracy",
    "decode --cv lego",
    "decode --select 0",
    "decode --param-grid C",
    "decode --permutation-blocks auto",
    "decode --atlas-names a.tsv",
    "volume --output out.txt",
    "view --output out.txt",
    "view --threshold nan",
    "view --chance inf",
    "tune --threshold -1",
    "benchmark --size huge",
    "benchmark --seed nope",
    "benchmark --repeats 0",
    "benchmark --subjects x",
    "benchmark --memory-limit plenty",
    "demo --n-jobs 0",
    "run --n-jobs 0",
    "run --subjects ,",
    "run --rois ,",
    "run --memmap-threshold -1",
    "run --slurm --parallel-subjects",
    "slurm-script --n-jobs 0",
    "report --subjects ,",
    "cache --nope",
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def test_every_command_is_tried() -> None:
    assert {name.split()[0] for name in COMMANDS} == {*CALLS, *WITHOUT_FILES}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_usage(command: Command, elsewhere: Path, text: str) -> None:
    name, *options = text.split()
    done = command(name, *(CALLS | WITHOUT_FILES)[name].split(), *options)
    assert done.code == 2, done.err
    assert f"Usage: boldstream {name}" in done.err
    assert options[0] in done.err or "option" in done.err
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", CALLS)
def test_an_option_that_is_not_there(command: Command, name: str) -> None:
    done = command(name, *CALLS[name].split(), "--nope")
    assert done.code == 2
    assert "No such option: --nope" in done.err


@pytest.mark.parametrize("name", CALLS)
def test_a_file_that_is_not_there(command: Command, elsewhere: Path, name: str) -> None:
    done = command(name, *CALLS[name].split())
    assert done.code == 1, done.err
    assert CALLS[name].split()[0] in done.err
    assert "Usage" not in done.err
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", [name for name in CALLS if CALLS[name].startswith("no.nii")])
def test_a_file_that_is_damaged(command: Command, elsewhere: Path, name: str) -> None:
    image = nib.Nifti1Image(np.ones((4, 4, 4, 6), "f4"), np.eye(4))
    (elsewhere / "no.nii").write_bytes(image.to_bytes()[:300])
    before = sorted(elsewhere.iterdir())
    done = command(name, *CALLS[name].split())
    assert done.code == 1, done.err
    assert "no.nii" in done.err
    assert sorted(elsewhere.iterdir()) == before
