"""Geometry of a study: embeddings, ceilings over subjects, and what cannot be described."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata, spearmanr
from sklearn.decomposition import PCA

from boldstream.glm.betas import open_betas
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.plan import StudyPlan
from tests.study.made import SUBJECTS, atlas_of, make_inputs
from tests.study.steps.doing import do_all, plan_of, table_of

TARGETS = {"picture": {"column": "picture"}}
SHAPE = {"kind": "geometry", "target": "picture", "metric": "euclidean", "permutations": 0}
NAMES = ["face", "house", "tool"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    """Region "outside" lies beside the brain."""
    found = make_inputs(tmp_path_factory.mktemp("study") / "data")
    mask = found.subjects["01"].mask
    assert mask is not None
    image: Any = nib.load(mask)
    outside = (np.asarray(image.dataobj) == 0).astype(np.uint8)
    path = found.root / "outside.nii.gz"
    nib.Nifti1Image(outside, image.affine).to_filename(path)
    rows = [[0, 1, 2], [1, 0, 3], [2, 3, 0]]
    model = pd.DataFrame(rows, index=pd.Index(NAMES, name="condition"), columns=NAMES)
    model.to_csv(found.root / "model.tsv", sep="\t")
    subjects = {
        name: replace(files, rois={"outside": path}) for name, files in found.subjects.items()
    }
    return replace(found, subjects=subjects)


@pytest.fixture(scope="module")
def done(inputs: StudyInputs, tmp_path_factory: pytest.TempPathFactory) -> StudyPlan:
    models = {"m": str(inputs.root / "model.tsv")}
    analyses = [
        {**SHAPE, "name": "mds", "models": models, "embedding": "mds"},
        {**SHAPE, "name": "pca", "embedding": "pca"},
        {"kind": "group", "name": "all", "of": "mds", "permutations": 4},
    ]
    plan = plan_of(inputs, tmp_path_factory.mktemp("out"), targets=TARGETS, analyses=analyses)
    assert {one.error for one in do_all(plan).values()} == {""}
    return plan


def means_of(plan: StudyPlan, inputs: StudyInputs, subject: str, label: int) -> Any:
    """Mean patterns of conditions in a region of the atlas, by numpy."""
    betas = open_betas(plan.output / f"sub-{subject}/betas/betas")
    image: Any = nib.load(atlas_of(inputs.root))
    inside = np.asarray(image.dataobj)[betas.mask] == label
    shown = betas.trials["picture"].to_numpy()
    return np.array([betas.values[shown == name][:, inside].mean(0) for name in NAMES], "f8")


def test_points_of_scaling_have_the_distances_of_the_table(
    inputs: StudyInputs, done: StudyPlan
) -> None:
    table = table_of(done, "sub-01/mds", "embedding.tsv")
    assert set(table["roi"]) == {f"region_0{i}" for i in range(1, 5)}
    rdm = table_of(done, "sub-01/mds", "rdm.tsv")
    for roi, points in table.groupby("roi"):
        found = pdist(points[["dimension_1", "dimension_2"]]) ** 2
        # Three conditions lie in a plane whatever their distances are.
        np.testing.assert_allclose(found, rdm.loc[rdm["roi"] == roi, "dissimilarity"], rtol=1e-6)
        assert points["condition"].tolist() == NAMES
    means = means_of(done, inputs, "01", 2)
    expected = pdist(means, "sqeuclidean")
    expected /= means.shape[1]
    np.testing.assert_allclose(
        rdm.loc[rdm["roi"] == "region_02", "dissimilarity"], expected, rtol=1e-4
    )


def test_points_of_components_are_scikit_learns(inputs: StudyInputs, done: StudyPlan) -> None:
    table = table_of(done, "sub-02/pca", "embedding.tsv")
    points = table[table["roi"] == "region_03"]
    pca = PCA(2)
    expected = pca.fit_transform(means_of(done, inputs, "02", 3))
    for i in (1, 2):
        np.testing.assert_allclose(
            np.abs(points[f"dimension_{i}"]), np.abs(expected[:, i - 1]), rtol=1e-4
        )
        np.testing.assert_allclose(
            points[f"explained_{i}"], pca.explained_variance_ratio_[i - 1], rtol=1e-4
        )


def test_ceilings_are_those_of_ranked_dissimilarities(done: StudyPlan) -> None:
    found = table_of(done, "group/all", "ceiling.tsv").set_index("roi")
    values = {
        name: table_of(done, f"sub-{name}/mds", "rdm.tsv").groupby("roi")["dissimilarity"]
        for name in SUBJECTS
    }
    has_ceiling = []
    for roi in found.index:
        both = np.array([values[name].get_group(roi) for name in SUBJECTS])
        pooled = rankdata(both, axis=1).mean(axis=0)
        assert found["n_subjects"][roi] == 2
        if np.ptp(pooled) == 0:
            # Subjects that contradict each other have nothing that a model could be.
            assert "must have dissimilarities that differ" in found["note"][roi]
            continue
        upper = np.mean([spearmanr(one, pooled).statistic for one in both])
        lower = spearmanr(*both).statistic
        np.testing.assert_allclose([found["lower"][roi], found["upper"][roi]], [lower, upper])
        has_ceiling.append(roi)
    assert has_ceiling


def test_a_region_without_voxels_has_rows_with_a_reason(done: StudyPlan) -> None:
    for suffix in ("geometry.tsv", "dimensions.tsv"):
        table = table_of(done, "sub-01/mds", suffix).set_index("roi")
        assert table["note"]["outside"] == (
            "the region 'outside' has no voxel in the mask of the betas"
        )
        assert table["note"].drop("outside").isna().all()
    scores = table_of(done, "sub-01/mds", "geometry.tsv").set_index("roi")["score"]
    assert scores.isna().tolist() == [roi == "outside" for roi in scores.index]
    rdm = table_of(done, "sub-01/mds", "rdm.tsv")
    model = squareform([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    for roi, rows in rdm.groupby("roi"):
        expected = spearmanr(rows["dissimilarity"], model).statistic
        np.testing.assert_allclose(scores[roi], expected)


def test_two_conditions_and_models_are_refused_before_regions_are_read(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    targets = {"picture": {"column": "offer_kind"}}
    for run in inputs.subjects["01"].runs:
        assert run.events is not None
        events = pd.read_csv(run.events, sep="\t")
        events["offer_kind"] = np.resize(["a", "b"], len(events))
        events.to_csv(run.events, sep="\t", index=False)
    one = replace(inputs, subjects={"01": inputs.subjects["01"]})
    analyses = [{**SHAPE, "name": "x", "models": {"m": str(inputs.root / "model.tsv")}}]
    outcome = do_all(plan_of(one, tmp_path, targets=targets, analyses=analyses))["sub-01/x"]
    assert "`models` must be left out with fewer than 3 conditions" in outcome.error
    assert outcome.error.endswith("got a, b")


@pytest.mark.parametrize("n_missing", [0, 3])
def test_models_are_searched_for_and_tested(
    inputs: StudyInputs, tmp_path: Path, n_missing: int
) -> None:
    """Against spheres by hand, also where some trials show nothing."""
    for path in inputs.root.rglob("*_events.tsv"):
        events = pd.read_csv(path, sep="\t")
        events["shown"] = events["picture"].where(events.index >= n_missing)
        events.to_csv(path, sep="\t", index=False, na_rep="n/a")
    search = {
        "kind": "rdm_searchlight",
        "name": "around",
        "target": "some",
        "models": {"m": str(inputs.root / "model.tsv")},
        "metric": "euclidean",
        "radius": 4,
    }
    analyses = [search, {"kind": "group", "name": "all", "of": "around", "permutations": 4}]
    targets = {"some": {"column": "shown"}}
    plan = plan_of(inputs, tmp_path, targets=targets, analyses=analyses)
    assert {one.error for one in do_all(plan).values()} == {""}
    maps = []
    for subject in SUBJECTS:
        folder = plan.output / f"sub-{subject}/around"
        (path,) = folder.glob("*_model-m_scores.nii.gz")
        image: Any = nib.load(path)
        maps.append(image.get_fdata())
        mask: Any = nib.load(next(folder.glob("*_mask.nii.gz")))
        assert (maps[-1][mask.get_fdata() == 0] == 0).all()
    betas = open_betas(plan.output / "sub-01/betas/betas")
    places = np.argwhere(betas.mask)
    millimetres = places @ betas.grid.affine[:3, :3].T
    shown = betas.trials["shown"].to_numpy()
    for centre in (0, len(places) // 2):
        near = ((millimetres - millimetres[centre]) ** 2).sum(axis=1) <= 4**2
        means = [betas.values[shown == name][:, near].mean(0) for name in NAMES]
        expected = spearmanr(pdist(np.array(means)), [1, 2, 3]).statistic
        np.testing.assert_allclose(maps[0][tuple(places[centre])], expected, atol=1e-6)
    folder = plan.output / "group/all/model-m"
    mean: Any = nib.load(folder / "mean.nii.gz")
    np.testing.assert_allclose(mean.get_fdata(), np.mean(maps, axis=0), atol=1e-6)
