"""The made-up study: BIDS names, and the effect where the truth says it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix
from nilearn.maskers import NiftiLabelsMasker

from boldstream.core.errors import OutputExistsError, ParameterError
from boldstream.simulate.study import (
    ATLAS,
    ATLAS_NAMES,
    BRAIN_MASK,
    StudyDesign,
    make_study,
    read_truth,
)

SMALL = StudyDesign(n_subjects=2, n_runs=2, n_volumes=80, shape=(20, 22, 20), n_regions=10)


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_files_carry_their_bids_names(tmp_path: Path) -> None:
    make_study(tmp_path, SMALL)
    made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    runs = {
        f"sub-{s:02d}/func/sub-{s:02d}_task-demo_run-{r}_{ending}"
        for s in (1, 2)
        for r in (1, 2)
        for ending in ("bold.nii.gz", "bold.json", "events.tsv")
    }
    derivatives = {str(ATLAS), str(ATLAS_NAMES), str(BRAIN_MASK)}
    derivatives.add("derivatives/boldstream-demo/dataset_description.json")
    top = {"README", "dataset_description.json", "participants.tsv", "truth.json", ".bidsignore"}
    assert made == runs | derivatives | top
    assert (tmp_path / ".bidsignore").read_text().split() == ["truth.json"]
    participants = read_table(tmp_path / "participants.tsv")
    assert [row["participant_id"] for row in participants] == ["sub-01", "sub-02"]
    assert json.loads((tmp_path / "dataset_description.json").read_text())["BIDSVersion"]


def test_sidecars_and_atlas_agree_with_the_images(tmp_path: Path) -> None:
    make_study(tmp_path, SMALL)
    for bold in tmp_path.glob("sub-*/func/*_bold.nii.gz"):
        image = nib.Nifti1Image.from_filename(bold)
        sidecar = json.loads(bold.with_name(bold.name.replace(".nii.gz", ".json")).read_text())
        assert image.shape == (20, 22, 20, 80)
        assert image.header.get_zooms()[3] == sidecar["RepetitionTime"]
    labels = np.unique(nib.Nifti1Image.from_filename(tmp_path / ATLAS).get_fdata())
    assert [float(row["index"]) for row in read_table(tmp_path / ATLAS_NAMES)] == list(labels[1:])


def test_nilearn_finds_the_effect_in_the_planted_regions_and_no_other(tmp_path: Path) -> None:
    truth = make_study(tmp_path, SMALL)
    names = [row["name"] for row in read_table(tmp_path / ATLAS_NAMES)]
    bold = tmp_path / "sub-02/func/sub-02_task-demo_run-2_bold.nii.gz"
    masker = NiftiLabelsMasker(str(tmp_path / ATLAS), standardize=None)
    series = masker.fit_transform(str(bold))
    events = _events(bold.with_name(bold.name.replace("bold.nii.gz", "events.tsv")))
    design = make_first_level_design_matrix(
        np.arange(80) * 2.0, events, hrf_model="spm", drift_model="polynomial", drift_order=2
    )
    change = np.linalg.lstsq(design.to_numpy(), series, rcond=None)[0][0] / series.mean(axis=0)
    for name, value in zip(names, change, strict=True):
        wanted = 0.005 if name in truth.planted else 0.0
        assert value == pytest.approx(wanted, abs=0.001)


def _events(path: Path) -> object:
    import pandas as pd

    return pd.read_csv(path, sep="\t")


def test_runs_and_subjects_differ_and_a_seed_makes_one_study(tmp_path: Path) -> None:
    make_study(tmp_path / "a", SMALL)
    make_study(tmp_path / "b", SMALL)
    a = {p.name: p.read_bytes() for p in (tmp_path / "a").rglob("*.nii.gz")}
    b = {p.name: p.read_bytes() for p in (tmp_path / "b").rglob("*.nii.gz")}
    assert a == b
    assert len(set(a.values())) == len(a) == 6


def test_the_truth_is_noted(tmp_path: Path) -> None:
    truth = make_study(tmp_path, SMALL)
    assert len(truth.planted) == 2
    assert read_truth(tmp_path) == truth


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(OutputExistsError, match="empty folder"):
        make_study(tmp_path, SMALL)
    with pytest.raises(OutputExistsError, match="empty folder"):
        make_study(tmp_path / "mine", SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "wrong", [{"n_subjects": 0}, {"n_planted": 21}, {"t_r": -1.0}, {"n_volumes": 5}]
)
def test_impossible_designs_are_refused_and_leave_nothing(
    tmp_path: Path, wrong: dict[str, int]
) -> None:
    with pytest.raises(ParameterError):
        make_study(tmp_path / "study", StudyDesign(**wrong))  # type: ignore[arg-type]
    assert not (tmp_path / "study").exists()
