"""The tally against its definition, by loops over whole maps."""

from __future__ import annotations

import os
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import false_discovery_control

from boldstream.core.errors import ParameterError
from boldstream.core.jobs import Crew
from boldstream.decoding.inference import stores
from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.map_tests import MapTests
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.tally import Tally
from tests.decoding.inference.made_up import MASK, smooth_scores, tallied


def test_p_of_voxels(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    found = tallied(means)
    n = means.shape[1] - 1
    maxima = means[:, 1:].max(axis=0)
    for v, row in enumerate(means):
        assert found.p_uncorrected[v] == (1 + sum(x >= row[0] for x in row[1:])) / (n + 1)
        assert found.p_fwe[v] == (1 + sum(x >= row[0] for x in maxima)) / (n + 1)
    np.testing.assert_allclose(found.p_fdr, false_discovery_control(found.p_uncorrected))
    np.testing.assert_array_equal(found.max_null, maxima)
    assert found.n_permutations == n
    assert found.tfce is None
    assert found.clusters is None


@pytest.mark.parametrize("scale", [1e-8, 1.0, -1e5])
def test_rounding_does_not_help(rng: np.random.Generator, scale: float) -> None:
    means = np.round(smooth_scores(rng), 1) * scale
    noisy = means * (1 + 1e-9 * rng.standard_normal(means.shape))
    exact, found = tallied(means), tallied(noisy)
    np.testing.assert_array_equal(found.p_uncorrected, exact.p_uncorrected)
    np.testing.assert_array_equal(found.p_fwe, exact.p_fwe)


def test_clusters(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    found = tallied(means, forming_threshold=0.6)
    largest = []
    for column in means.T:
        volume = np.full(MASK.shape, -np.inf)
        volume[MASK] = column.astype("f4")
        labels, n = ndimage.label(volume > 0.6 + 1e-6)
        index = np.arange(1, n + 1)
        extents = ndimage.sum(np.ones(MASK.shape), labels, index)
        masses = ndimage.sum(volume - 0.6, labels, index)
        largest.append((max(extents, default=0), max(masses, default=0), labels, extents, masses))
    _, _, labels, extents, masses = largest[0]
    table = found.clusters
    assert table is not None
    assert found.cluster_ids is not None
    assert len(table) == len(extents) > 2
    assert list(table["mass"]) == sorted(table["mass"], reverse=True)
    for row in table.itertuples():
        inside = found.cluster_ids == row.id
        (label,) = np.unique(labels[MASK][inside])
        assert np.count_nonzero(inside) == row.extent == extents[label - 1]
        np.testing.assert_allclose(row.mass, masses[label - 1], rtol=1e-5)
        assert inside[row.peak]
        assert row.peak_score == means[inside, 0].max() == means[row.peak, 0]
        of = [x[0] >= row.extent for x in largest[1:]], [x[1] >= row.mass for x in largest[1:]]
        assert row.p_extent_fwe == (1 + sum(of[0])) / len(largest)
        assert row.p_mass_fwe == (1 + sum(of[1])) / len(largest)
    assert table["p_mass_fwe"][0] == 1 / 40


def test_tfce(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    found = tallied(means, tfce=True)
    assert found.tfce is not None
    maps = []
    for column in means.T:
        volume = np.zeros(MASK.shape)
        volume[MASK] = column.astype("f4") - np.float32(0.5)
        total = np.zeros(MASK.shape)
        levels = np.unique(np.append(volume[volume > 0], 0.0))
        for low, high in pairwise(levels):
            labels, _ = ndimage.label(volume >= high)
            extent = np.bincount(labels.ravel()) * 1.0
            extent[0] = 0
            total += np.sqrt(extent[labels]) * (high**3 - low**3) / 3
        maps.append(total[MASK])
    np.testing.assert_allclose(found.tfce, maps[0], rtol=1e-9, atol=1e-15)
    maxima = np.array([x.max() for x in maps[1:]])
    expected = [(1 + np.count_nonzero(maxima >= x * (1 - 1e-9))) / 40 for x in maps[0]]
    np.testing.assert_array_equal(found.p_tfce_fwe, expected)
    assert found.p_tfce_fwe is not None
    assert found.p_tfce_fwe.min() == 1 / 40


def same(a: Inference, b: Inference) -> None:
    for name in ("scores", "p_uncorrected", "p_fwe", "p_fdr", "max_null", "tfce", "p_tfce_fwe"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.clusters is not None
    assert a.clusters.equals(b.clusters)
    np.testing.assert_array_equal(a.cluster_ids, b.cluster_ids)


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_blocks_and_jobs_change_nothing(rng: np.random.Generator, block: int, n_jobs: int) -> None:
    means = smooth_scores(rng)
    wanted = tallied(means, tfce=True, forming_threshold=0.6)
    same(tallied(means, block=block, tfce=True, forming_threshold=0.6, n_jobs=n_jobs), wanted)


def test_a_temporary_file_changes_nothing(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads put blocks in any order; little is gathered before it is written."""
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path))
    monkeypatch.setattr(stores, "_GATHERED", 4000)
    means = smooth_scores(rng)
    wanted = tallied(means, tfce=True, forming_threshold=0.6)
    starts = rng.permutation(np.arange(0, len(means), 9))
    with Tally(len(means), means.shape[1] - 1, keep_maps=True) as tally:

        def some(mine: np.ndarray) -> Generator[None, None, None]:
            for start in mine:
                tally.put(start, means[start : start + 9])
                yield

        with Crew[None]() as crew:
            for part in np.array_split(starts, 3):
                crew.start(some(part))
            list(crew.items())
        assert any(path.name == "null_maps.npy" for path in tmp_path.rglob("*"))
        found = tally.finish(
            chance=0.5, adjacency=adjacency_of(MASK), tfce=True, forming_threshold=0.6, n_jobs=2
        )
    same(found, wanted)
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".npy"]


def test_maps_in_memory_take_no_file(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path))
    tallied(smooth_scores(rng), tfce=True)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - hidden ones too


@pytest.mark.parametrize(("spared", "in_file"), [(0, False), (1, True)])
def test_maps_go_to_a_file_where_memory_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spared: int, in_file: bool
) -> None:
    """Five maps of seven voxels, in float32."""
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path))
    with Tally(7, 5, keep_maps=True, memory_bytes=5 * 7 * 4 - spared):
        assert bool(list(tmp_path.rglob("null_maps.npy"))) == in_file


def test_what_is_not_asked_of_maps_is_0() -> None:
    assert MapTests(None, None).largest(np.ones(3, np.float32)) == (0, 0, 0)


def test_a_sphere_without_a_score_counts_nowhere(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    holes = means.copy()
    holes[[3, 90]] = np.nan
    # Whatever its permutations gave.
    holes[90, 5] = 2.0
    found = tallied(holes, tfce=True, forming_threshold=0.6)
    for p in (found.p_uncorrected, found.p_fwe, found.p_fdr, found.p_tfce_fwe):
        assert p is not None
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(p)), [3, 90])
    others = np.delete(means, [3, 90], axis=0)
    np.testing.assert_array_equal(found.max_null, others[:, 1:].max(axis=0))
    assert found.cluster_ids is not None
    assert (found.cluster_ids[[3, 90]] == 0).all()


def test_what_a_permutation_lacks_makes_no_p_smaller(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    means[0, 0] = 0.99
    lacking = means.copy()
    lacking[0, 7] = np.nan
    found = tallied(lacking, tfce=True, forming_threshold=0.6)
    assert found.p_uncorrected[0] == 2 / 40
    assert found.max_null[6] == np.inf
    assert found.p_tfce_fwe is not None
    assert found.p_tfce_fwe.min() == 2 / 40
    assert found.clusters is not None
    assert found.clusters["p_mass_fwe"].min() == 2 / 40


def test_misuse_is_refused(rng: np.random.Generator) -> None:
    means = smooth_scores(rng)
    with Tally(len(means), 39) as tally:
        tally.put(0, means[:100])
        with pytest.raises(ParameterError, match=r"all .* spheres must be put"):
            tally.finish(chance=0.5)
        tally.put(100, means[100:])
        with pytest.raises(ParameterError, match="must have `adjacency`, and the maps"):
            tally.finish(chance=0.5, adjacency=adjacency_of(MASK), tfce=True)
    with pytest.raises(ParameterError, match="`n_permutations`"):
        Tally(3, 0)


def test_no_cluster_is_an_empty_table(rng: np.random.Generator) -> None:
    found = tallied(smooth_scores(rng), forming_threshold=3.0)
    assert found.clusters is not None
    assert len(found.clusters) == 0
    assert list(found.clusters.columns)[:3] == ["id", "extent", "mass"]
