"""The searchlight against rsatoolbox, sphere by sphere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.errors import (
    GridMismatchError,
    MaskError,
    MemoryBudgetError,
    NonFiniteError,
    ParameterError,
)
from boldstream.geometry import RDM, compare, rdm_searchlight
from boldstream.geometry.design import make_design
from boldstream.geometry.searchlight import spheres as spheres_module
from boldstream.geometry.searchlight.reading import read_moments
from boldstream.io.betas_source import open_volumes
from boldstream.io.masks import Mask
from tests.geometry.oracle import (
    dataset_of,
    made_up,
    noise_of,
    random_rdm,
    their_rdm,
    their_similarities,
)

SHAPE = (5, 6, 4)
AFFINE = np.array([[3, 0.1, 0, -7], [0, 3, 0.2, 2], [0, 0, 3.5, 1], [0, 0, 0, 1.0]])
NAMES = ("cat", "dog", "oak", "pine")


class MadeUp:
    """An image with conditions and runs, and a mask with a hole."""

    def __init__(self, rng: np.random.Generator) -> None:
        n_voxels = int(np.prod(SHAPE))
        self.patterns, self.conditions, self.runs = made_up(rng, n_voxels=n_voxels)
        self.patterns = self.patterns.astype("f4")
        self.data = self.patterns.T.reshape(*SHAPE, -1)
        self.image = nib.Nifti1Image(self.data, AFFINE)
        self.mask = np.ones(SHAPE, bool)
        self.mask[2, 3, 1] = self.mask[0] = False
        self.models = {name: random_rdm(rng, NAMES) for name in ("first", "second")}

    def spheres(self, radius: float, centres: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Voxels of each sphere, by distances of all voxels."""
        mm = np.moveaxis(np.indices(SHAPE), 0, -1) @ AFFINE[:3, :3].T
        return [
            self.mask & (((mm - mm[tuple(centre)]) ** 2).sum(-1) <= radius**2)
            for centre in np.argwhere(centres)
        ]


@pytest.fixture
def study(rng: np.random.Generator) -> MadeUp:
    return MadeUp(rng)


def their_scores(study: MadeUp, radius: float, metric: str, method: str, **given: Any) -> Any:
    found = []
    for sphere in study.spheres(radius, given.get("process_mask", study.mask)):
        patterns = study.data[sphere].T
        values = their_rdm(patterns, study.conditions, metric, study.runs)
        if given.get("noise"):
            described = dataset_of(patterns, study.conditions, study.runs)
            precision = noise_of.prec_from_unbalanced(described, "cells", method="diag")
            named = {"euclidean": "mahalanobis"}.get(metric, metric)
            values = their_rdm(patterns, study.conditions, named, study.runs, precision)
        one = RDM(values, NAMES, metric)
        found.append(their_similarities([one], list(study.models.values()), method)[0])
    return np.array(found)


@pytest.mark.parametrize("method", ["spearman", "pearson", "cosine", "kendall_tau_a"])
@pytest.mark.parametrize("metric", ["crossnobis", "euclidean", "correlation"])
def test_every_sphere_is_that_of_rsatoolbox(study: MadeUp, metric: Any, method: Any) -> None:
    found = rdm_searchlight(
        study.image,
        study.mask,
        study.conditions,
        models=study.models,
        radius=4.9,
        folds=study.runs,
        metric=metric,
        method=method,
    )
    expected = their_scores(study, 4.9, metric, method)
    np.testing.assert_allclose(
        np.column_stack([found.scores[name] for name in study.models]), expected, atol=1e-5
    )
    sizes = [np.count_nonzero(sphere) for sphere in study.spheres(4.9, study.mask)]
    assert found.n_voxels.tolist() == sizes
    assert min(sizes) >= 3 < max(sizes)


@pytest.mark.parametrize("metric", ["crossnobis", "euclidean"])
def test_noise_of_each_voxel(study: MadeUp, metric: Any, tmp_path: Path) -> None:
    expected = their_scores(study, 4.9, metric, "pearson", noise=True)
    nib.save(study.image, tmp_path / "bold.nii.gz")
    given: list[tuple[Any, Any]] = [
        (tmp_path / "bold.nii.gz", study.mask),
        (study.data[study.mask].T, nib.Nifti1Image(study.mask.astype("u1"), AFFINE)),
    ]
    for imgs, mask in given:
        found = rdm_searchlight(
            imgs,
            mask,
            study.conditions,
            models=study.models,
            radius=4.9,
            folds=study.runs,
            metric=metric,
            method="pearson",
            noise="diagonal",
        )
        np.testing.assert_allclose(
            np.column_stack(list(found.scores.values())), expected, atol=1e-5
        )


def test_other_centres_and_nuisance(study: MadeUp) -> None:
    centres = np.zeros(SHAPE, bool)
    centres[:2, 2:, 3] = True
    beside = random_rdm(np.random.default_rng(1), NAMES)
    options: dict[str, Any] = {"radius": 7.0, "metric": "euclidean"}
    found = rdm_searchlight(
        study.image,
        study.mask,
        study.conditions,
        models=study.models,
        process_mask=centres,
        nuisance=beside,
        **options,
    )
    for i, sphere in enumerate(study.spheres(7.0, centres)):
        values = their_rdm(study.data[sphere].T, study.conditions, "euclidean")
        table = compare(RDM(values, NAMES, "euclidean"), study.models, nuisance=beside)
        np.testing.assert_allclose(
            [found.scores[name][i] for name in study.models], table["correlation"], atol=1e-5
        )
    volume = found.image("first").get_fdata()
    np.testing.assert_allclose(volume[centres], found.scores["first"], rtol=1e-6)
    assert (volume[~centres] == 0).all()
    np.testing.assert_allclose(found.image("first").affine, AFFINE)
    with pytest.raises(ParameterError, match="did you mean 'first'"):
        found.image("fist")


@pytest.mark.parametrize(
    ("metric", "noise"), [("crossnobis", None), ("crossnobis", "diagonal"), ("correlation", None)]
)
def test_threads_blocks_and_files_change_no_digit(
    study: MadeUp, metric: Any, noise: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search_with(imgs: Any, n_jobs: int) -> Any:
        return rdm_searchlight(
            imgs,
            study.mask,
            study.conditions,
            models=study.models,
            folds=study.runs,
            metric=metric,
            noise=noise,
            method="pearson",
            n_jobs=n_jobs,
        )

    whole = search_with(study.image, 1)
    monkeypatch.setattr(spheres_module, "_MOST", 7)
    monkeypatch.setitem(rdm_searchlight.__globals__, "_TOGETHER", 12)
    cut = [nib.Nifti1Image(study.data[..., some], AFFINE) for some in np.split(np.arange(24), 3)]
    for n_jobs in (1, 3):
        pieces = search_with(study.image, n_jobs)
        for name in study.models:
            np.testing.assert_array_equal(pieces.scores[name], whole.scores[name])
        joined = search_with(cut, n_jobs)
        for name in study.models:
            np.testing.assert_allclose(joined.scores[name], whole.scores[name], atol=1e-6)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_moments_are_those_of_cells(study: MadeUp, n_jobs: int) -> None:
    """Of an array, and of images that are read side by side."""
    study.data = study.data.astype("f8")
    study.data[3, 3, 2] = 0.1
    cut = [nib.Nifti1Image(study.data[..., some], AFFINE) for some in np.split(np.arange(24), 3)]
    design = make_design("crossnobis", study.conditions, study.runs, 24, noise_in_folds=True)
    source = open_volumes(cut)
    mask = Mask("mask", source.series.grid, study.mask)
    values = study.data[study.mask].T
    cells = [(run, name) for run in (1, 2, 3) for name in NAMES]
    of_cells = [values[(study.runs == run) & (study.conditions == name)] for run, name in cells]
    means = np.array([x.mean(axis=0) for x in of_cells])
    squares = sum(((x - x.mean(axis=0)) ** 2).sum(axis=0) for x in of_cells)
    constant = np.flatnonzero(np.ptp(values, axis=0) == 0)
    assert len(constant) == 1
    squares[constant] = 0
    for samples in (source, values, values.astype("f4")):
        found = read_moments(
            samples,
            mask,
            design,
            with_squares=True,
            n_jobs=n_jobs,
            memory_limit=None,
            report=lambda done, total: None,
        )
        np.testing.assert_allclose(found.means, means, rtol=1e-6)
        assert found.squares is not None
        np.testing.assert_allclose(found.squares, squares, rtol=1e-5)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_units_of_images_do_not_matter(study: MadeUp, scale: float) -> None:
    study.data[3, 3, 2] = 0.1
    options: dict[str, Any] = {
        "models": study.models,
        "folds": study.runs,
        "method": "pearson",
        "nan_policy": "exclude",
        "noise": "diagonal",
    }
    expected = rdm_searchlight(study.image, study.mask, study.conditions, **options)
    mask = nib.Nifti1Image(study.mask.astype("u1"), AFFINE)
    scaled = np.float32(scale) * study.data
    for imgs in (nib.Nifti1Image(scaled, AFFINE), scaled[study.mask].T):
        found = rdm_searchlight(imgs, mask, study.conditions, **options)
        np.testing.assert_array_equal(found.n_voxels, expected.n_voxels)
        for name in study.models:
            np.testing.assert_allclose(found.scores[name], expected.scores[name], atol=1e-5)


def test_spheres_have_8_mm_unless_told_and_nothing_is_shown(
    study: MadeUp, capfd: pytest.CaptureFixture[str]
) -> None:
    usual = rdm_searchlight(
        study.image, study.mask, study.conditions, models=study.models, folds=study.runs
    )
    sizes = [np.count_nonzero(sphere) for sphere in study.spheres(8.0, study.mask)]
    assert usual.n_voxels.tolist() == sizes
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_betas(rng: np.random.Generator, tmp_path: Path) -> None:
    data = rng.normal(100, 5, size=(*SHAPE, 90)).astype("f4")
    events = pd.DataFrame(
        {"onset": np.arange(12) * 13.0, "duration": 2.0, "trial_type": list("abc") * 4}
    )
    inside = np.zeros(SHAPE, bool)
    inside[1:] = True
    image = nib.Nifti1Image(data, AFFINE)
    bs.trial_betas(image, events, t_r=2.0, mask=inside, output=tmp_path / "betas")
    betas = bs.open_betas(tmp_path / "betas")
    options: dict[str, Any] = {
        "models": random_rdm(rng, "abc"),
        "folds": np.repeat([1, 2], 6),
        "method": "pearson",
    }
    mask = nib.Nifti1Image(inside.astype("u1"), AFFINE)
    expected = rdm_searchlight(np.array(betas.values), mask, list("abc") * 4, **options)
    held = bs.trial_betas(image, events, t_r=2.0, mask=inside)
    for given in (tmp_path / "betas", betas, held):
        found = rdm_searchlight(given, None, betas.trials["trial_type"], **options)
        np.testing.assert_allclose(found.scores["model"], expected.scores["model"], atol=1e-6)
        np.testing.assert_array_equal(found.centres, inside)
        with pytest.raises(MaskError, match="`mask` must lie inside the mask of the samples"):
            rdm_searchlight(given, np.ones(SHAPE, bool), list("abc") * 4, **options)


def test_a_large_mean_costs_no_digits(study: MadeUp) -> None:
    level = np.random.default_rng(2).normal(1e5, 1e4, size=(*SHAPE, 1))
    options: dict[str, Any] = {"models": study.models, "folds": study.runs, "noise": "diagonal"}
    found, raised = (
        rdm_searchlight(
            nib.Nifti1Image(data, AFFINE), study.mask, study.conditions, method="pearson", **options
        )
        for data in (study.data.astype("f8"), study.data + level)
    )
    for name in study.models:
        np.testing.assert_allclose(found.scores[name], raised.scores[name], atol=1e-4)


def test_spheres_without_dissimilarities_are_nan(study: MadeUp) -> None:
    centres = np.ones(SHAPE, bool)
    found = rdm_searchlight(
        study.image,
        study.mask,
        study.conditions,
        models=study.models,
        radius=1.0,
        metric="correlation",
        process_mask=centres,
    )
    assert sorted(set(found.n_voxels.tolist())) == [0, 1]
    assert np.isnan(found.scores["first"]).all()


def test_empty_spheres_beside_others(study: MadeUp) -> None:
    options: dict[str, Any] = {"models": study.models, "folds": study.runs, "radius": 1.0}
    found, everywhere = (
        rdm_searchlight(study.image, study.mask, study.conditions, process_mask=centres, **options)
        for centres in (study.mask, np.ones(SHAPE, bool))
    )
    inside = study.mask.ravel()
    for name in study.models:
        np.testing.assert_array_equal(everywhere.scores[name][inside], found.scores[name])
        assert np.isfinite(found.scores[name]).all()
        assert np.isnan(everywhere.scores[name][~inside]).all()


@pytest.mark.parametrize("metric", ["euclidean", "correlation"])
def test_a_sample_of_each_condition_is_enough(study: MadeUp, metric: Any) -> None:
    some = [int(np.flatnonzero(study.conditions == name)[0]) for name in NAMES]
    one = nib.Nifti1Image(study.data[..., some], AFFINE)
    found = rdm_searchlight(
        one, study.mask, NAMES, models=study.models, metric=metric, radius=4.9, method="pearson"
    )
    models = list(study.models.values())
    for i, sphere in enumerate(study.spheres(4.9, study.mask)):
        values = their_rdm(study.data[sphere][:, some].T, NAMES, metric)
        expected = their_similarities([RDM(values, NAMES, metric)], models, "pearson")[0]
        scores = [found.scores[name][i] for name in study.models]
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_voxels_that_cannot_be_used(study: MadeUp) -> None:
    data = study.data.copy()
    data[3, 3, 2, 5] = np.nan
    data[4, 3, 2, :2] = np.inf, -np.inf
    data[1, 1, 1] = 0.1
    data[4, 2, 2] = np.inf
    options: dict[str, Any] = {"models": study.models, "folds": study.runs, "method": "pearson"}
    image = nib.Nifti1Image(data, AFFINE)
    with pytest.raises(NonFiniteError, match=r"got 3 of 95 voxels .*nan_policy='exclude'"):
        rdm_searchlight(image, study.mask, study.conditions, **options)
    with pytest.raises(NonFiniteError, match=r"finite and vary within conditions.* got 4 of 95"):
        rdm_searchlight(image, study.mask, study.conditions, noise="diagonal", **options)
    without = study.mask.copy()
    without[3, 3, 2] = without[4, 3, 2] = without[1, 1, 1] = without[4, 2, 2] = False
    expected = rdm_searchlight(
        study.image, without, study.conditions, noise="diagonal", process_mask=study.mask, **options
    )
    mask = nib.Nifti1Image(study.mask.astype("u1"), AFFINE)
    for imgs in (image, data[study.mask].T):
        found = rdm_searchlight(
            imgs, mask, study.conditions, noise="diagonal", nan_policy="exclude", **options
        )
        for name in study.models:
            np.testing.assert_allclose(found.scores[name], expected.scores[name], atol=1e-6)


def test_progress_counts_spheres(study: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rdm_searchlight.__globals__, "_TOGETHER", 6 * 12)
    told: list[tuple[int, int]] = []
    rdm_searchlight(
        study.image,
        study.mask,
        study.conditions,
        models=study.models,
        folds=study.runs,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 95) for done in (*range(0, 95, 12), 95)]


def test_memory_is_planned(study: MadeUp) -> None:
    spheres = spheres_module.Spheres(
        Mask("mask", bs.open_image(study.image).series.grid, study.mask),
        np.ones(95, bool),
        study.mask,
        4.9,
    )
    sizes = [int(np.count_nonzero(sphere)) for sphere in study.spheres(4.9, study.mask)]
    largest = max(sizes)
    blocks = list(spheres.blocks(largest * 100, 100))
    assert sum(len(block.starts) - 1 for block in blocks) == 95
    assert max(len(block.rows) for block in blocks) <= largest
    with pytest.raises(MemoryBudgetError, match="a single sphere of"):
        list(spheres.blocks(largest * 100 - 1, 100))
    one = np.zeros(SHAPE, bool)
    one[tuple(np.argwhere(study.mask)[np.argmax(sizes)])] = True
    with pytest.raises(MemoryBudgetError, match="a single sphere of"):
        next(replace(spheres, centres=one).blocks(largest * 100 - 1, 100))
    with pytest.raises(MemoryBudgetError):
        rdm_searchlight(
            study.image,
            study.mask,
            study.conditions,
            models=study.models,
            folds=study.runs,
            memory_limit="1MB",
        )


def test_a_sphere_may_take_more_than_blocks_do(
    study: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"models": study.models, "folds": study.runs, "method": "pearson"}
    whole = rdm_searchlight(study.image, study.mask, study.conditions, **options)
    monkeypatch.setattr(spheres_module, "_BLOCK_BYTES", 1)
    found = rdm_searchlight(study.image, study.mask, study.conditions, **options)
    for name in study.models:
        np.testing.assert_array_equal(found.scores[name], whole.scores[name])


def test_masks_on_another_grid(study: MadeUp) -> None:
    other = nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4))
    options: dict[str, Any] = {"models": study.models, "folds": study.runs}
    for masks in ({"mask": other}, {"mask": study.mask, "process_mask": other}):
        with pytest.raises(GridMismatchError, match="resample it to the image first") as caught:
            rdm_searchlight(study.image, conditions=study.conditions, **masks, **options)
        assert "resample=" not in str(caught.value)


def test_what_cannot_be_searched(study: MadeUp) -> None:
    def search_with(**change: Any) -> None:
        given: dict[str, Any] = {
            "imgs": study.image,
            "mask": study.mask,
            "conditions": study.conditions,
            "models": study.models,
            "folds": study.runs,
        }
        rdm_searchlight(**given | change)

    values = study.data[study.mask].T
    refused: list[tuple[dict[str, Any], str]] = [
        ({"radius": 0}, "`radius` must be a positive number of mm"),
        ({"conditions": study.conditions[:-1]}, "each of the 24 samples"),
        ({"folds": None}, "`folds` must be at least two"),
        ({"noise": "shrinkage"}, "`noise` must be one of 'diagonal'"),
        ({"noise": "diagonal", "metric": "correlation"}, "`noise` must be None"),
        (
            {"noise": "diagonal", "conditions": np.arange(24), "metric": "euclidean"},
            "only one of their condition and fold",
        ),
        ({"mask": None}, "`mask` must be given for images"),
        ({"imgs": values}, "`mask` must be a path or an image for an array"),
        ({"nan_policy": "zero"}, "`nan_policy`"),
        ({"models": {"x": random_rdm(np.random.default_rng(0))}}, "lacks 'cat'"),
        (
            {"imgs": values[:, 1:], "mask": nib.Nifti1Image(study.mask.astype("u1"), AFFINE)},
            "a column for each voxel of `mask`",
        ),
    ]
    for change, message in refused:
        with pytest.raises(ParameterError, match=message):
            search_with(**change)
