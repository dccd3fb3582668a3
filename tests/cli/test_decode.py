"""``boldstream decode``: what `decode` gives, in tables, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import boldstream as bs
from boldstream.decoding.roi import Decoding, decode
from tests.cli.conftest import Command
from tests.cli.labelled import AFFINE, PEAK, SHAPE, Labelled, make_labelled
from tests.cli.test_glm_faults import refused
from tests.oracle import fdata

FILES = [
    *("confusion.tsv", "decoding.json", "decoding.png", "decoding.tsv", "decoding_folds.tsv"),
    "predictions.tsv",
]
FACES = ["--target", "object", "--conditions", "face,house", "--groups", "run"]


@pytest.fixture
def study(tmp_path: Path) -> Labelled:
    made = make_labelled(tmp_path)
    near = np.zeros(SHAPE, np.uint8)
    near[PEAK] = near[2, 3, 2] = near[4, 3, 2] = 1
    nib.save(nib.Nifti1Image(near, AFFINE), tmp_path / "near.nii.gz")
    return made


@pytest.fixture
def out(study: Labelled) -> Path:
    return study.folder / "new" / "out"


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=["n/a"])


def decoded(study: Labelled, targets: list[str], **options: Any) -> Decoding:
    """The same in Python, on arrays of volumes that were picked before."""
    kept = study.kept("face", "house")
    rows = study.table.iloc[kept]
    regions = {
        "near": study.folder / "near.nii.gz",
        "brain": study.mask,
    }
    arrays = {name: study.data[fdata(path) > 0][:, kept].T for name, path in regions.items()}
    return decode(arrays, {name: rows[name].to_numpy() for name in targets}, rows["run"], **options)


def rois(study: Labelled) -> list[object]:
    return ["--roi", study.folder / "near.nii.gz", "--roi", f"brain={study.mask}"]


def test_classes(command: Command, study: Labelled, out: Path) -> None:
    done = command(
        *("decode", *study.bold, "--labels", study.labels, *FACES, *rois(study), "-o", out),
        *("--estimator", "lda", "--permutations", 30, "--random-state", 5, "--scale"),
    )
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == FILES
    wanted = decoded(
        study, ["object"], estimator="lda", permutations=30, random_state=5, scale=True
    )
    table = read(out / "decoding.tsv")
    assert table.columns.tolist() == wanted.table.columns.tolist()
    pd.testing.assert_frame_equal(table, wanted.table, check_dtype=False)
    assert table["score"][0] > 0.9
    assert done.out.splitlines()[0] == f"{out}/decoding.tsv  2 × 10"
    folds = read(out / "decoding_folds.tsv")
    np.testing.assert_allclose(folds["score"], wanted.folds["score"])
    assert folds["held_out"].tolist() == [1, 2, 1, 2]
    confusion = (
        read(out / "confusion.tsv").set_index(["roi", "truth", "predicted"])["count"].sort_index()
    )
    for (roi, _), counts in wanted.confusion.items():
        for truth in counts.index:
            assert confusion[roi, truth].to_dict() == counts.loc[truth].to_dict()
    predictions = read(out / "predictions.tsv")
    assert predictions["predicted"].tolist() == wanted.predictions["predicted"].tolist()
    objects = study.table["object"].to_numpy()
    assert objects[predictions["sample"]].tolist() == predictions["truth"].tolist()
    assert (out / "decoding.png").read_bytes().startswith(b"\x89PNG")
    facts = json.loads((out / "decoding.json").read_text())
    shown = {
        "rois": {"near": str(study.folder / "near.nii.gz"), "brain": str(study.mask)},
        "estimator": {"object": "lda"},
        "cv": "logo",
        "scale": True,
        "permutations": 30,
        "n_samples": 40,
        "classes": {"object": {"face": 20, "house": 20}},
        "chance": {"object": 0.5},
    }
    assert {name: facts[name] for name in shown} == shown


def test_several_targets_and_models(command: Command, study: Labelled, out: Path) -> None:
    done = command(
        *("decode", *study.bold, "--labels", study.labels, "--target", "object,value"),
        *("--conditions", "object=face,house", "--groups", "run", *rois(study), "-o", out),
        *("--estimator", "gnb", "--estimator", "value=ridge", "--select", 2),
        *("--scoring", "object=balanced_accuracy"),
    )
    assert (done.code, done.err) == (0, "")
    wanted = decoded(
        study,
        ["object", "value"],
        estimator={"object": "gnb", "value": "ridge"},
        scoring={"object": "balanced_accuracy", "value": None},
        select=2,
    )
    table = read(out / "decoding.tsv")
    assert table["target"].tolist() == ["object", "object", "value", "value"]
    pd.testing.assert_frame_equal(table, wanted.table, check_dtype=False, rtol=1e-4)
    facts = json.loads((out / "decoding.json").read_text())
    assert facts["chance"] == {"object": 0.5, "value": 0.0}
    assert facts["classes"]["value"] is None
    height = imread(out / "decoding.png").shape[0]
    command(
        *("decode", *study.bold, "--labels", study.labels, *FACES, *rois(study)),
        *("--estimator", "gnb", "-o", out.with_name("alone")),
    )
    # A panel for each target, with as much room for each region.
    assert height == 2 * imread(out.with_name("alone") / "decoding.png").shape[0]
    assert plt.get_fignums() == []


def test_an_atlas_and_a_search(command: Command, study: Labelled, out: Path) -> None:
    atlas = np.zeros(SHAPE, np.int16)
    atlas[:3], atlas[3:] = 4, 9
    nib.save(nib.Nifti1Image(atlas, AFFINE), study.folder / "atlas.nii")
    names = study.folder / "names.tsv"
    names.write_text("index\tname\n4\tleft\n9\tright\n")
    done = command(
        *("decode", *study.bold, "--labels", study.labels, *FACES, "-o", out),
        *("--atlas", study.folder / "atlas.nii", "--atlas-names", names, "--cv", "kfold:2"),
        *("--estimator", "ridge_classifier", "--estimator-arg", "alphas=10", "--allow-leakage"),
    )
    assert (done.code, done.err) == (0, "")
    kept = study.kept("face", "house")
    rows = study.table.iloc[kept]
    wanted = decode(
        {name: study.data[atlas == i][:, kept].T for name, i in {"left": 4, "right": 9}.items()},
        rows["object"],
        rows["run"],
        estimator=_ridge(),
        cv="kfold:2",
        allow_leakage=True,
    )
    table = read(out / "decoding.tsv")
    assert table["roi"].tolist() == ["left", "right"]
    np.testing.assert_allclose(table["score"], wanted.table["score"])


def _ridge() -> Any:
    from sklearn.linear_model import RidgeClassifierCV

    return RidgeClassifierCV(alphas=10)


def test_betas(command: Command, study: Labelled, out: Path) -> None:
    events = study.folder / "events.tsv"
    onsets = np.arange(4.0, 54, 4)
    kinds = np.array(["face", "house"])[np.arange(len(onsets)) % 2]
    pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": kinds}).to_csv(
        events, sep="\t", index=False
    )
    folder = study.folder / "betas"
    bold = [str(path) for path in study.bold]
    bs.trial_betas(bold, [events] * 2, t_r=2, mask=study.mask, output=folder)
    roi = study.folder / "near.nii.gz"
    done = command(
        *("decode", folder, "--target", "trial_type", "--groups", "run", "--roi", roi),
        *("--estimator", "gnb", "-o", out),
    )
    assert (done.code, done.err) == (0, "")
    stored = bs.open_betas(folder)
    inside = (fdata(roi) > 0)[stored.mask]
    wanted = decode(
        stored.values[:, inside], stored.trials["trial_type"], stored.trials["run"], estimator="gnb"
    )
    np.testing.assert_allclose(read(out / "decoding.tsv")["score"], wanted.table["score"])
    # Where the betas' mask has none, zeros would be decoded.
    everywhere = study.folder / "everywhere.nii"
    nib.save(nib.Nifti1Image(np.ones(SHAPE, "u1"), AFFINE), everywhere)
    args = ("decode", folder, "--target", "trial_type", "--roi", everywhere, "-o", out / "new")
    refused(command(*args), 1, "`everywhere` must lie inside the mask")
    assert not (out / "new").exists()


def test_names_that_python_reads_as_numbers(command: Command, study: Labelled, out: Path) -> None:
    table = study.table.copy()
    table["level"] = np.where(table["object"] == "face", "1_2", "2_1")
    path = study.folder / "levels.tsv"
    table.to_csv(path, sep="\t", index=False)
    done = command(
        *("decode", *study.bold, "--labels", path, "--target", "level", "--groups", "run"),
        *(*rois(study), "--estimator", "gnb", "-o", out),
    )
    assert (done.code, done.err) == (0, "")
    assert set(read(out / "confusion.tsv")["truth"]) == {"1_2", "2_1"}


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (FACES, "give one or more"),
        ([*FACES, "--roi", "V1.nii", "--atlas-names", "a.tsv"], "goes with --atlas only"),
        (["--target", "a,a", "--roi", "V1.nii"], "each once"),
        ([*FACES, "--roi", "V1.nii", "--roi", "x/V1.nii"], "given to 2 masks"),
        ([*FACES, "--roi", "V1.nii", "--estimator", "value=ridge"], "none of the targets object"),
        ([*FACES, "--roi", "V1.nii", "--estimator", "svc", "--estimator", "lda"], "give it once"),
        ([*FACES, "--roi", "V1.nii", "--select", "1.5"], "--select"),
        ([*FACES, "--roi", "V1.nii", "--param-grid", "C"], "must be NAME=VALUE"),
    ],
    ids=str,
)
def test_wrong_usage(
    command: Command,
    study: Labelled,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    hint: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    done = command("decode", *study.bold, "--labels", study.labels, *options, "-o", out)
    refused(done, 2, hint)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "objekt"], ["did you mean 'object'?"]),
        (["--target", "object,value", "--conditions", "face"], ["as object=face"]),
        ([*FACES, "--cv", "kfold:4"], ["must keep each group together", "--allow-leakage"]),
        ([*FACES, "--param-grid", "c=0.1,1"], ["parameters of LinearSVC", "got 'c'"]),
        (["--target", "object", "--conditions", "face"], ["at least two classes"]),
    ],
    ids=str,
)
def test_what_cannot_be_done(
    command: Command, study: Labelled, out: Path, options: list[object], words: list[str]
) -> None:
    done = command(
        *("decode", *study.bold, "--labels", study.labels, *rois(study), *options, "-o", out)
    )
    refused(done, 1, *words)
    assert not out.parent.exists()


def test_regions_on_another_grid_or_named_twice(
    command: Command, study: Labelled, out: Path
) -> None:
    other = study.folder / "other.nii"
    nib.save(nib.Nifti1Image(np.ones((7, 6, 4), "u1"), AFFINE), other)
    args = ["decode", *study.bold, "--labels", study.labels, *FACES, "-o", out]
    refused(command(*args, "--roi", other), 1, str(other), "grid")
    done = command(*args, "--roi", f"1={study.mask}", "--atlas", study.mask)
    refused(done, 1, "--roi must have different names, got '1' more than once")
    assert not out.parent.exists()
