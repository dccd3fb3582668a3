"""``boldstream searchlight``: what `SearchLight` gives, in files, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from nilearn.image import index_img
from nilearn.maskers import NiftiMasker
from sklearn.feature_selection import f_classif
from sklearn.model_selection import KFold, LeaveOneGroupOut

import boldstream as bs
from boldstream.decoding import SearchLight
from boldstream.decoding.f_scores import f_scores
from boldstream.decoding.inference.null_maps import open_null_maps
from tests.cli.conftest import Command
from tests.cli.labelled import AFFINE, PEAK, SHAPE, Labelled, make_labelled
from tests.cli.test_glm_faults import refused
from tests.oracle import fdata, load

FACES = ["--target", "object", "--conditions", "face,house", "--groups", "run"]


@pytest.fixture
def study(tmp_path: Path) -> Labelled:
    return make_labelled(tmp_path)


@pytest.fixture
def out(study: Labelled) -> Path:
    return study.folder / "new" / "out"


def fitted(study: Labelled, **options: Any) -> SearchLight:
    """The same in Python, on volumes that were picked before."""
    kept = study.kept("face", "house")
    given = {"radius": 5.0, "estimator": "gnb", "cv": LeaveOneGroupOut()} | options
    light = SearchLight(str(study.mask), **given)
    rows = study.table.iloc[kept]
    return light.fit(study.image(kept), rows["object"], rows["run"])


def test_scores_of_some_conditions(command: Command, study: Labelled, out: Path) -> None:
    done = command(
        "searchlight", *study.given, *FACES, "--radius", 5, "--estimator", "gnb", "-o", out
    )
    assert (done.code, done.err) == (0, "")
    names = ["f_scores.nii.gz", "f_scores.png", "scores.nii.gz", "scores.png", "searchlight.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    light = fitted(study)
    image = load(out / "scores.nii.gz")
    np.testing.assert_array_equal(image.get_fdata(), light.scores_.astype(np.float32))
    np.testing.assert_array_equal(image.affine, AFFINE)
    assert image.get_fdata()[PEAK] == 1
    shape = " × ".join(map(str, SHAPE))
    assert done.out.splitlines()[0] == f"{out}/scores.nii.gz  {shape}"
    assert "peak memory" in done.out.splitlines()[-1]
    for name in ("scores.png", "f_scores.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert plt.get_fignums() == []
    facts = json.loads((out / "searchlight.json").read_text())
    shown = {
        "sources": [str(path) for path in study.bold],
        "run_lengths": [30, 30],
        "labels": str(study.labels),
        "target": "object",
        "groups": "run",
        "conditions": ["face,house"],
        "mask": str(study.mask),
        "estimator": "GaussianNB()",
        "engine": light.engine_,
        "cv": "logo",
        "scoring": "accuracy",
        "n_samples": 40,
        "classes": {"face": 20, "house": 20},
        "chance": 0.5,
        "n_spheres": light.n_elements_,
        "folds": [
            {"n_train": 20, "n_test": 20, "held_out": [1]},
            {"n_train": 20, "n_test": 20, "held_out": [2]},
        ],
    }
    assert {name: facts[name] for name in shown} == shown
    assert facts["seconds"] > 0
    assert facts["peak_memory_bytes"] > 1e6
    assert facts["versions"]["scikit-learn"]


def test_f_scores_are_those_of_scikit_learn(command: Command, study: Labelled, out: Path) -> None:
    args = ["searchlight", *study.given, *FACES, "--radius", 1, "--estimator", "gnb", "-o", out]
    assert command(*args).code == 0
    kept = study.kept("face", "house")
    rows = study.table.iloc[kept]
    masker = NiftiMasker(study.mask, runs=rows["run"].to_numpy(), standardize="zscore_sample")
    p = f_classif(masker.fit_transform(study.image(kept)), rows["object"])[1]
    expected = masker.inverse_transform(np.minimum(-np.log10(p), 10)).get_fdata()
    np.testing.assert_allclose(fdata(out / "f_scores.nii.gz"), expected, rtol=1e-4, atol=1e-5)


def test_permutations_with_all_that_they_give(command: Command, study: Labelled, out: Path) -> None:
    nulls = study.folder / "nulls"
    done = command(
        *("searchlight", *study.given, *FACES, "--radius", 5, "--estimator", "gnb", "-o", out),
        *("--process-mask", study.process, "--permutations", 39, "--tfce", "--random-state", 3),
        *("--forming-threshold", 0.7, "--null-maps", nulls, "--n-jobs", 2),
        *("--keep", "fold_scores,predictions,confusion"),
    )
    assert (done.code, done.err) == (0, "")
    light = fitted(
        study,
        process_mask_img=str(study.process),
        permutations=39,
        tfce=True,
        random_state=3,
        forming_threshold=0.7,
        keep=("fold_scores", "predictions", "confusion"),
    )
    found, inside = light.inference_, fdata(study.process) > 0
    assert found is not None
    assert found.clusters is not None
    for name in ("p_uncorrected", "p_fwe", "p_fdr", "p_tfce_fwe", "tfce"):
        values = fdata(out / f"{name}.nii.gz")
        np.testing.assert_allclose(values[inside], getattr(found, name), rtol=1e-6)
        assert set(values[~inside].tolist()) == {0.0 if name == "tfce" else 1.0}
    ids = fdata(out / "clusters.nii.gz")
    np.testing.assert_array_equal(ids[inside], found.cluster_ids)
    clusters = pd.read_csv(out / "clusters.tsv", sep="\t")
    assert clusters["extent"].tolist() == found.clusters["extent"].tolist()
    np.testing.assert_allclose(clusters["p_mass_fwe"], found.clusters["p_mass_fwe"])
    peak = np.linalg.solve(AFFINE, [*clusters.loc[0, ["x", "y", "z"]], 1])[:3]
    scores = fdata(out / "scores.nii.gz")
    assert scores[tuple(peak.round().astype(int))] == scores.max() == pytest.approx(1)
    for name in ("fold_scores", "predictions", "confusion"):
        np.testing.assert_array_equal(np.load(out / f"{name}.npy"), getattr(light, f"{name}_"))
    stored = open_null_maps(nulls)
    np.testing.assert_allclose(stored.values.max(axis=1), found.max_null, rtol=1e-6)
    assert (out / "scores_fwe.png").stat().st_size > 0
    facts = json.loads((out / "searchlight.json").read_text())
    assert facts["null_maps"] == str(nulls)
    assert (facts["permutations"], facts["tfce"], facts["random_state"]) == (39, True, 3)
    assert facts["process_mask"] == str(study.process)


def test_values_have_no_f_scores(command: Command, study: Labelled, out: Path) -> None:
    done = command(
        *("searchlight", *study.given, "--target", "value", "--conditions", "object=face,house"),
        *("--estimator", "ridge", "--estimator-arg", "alphas=5", "--cv", "kfold:4"),
        *("--radius", 4, "-o", out),
    )
    assert (done.code, done.err) == (0, "")
    names = ["scores.nii.gz", "scores.png", "searchlight.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    kept = study.kept("face", "house")
    light = SearchLight(
        str(study.mask), radius=4.0, estimator="ridge", estimator_args={"alphas": 5}, cv=KFold(4)
    ).fit(study.image(kept), study.table["value"].to_numpy()[kept])
    np.testing.assert_allclose(fdata(out / "scores.nii.gz"), light.scores_, rtol=1e-6)
    facts = json.loads((out / "searchlight.json").read_text())
    assert (facts["classes"], facts["chance"], facts["scoring"]) == (None, 0.0, "r2")


def test_a_folder_of_betas(command: Command, study: Labelled, out: Path) -> None:
    events = study.folder / "events.tsv"
    onsets = np.arange(4.0, 54, 4)
    kinds = np.array(["face", "house", "cat"])[np.arange(len(onsets)) % 3]
    pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": kinds}).to_csv(
        events, sep="\t", index=False
    )
    folder = study.folder / "betas"
    bs.trial_betas(
        [str(path) for path in study.bold], [events] * 2, t_r=2, mask=study.mask, output=folder
    )
    done = command(
        *("searchlight", folder, "--target", "trial_type", "--groups", "run", "-o", out),
        *("--conditions", "face,house", "--radius", 4, "--estimator", "gnb"),
    )
    assert (done.code, done.err) == (0, "")
    stored = bs.open_betas(folder)
    kept = np.flatnonzero(stored.trials["trial_type"] != "cat")
    volumes = np.zeros((*SHAPE, len(kept)), np.float32)
    volumes[stored.mask] = stored.values[kept].T
    trials = stored.trials.iloc[kept]
    image = nib.Nifti1Image(volumes, AFFINE)
    light = SearchLight(str(study.mask), radius=4.0, estimator="gnb", cv=LeaveOneGroupOut()).fit(
        image, trials["trial_type"], trials["run"]
    )
    np.testing.assert_allclose(fdata(out / "scores.nii.gz"), light.scores_, atol=1e-7)
    expected = f_scores(image, trials["trial_type"], mask=study.mask, runs=trials["run"])
    np.testing.assert_allclose(
        fdata(out / "f_scores.nii.gz"), expected.neg_log10_p_img.get_fdata(), rtol=1e-5
    )
    assert json.loads((out / "searchlight.json").read_text())["labels"] == f"{folder}/trials.tsv"


def test_a_surface(command: Command, shared_data: Path, tmp_path: Path) -> None:
    mesh = shared_data / "odd" / "fsaverage5_pial_left.gii.gz"
    n = 10242
    rng = np.random.default_rng(0)
    y = np.tile(["a", "b"], 8)
    values = rng.normal(size=(16, n)).astype(np.float32)
    values[y == "b", 100] += 20
    process = np.zeros(n, np.float32)
    process[50:150] = 1
    for name, arrays in {"data": values, "process": process[None]}.items():
        parts = [GiftiDataArray(array) for array in arrays]
        image = GiftiImage(darrays=parts)
        nib.save(image, tmp_path / f"{name}.func.gii")
    labels = tmp_path / "labels.csv"
    pd.DataFrame({"y": y}).to_csv(labels, index=False)
    out = tmp_path / "out"
    done = command(
        *("searchlight", tmp_path / "data.func.gii", "--labels", labels, "--target", "y"),
        *("--surface", mesh, "--process-mask", tmp_path / "process.func.gii", "--radius", 4),
        *("--estimator", "gnb", "--cv", "kfold:4", "-o", out),
    )
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["scores.func.gii", "searchlight.json"]
    scores = load(out / "scores.func.gii").agg_data()
    light = SearchLight(
        process_mask_img=process > 0, surface=str(mesh), radius=4.0, estimator="gnb", cv=KFold(4)
    ).fit(values, y)
    np.testing.assert_array_equal(scores, light.scores_.astype(np.float32))
    assert scores[100] == 1
    done = command(
        *("searchlight", tmp_path / "data.func.gii", "--labels", labels, "--target", "y"),
        *("--surface", mesh, "--mask", tmp_path / "data.func.gii", "-o", tmp_path / "other"),
    )
    refused(done, 1, "must hold one value for each of 10242 vertices, got 16")


@pytest.mark.parametrize("space", [" ", "\t", ","])
def test_haxby_as_nilearn_keeps_it(
    command: Command, shared_data: Path, tmp_path: Path, space: str
) -> None:
    haxby = shared_data / "haxby_pymvpa"
    rows = [line.split() for line in (haxby / "attributes_literal.txt").read_text().splitlines()]
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(space.join(row) for row in [["labels", "chunks"], *rows]))
    done = command(
        *("searchlight", haxby / "bold.nii.gz", "--labels", labels, "--target", "labels"),
        *("--conditions", "face,house", "--groups", "chunks", "--mask", haxby / "mask.nii.gz"),
        *("--radius", 4, "--estimator", "gnb", "-o", tmp_path / "out"),
    )
    assert (done.code, done.err) == (0, "")
    if space != " ":
        assert (tmp_path / "out" / "scores.nii.gz").is_file()
        return
    y, chunks = np.array(rows).T
    kept = np.isin(y, ["face", "house"])
    light = SearchLight(
        str(haxby / "mask.nii.gz"), radius=4.0, estimator="gnb", cv=LeaveOneGroupOut()
    ).fit(index_img(haxby / "bold.nii.gz", kept), y[kept], chunks[kept])
    np.testing.assert_array_equal(
        fdata(tmp_path / "out" / "scores.nii.gz"), light.scores_.astype(np.float32)
    )
    assert light.scores_.max() > 0.8
