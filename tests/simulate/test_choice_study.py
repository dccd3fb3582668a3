"""The made-up study of choices: BIDS, and what was planted is found, and nothing else."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.core.errors import OutputExistsError, ParameterError
from boldstream.decoding import decode
from boldstream.decoding.group import group_scores
from boldstream.simulate.choice_study import (
    ChoiceStudyDesign,
    ChoiceTruth,
    make_choice_study,
    read_choice_truth,
)

SMALL = ChoiceStudyDesign(n_subjects=2, n_runs=2, n_trials=6, shape=(16, 18, 16))
SPACE = "space-MNI152NLin2009cAsym"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    make_choice_study(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ChoiceTruth]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, make_choice_study(folder)


def test_files_carry_the_names_of_bids_and_fmriprep(small: Path) -> None:
    made = {str(path.relative_to(small)) for path in small.rglob("*") if path.is_file()}
    prep = "derivatives/fmriprep"
    wanted = {"README", "dataset_description.json", "participants.tsv", "truth.json", ".bidsignore"}
    wanted |= {f"task-discounting_{what}.json" for what in ("bold", "events")}
    wanted |= {f"{prep}/dataset_description.json"}
    names = ("auditory", "motor", "striatum", "visual", "vmpfc")
    wanted |= {f"masks/{name}.nii.gz" for name in names}
    for subject in ("sub-01", "sub-02"):
        wanted.add(f"{prep}/{subject}/anat/{subject}_{SPACE}_desc-brain_mask.nii.gz")
        for run in (1, 2):
            stem = f"{subject}_task-discounting_run-{run}"
            wanted |= {f"{subject}/func/{stem}_{end}" for end in ("bold.nii.gz", "events.tsv")}
            for end in ("preproc_bold.nii.gz", "preproc_bold.json", "brain_mask.nii.gz"):
                wanted.add(f"{prep}/{subject}/func/{stem}_{SPACE}_desc-{end}")
            wanted.add(f"{prep}/{subject}/func/{stem}_desc-confounds_timeseries.tsv")
    assert made == wanted


def test_pybids_finds_runs_and_what_belongs_to_them(small: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bids import BIDSLayout

        layout = BIDSLayout(small, derivatives=small / "derivatives" / "fmriprep")
        raw = layout.get(scope="raw", suffix="bold", extension=".nii.gz")
        assert len(raw) == 4
        assert layout.get_metadata(raw[0].path)["RepetitionTime"] == 2.0
        query = {"subject": "02", "desc": "preproc", "space": SPACE[6:], "extension": ".nii.gz"}
        assert [found.entities["run"] for found in layout.get(**query)] == [1, 2]


def test_images_masks_and_events_agree(small: Path) -> None:
    brain = nib.Nifti1Image.from_filename(
        small / f"derivatives/fmriprep/sub-01/anat/sub-01_{SPACE}_desc-brain_mask.nii.gz"
    )
    inside = brain.get_fdata() > 0
    masks = [nib.Nifti1Image.from_filename(path) for path in (small / "masks").iterdir()]
    together = np.sum([mask.get_fdata() for mask in masks], axis=0)
    assert together.max() == 1
    assert not together[~inside].any()
    for mask in masks:
        assert mask.get_fdata().sum() >= 20
        np.testing.assert_array_equal(mask.affine, brain.affine)
    for image in (small / "derivatives").rglob("*preproc_bold.nii.gz"):
        bold = nib.Nifti1Image.from_filename(image)
        assert bold.shape == (*SMALL.shape, SMALL.n_volumes)
        assert bold.header.get_zooms()[3] == 2.0
        data = bold.get_fdata()
        assert (data[inside] > 5000).all()
        assert not data[~inside].any()
        stem = image.name.split("_space")[0]
        events = pd.read_csv(small / stem[:6] / "func" / f"{stem}_events.tsv", sep="\t")
        assert len(events) == 6
        assert (np.diff(events["onset"]) >= 4).all()
        assert events["onset"].max() + 16 <= SMALL.n_volumes * 2.0
        raw = small / stem[:6] / "func" / f"{stem}_bold.nii.gz"
        assert raw.read_bytes() == image.read_bytes()


@pytest.mark.parametrize("strategy", ["fmriprep", "fmriprep:scrubbing"])
def test_nilearn_loads_the_confounds(whole: tuple[Path, ChoiceTruth], strategy: str) -> None:
    folder, _ = whole
    name = f"sub-01/func/sub-01_task-discounting_run-1_{SPACE}_desc-preproc_bold.nii.gz"
    series = bs.extract(
        folder / "derivatives/fmriprep" / name, folder / "masks/motor.nii.gz", confounds=strategy
    )
    assert np.isfinite(series["motor"]).all()


def test_a_seed_makes_one_study(small: Path, tmp_path: Path) -> None:
    make_choice_study(tmp_path / "again", SMALL)
    for path in (path for path in small.rglob("*") if path.is_file()):
        again = tmp_path / "again" / path.relative_to(small)
        assert path.read_bytes() == again.read_bytes(), path.name
    other = ChoiceStudyDesign(n_subjects=1, n_runs=1, n_trials=6, shape=(16, 18, 16), seed=1)
    make_choice_study(tmp_path / "other", other)
    name = "sub-01/func/sub-01_task-discounting_run-1_events.tsv"
    assert (tmp_path / "other" / name).read_text() != (small / name).read_text()
    images = [path.read_bytes() for path in small.glob("sub-*/func/*_bold.nii.gz")]
    assert len(set(images)) == 4


def test_the_truth_is_noted(small: Path) -> None:
    truth = read_choice_truth(small)
    assert (truth.choice, truth.value) == (("striatum",), ("vmpfc",))
    assert set(truth.log_k) == set(truth.inverse_temperature) == {"01", "02"}
    assert json.loads((small / "truth.json").read_text())["log_k"] == truth.log_k
    assert len(set(truth.log_k.values())) == 2


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(OutputExistsError, match="empty folder"):
        make_choice_study(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_subjects": 0},
        {"n_trials": 3},
        {"spacing": 1.0},
        {"t_r": -1.0},
        {"shape": (8, 28, 24)},
        {"choice_change": 0.0},
    ],
)
def test_impossible_designs_are_refused_and_leave_nothing(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError, match=f"`{next(iter(wrong))}`"):
        make_choice_study(tmp_path / "study", ChoiceStudyDesign(**wrong))
    assert not (tmp_path / "study").exists()


def subject_tables(folder: Path, truth: ChoiceTruth) -> Iterator[pd.DataFrame]:
    """Scores of every region for each subject, from betas of single trials."""
    for subject, log_k in truth.log_k.items():
        func = folder / "derivatives/fmriprep" / f"sub-{subject}" / "func"
        tables = sorted(func.glob("*confounds_timeseries.tsv"))
        motion = [
            pd.read_csv(path, sep="\t").filter(regex=r"^(trans|rot)_[xyz]$") for path in tables
        ]
        betas = bs.trial_betas(
            sorted(func.glob("*preproc_bold.nii.gz")),
            sorted((folder / f"sub-{subject}" / "func").glob("*_events.tsv")),
            confounds=motion,
        )
        trials = betas.trials
        value = trials["delayed_amount"] / (1 + np.exp(log_k) * trials["delay"])
        found = decode(
            betas.image,
            {"choice": trials["trial_type"].to_numpy(), "value": value.to_numpy()},
            trials["run"].to_numpy(),
            rois={name: folder / "masks" / f"{name}.nii.gz" for name in truth.regions},
            estimator={"choice": "svc", "value": "ridge"},
            scale=True,
            permutations=199,
        )
        yield found.table.assign(subject=subject)


def test_what_was_planted_is_found_and_nothing_else(whole: tuple[Path, ChoiceTruth]) -> None:
    folder, truth = whole
    scores = pd.concat(subject_tables(folder, truth))
    scores["chance"] = np.where(scores["target"] == "choice", 0.5, 0.0)
    planted = [
        roi in (truth.choice if target == "choice" else truth.value)
        for roi, target in zip(scores["roi"], scores["target"], strict=True)
    ]
    assert scores.loc[planted, "p"].max() <= 0.01
    assert (scores.loc[~np.array(planted), "p"] <= 0.01).sum() <= 3
    group = group_scores(scores)
    found = group[group["p_t_fdr"] < 0.05]
    assert set(zip(found["roi"], found["target"], strict=True)) == {
        *((roi, "choice") for roi in truth.choice),
        *((roi, "value") for roi in truth.value),
    }


def test_the_mean_of_a_region_does_not_tell_the_choice(whole: tuple[Path, ChoiceTruth]) -> None:
    folder, truth = whole
    scores = []
    for subject in truth.log_k:
        func = folder / "derivatives/fmriprep" / f"sub-{subject}" / "func"
        betas = bs.trial_betas(
            sorted(func.glob("*preproc_bold.nii.gz")),
            sorted((folder / f"sub-{subject}" / "func").glob("*_events.tsv")),
            confounds="fmriprep",
        )
        inside = bs.load_mask(folder / "masks" / f"{truth.choice[0]}.nii.gz")
        means = np.asarray(betas.image.dataobj)[inside].mean(axis=0)[:, None]
        trials = betas.trials
        labels = trials["trial_type"].to_numpy()
        found = decode(means, labels, trials["run"].to_numpy(), scale=True)
        scores.append(found.table["score"][0])
    assert np.mean(scores) < 0.6
