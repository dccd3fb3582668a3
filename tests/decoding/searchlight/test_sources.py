"""Searchlights over betas, surfaces, arrays and real images."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import dijkstra
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import boldstream as bs
from boldstream.decoding import SearchLight
from boldstream.io.surfaces import read_mesh

RIDGE = RidgeClassifier(alpha=1.0)


def test_betas_of_a_folder_and_of_an_image_score_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    images, events = [], []
    for _ in range(3):
        onsets = 6.0 + 9.0 * np.arange(12)
        names = rng.permutation(np.repeat(["face", "house"], 6))
        data = rng.normal(100, 1, (6, 6, 5, 65))
        for onset in onsets[names == "house"]:
            data[2:4, 2:4, 2, int(onset / 2) + 2 : int(onset / 2) + 5] += 3
        images.append(nib.Nifti1Image(data.astype("f4"), affine))
        events.append(pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": names}))
    inside = np.ones((6, 6, 5), "u1")
    inside[0] = 0
    mask = nib.Nifti1Image(inside, affine)
    options: dict[str, Any] = {"t_r": 2.0, "mask": mask}
    bs.trial_betas(images, events, output=tmp_path / "betas", **options)
    in_memory = bs.trial_betas(images, events, **options)
    in_file = bs.trial_betas(images, events, output=tmp_path / "betas.nii", **options)
    stored = bs.open_betas(tmp_path / "betas")
    y, runs = stored.trials["trial_type"], stored.trials["run"]
    given: dict[str, Any] = {"radius": 4.0, "estimator": RIDGE, "cv": LeaveOneGroupOut()}
    expected = SearchLight(mask, **given).fit(in_memory.image, y, runs)
    sent = pickle.loads(pickle.dumps(stored))
    every = (tmp_path / "betas", stored, sent, in_memory, in_file)
    for imgs, own in ((imgs, own) for imgs in every for own in (None, mask)):
        light = SearchLight(own, **given).fit(imgs, y, runs)
        np.testing.assert_allclose(light.scores_, expected.scores_, atol=1e-12)
    wider = nib.Nifti1Image(np.ones((6, 6, 5), "u1"), affine)
    for imgs in every:
        with pytest.raises(bs.MaskError, match=r"`mask_img` must lie inside .*; 30 of"):
            SearchLight(wider, **given).fit(imgs, y, runs)
    # Voxel i of this mask lies where voxel i + 1 of the betas does.
    shifted = affine.copy()
    shifted[0, 3] = 3.0
    within = np.zeros((6, 6, 5), "u1")
    within[1:5] = 1
    apart = SearchLight(nib.Nifti1Image(within, shifted), **given)
    resampled = apart.fit(in_memory.image, y, runs).scores_.copy()
    for imgs in every:
        np.testing.assert_allclose(apart.fit(imgs, y, runs).scores_, resampled, atol=1e-12)
    assert expected.scores_[2:4, 2:4, 2].min() > 0.7


def test_a_surface(shared_data: Path) -> None:
    path = shared_data / "odd" / "fsaverage5_pial_left.gii.gz"
    mesh = read_mesh(path)
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(24, len(mesh.coordinates))).astype(np.float32)
    y = np.tile([0, 1], 12)
    chosen = np.zeros(len(mesh.coordinates), bool)
    chosen[:40] = True
    light = SearchLight(
        process_mask_img=chosen, surface=path, radius=8.0, estimator=RIDGE, cv=3, permutations=9
    ).fit(samples, y)
    assert light.scores_.shape == (len(mesh.coordinates),)
    near = _within(mesh, 17, 8.0)
    expected = cross_val_score(RIDGE, samples[:, near].astype(float), y, cv=3).mean()
    assert light.scores_[17] == pytest.approx(expected, abs=1e-12)
    with pytest.raises(bs.ParameterError, match="no image"):
        _ = light.scores_img_


CORNERS = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 0]], float)
MESH = CORNERS, np.array([[0, 1, 2], [1, 3, 2]])


@pytest.mark.parametrize("name", ["mask_img", "process_mask_img"])
@pytest.mark.parametrize(
    ("vertices", "message"),
    [
        (np.ones(3, bool), "must be 4 booleans, one for each vertex of .*, got bool of shape"),
        (np.ones(4), "must be 4 booleans, one for each vertex of .*, got float64 of shape"),
        (np.zeros(4, bool), "is empty: it holds no vertex of"),
        ([True] * 4, "must be 4 booleans, one for each vertex of .*, got list"),
        ("lh.gii", "must be 4 booleans, one for each vertex of .*, got str"),
    ],
)
def test_vertices_are_refused_by_the_name_that_was_given(
    name: str, vertices: Any, message: str
) -> None:
    light = SearchLight(**{"mask_img": None, name: vertices}, surface=MESH, radius=4.0, cv=2)
    with pytest.raises(bs.MaskError, match=f"^`{name}` {message}"):
        light.fit(np.zeros((8, 4)), [0, 1] * 4)


def test_a_surface_that_is_none_or_of_other_vertices() -> None:
    given: dict[str, Any] = {"radius": 4.0, "cv": 2}
    with pytest.raises(bs.ParameterError, match=r"^`surface` must be a path of a GIFTI file"):
        SearchLight(surface=5, **given).fit(np.zeros((8, 4)), [0, 1] * 4)
    for n in (3, 5):
        with pytest.raises(
            bs.ParameterError,
            match=f"`imgs` must have a value for each of the 4 vertices.*, got {n}",
        ):
            SearchLight(surface=MESH, **given).fit(np.zeros((8, n)), [0, 1] * 4)


def _within(mesh: Any, vertex: int, radius: float) -> np.ndarray:
    from scipy.sparse import coo_matrix

    a, b = mesh.faces[:, [0, 1, 2]].ravel(), mesh.faces[:, [1, 2, 0]].ravel()
    length = np.linalg.norm(mesh.coordinates[a] - mesh.coordinates[b], axis=1)
    n = len(mesh.coordinates)
    # Edges are shared by two triangles: the shorter of equal ones, not their sum.
    edges = pd.DataFrame({"a": a, "b": b, "length": length}).drop_duplicates(["a", "b"])
    graph = coo_matrix((edges.length, (edges.a, edges.b)), (n, n)).tocsr()
    return np.flatnonzero(dijkstra(graph, directed=False, indices=vertex) <= radius)


def test_an_array_of_the_voxels_of_a_mask() -> None:
    rng = np.random.default_rng(2)
    inside = rng.random((5, 5, 4)) < 0.7
    data = rng.normal(size=(5, 5, 4, 20)).astype("f4")
    y = np.tile([0, 1], 10)
    mask = nib.Nifti1Image(inside.astype("u1"), np.diag([2.0, 2, 2, 1]))
    light = SearchLight(mask, radius=2.5, estimator=RIDGE, cv=4)
    whole = light.fit(nib.Nifti1Image(data, mask.affine), y).scores_
    np.testing.assert_array_equal(
        SearchLight(mask, radius=2.5, estimator=RIDGE, cv=4).fit(data[inside].T, y).scores_, whole
    )


def test_faces_and_houses_of_haxby(shared_data: Path) -> None:
    folder = shared_data / "haxby_pymvpa"
    table = pd.read_csv(folder / "attributes_literal.txt", sep=r"\s+", names=["labels", "chunks"])
    image: Any = nib.load(folder / "bold.nii.gz")
    keep = table.labels.isin(["face", "house"]).to_numpy()
    data = np.asarray(image.dataobj)[..., keep].astype("f4")
    y, runs = table.labels[keep].to_numpy(), table.chunks[keep].to_numpy()
    estimator = make_pipeline(StandardScaler(), LinearSVC(tol=1e-8, max_iter=1_000_000))
    light = SearchLight(
        folder / "mask.nii.gz", radius=12.0, estimator=estimator, cv=LeaveOneGroupOut()
    ).fit(nib.Nifti1Image(data, image.affine), y, runs)
    assert "Newton" in light.engine_
    inside = np.argwhere(light.process_mask_)
    mm = inside @ image.affine[:3, :3].T
    best = int(light.masked_scores_.argmax())
    assert light.masked_scores_[best] > 0.9
    for sphere in (best, 5, 100):
        near = inside[np.linalg.norm(mm - mm[sphere], axis=1) <= 12.0]
        expected = cross_val_score(
            estimator, data[tuple(near.T)].T.astype(float), y, groups=runs, cv=LeaveOneGroupOut()
        )
        assert light.masked_scores_[sphere] == pytest.approx(expected.mean(), abs=1e-12)
