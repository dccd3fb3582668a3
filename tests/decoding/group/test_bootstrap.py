"""The bootstrap of a group against loops over maps, and against all averages."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from boldstream.core.budget import Budget
from boldstream.core.errors import GridMismatchError, MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.group import bootstrap, group_bootstrap
from boldstream.decoding.inference.adjacency import Adjacency
from boldstream.decoding.inference.null_maps import MapsFolder, open_null_maps
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.stores import MemoryMaps
from boldstream.decoding.inference.tally import Tally
from boldstream.io.masks import Mask
from tests.decoding.inference.made_up import MASK

AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])


def subjects(rng: np.random.Generator, n: int, effect: float = 0.0) -> np.ndarray:
    """Accuracies (subjects, x, y, z) about 0.5."""
    volumes = ndimage.gaussian_filter(rng.standard_normal((n, *MASK.shape)), (0, 1, 1, 1))
    volumes /= volumes.std()
    volumes[:, 4:6, 1:4, 1:4] += effect
    return np.asarray(0.5 + 0.05 * volumes)


def test_images_files_and_arrays_are_the_same_maps(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = subjects(rng, 6, 3.0).astype("f4")
    null = [subjects(rng, 20)[:, MASK] for _ in maps]
    asked: dict[str, Any] = {"chance": 0.5, "bootstraps": 99, "tfce": True}
    asked["forming_threshold"] = 0.04
    wanted = group_bootstrap(maps[:, MASK], null, MASK, **asked)
    assert wanted.p_tfce_fwe is not None
    assert wanted.p_tfce_fwe.min() == 1 / 100
    assert wanted.clusters is not None
    assert wanted.clusters["p_mass_fwe"].min() == 1 / 100
    images = [nib.Nifti1Image(volume, AFFINE) for volume in maps]
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.nii.gz")
        nib.save(image, paths[-1])
    mask = nib.Nifti1Image(MASK.astype("u1"), AFFINE)
    monkeypatch.setattr(bootstrap, "_BLOCK_BYTES", 10_000)
    for given in (images, paths, maps):
        found = group_bootstrap(given, null, mask, **asked)
        np.testing.assert_array_equal(found.p_tfce_fwe, wanted.p_tfce_fwe)
        np.testing.assert_array_equal(found.p_fwe, wanted.p_fwe)
        assert found.clusters is not None
        assert found.clusters.equals(wanted.clusters)


@pytest.mark.parametrize("lacking", [[np.nan], [np.inf], [np.inf, -np.inf]])
def test_a_voxel_that_a_subject_lacks_has_no_p(
    rng: np.random.Generator, lacking: list[float]
) -> None:
    maps = subjects(rng, 5)[:, MASK]
    maps[2 : 2 + len(lacking), 9] = lacking
    null = [subjects(rng, 9)[:, MASK] for _ in maps]
    found = group_bootstrap(maps, null, MASK, chance=0.5, bootstraps=99, tfce=True)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.p_fwe)), [9])
    assert found.p_tfce_fwe is not None
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.p_tfce_fwe)), [9])


def test_the_bootstrap_averages_one_map_of_every_subject(rng: np.random.Generator) -> None:
    """Two null maps of three subjects have eight averages: their shares are known."""
    # As they are stored: what is drawn is exact then.
    null = [subjects(rng, 2)[:, MASK].astype("f4").astype("f8") for _ in range(3)]
    maps = subjects(rng, 3)[:, MASK].astype("f4").astype("f8")
    found = group_bootstrap(maps, null, chance=0.5, bootstraps=20_000, random_state=1)
    means = np.array([np.mean(chosen, axis=0) for chosen in itertools.product(*null)])
    observed = maps.mean(axis=0)
    np.testing.assert_allclose(found.scores, observed - 0.5, atol=1e-12)
    expected = (means >= observed).mean(axis=0)
    assert np.abs(found.p_uncorrected - expected).max() < 0.02
    fwe = (means.max(axis=1)[:, None] >= observed).mean(axis=0)
    assert np.abs(found.p_fwe - fwe).max() < 0.02


def test_thresholds_of_stelzer(rng: np.random.Generator) -> None:
    """What `forming_p` of a voxel's own bootstrapped values exceeds is its threshold."""
    null = [subjects(rng, 20)[:, MASK] for _ in range(6)]
    maps = subjects(rng, 6, 3.0)[:, MASK]
    found = group_bootstrap(maps, null, MASK, chance=0.5, bootstraps=999, forming_p=0.01)
    assert found.cluster_ids is not None
    # At most 1 % of 999 values lie above the threshold, so that p is 0.01 or a little more.
    inside = found.cluster_ids > 0
    assert found.p_uncorrected[inside].max() <= 0.011
    assert found.p_uncorrected[~inside].min() >= 0.009
    assert found.clusters is not None
    assert found.clusters["p_extent_fwe"][0] < 0.01
    effect = np.zeros(MASK.shape, bool)
    effect[4:6, 1:4, 1:4] = True
    assert found.cluster_ids[found.clusters["peak"][0]] == 1
    assert effect[MASK][found.clusters["peak"][0]]


@pytest.mark.parametrize("place", [0, 40, 98])
def test_a_threshold_is_taken_of_all_bootstraps(place: int) -> None:
    """1 % of 99 values: the second largest may be exceeded, the largest may not."""
    null = np.linspace(-1, 1, 99)
    null[[place, 98]] = null[[98, place]]
    statistics = np.array([[0.995, *null], [1.005, *null], [0.97, *null]])
    apart = Adjacency(np.zeros(4, np.int32), np.zeros(0, np.int32))
    found = bootstrap.tally_averages(
        lambda a, b: statistics[a:b],
        99,
        3,
        OfMaps(forming_p=0.01),
        adjacency=apart,
        n_jobs=1,
        memory_limit=None,
    )
    assert found.cluster_ids is not None
    np.testing.assert_array_equal(found.cluster_ids, [0, 1, 0])


@pytest.mark.parametrize(("n", "voxels"), [((1 << 20) - 1, 9), (99, 30)])
def test_averages_are_made_of_blocks_of_voxels(
    n: int, voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 MiB of float64 at a time, and one voxel at the least."""
    asked: list[tuple[int, int]] = []

    def averages(start: int, stop: int) -> np.ndarray:
        asked.append((start, stop))
        return np.broadcast_to(np.arange(start, stop, dtype="f8")[:, None], (stop - start, n + 1))

    if n == 99:
        monkeypatch.setattr(bootstrap, "_BLOCK_BYTES", 799)
    found = bootstrap.tally_averages(
        averages, n, voxels, OfMaps(), adjacency=None, n_jobs=1, memory_limit=None
    )
    step = 1 if n == 99 else (32 << 20) // (8 << 20)
    assert asked == [(s, min(s + step, voxels)) for s in range(0, voxels, step)]
    np.testing.assert_array_equal(found.scores, np.arange(voxels))
    np.testing.assert_array_equal(found.p_uncorrected, 1)


def test_one_bootstrap_is_the_least(rng: np.random.Generator) -> None:
    maps = subjects(rng, 3)[:, MASK]
    null = [one[None] - 1 for one in maps]
    found = group_bootstrap(maps, null, chance=0.5, bootstraps=1)
    np.testing.assert_array_equal(found.p_uncorrected, 0.5)
    assert found.max_null.tolist() == pytest.approx([(maps.mean(axis=0) - 1.5).max()], rel=1e-6)
    with pytest.raises(ParameterError, match="`bootstraps` must be"):
        group_bootstrap(maps, null, chance=0.5, bootstraps=0)


@pytest.mark.parametrize("kept", [True, False])
def test_null_maps_stay_in_memory_where_half_of_what_is_free_holds_them(
    kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9 maps of 50 voxels are 1800 bytes."""
    free = Budget(5000 + (3600 if kept else 3598), 5000, "test")
    monkeypatch.setattr(bootstrap, "find_budget", lambda _: free)
    made: list[int] = []

    class Watched(Tally):
        def put(self, start: int, means: Any) -> None:
            made.append(isinstance(self._maps, MemoryMaps))
            super().put(start, means)

    monkeypatch.setattr(bootstrap, "Tally", Watched)
    apart = Adjacency(np.zeros(51, np.int32), np.zeros(0, np.int32))
    bootstrap.tally_averages(
        lambda a, b: np.zeros((b - a, 10)),
        9,
        50,
        OfMaps(tfce=True),
        adjacency=apart,
        n_jobs=1,
        memory_limit=None,
    )
    assert made == [kept]


def test_null_maps_of_folders(rng: np.random.Generator, tmp_path: Path) -> None:
    mask = Mask("mask", Grid((7, 8, 6), AFFINE), MASK)
    means = [subjects(rng, 20)[:, MASK].T.astype("f4").astype("f8") for _ in range(3)]
    for number, scores in enumerate(means):
        folder = MapsFolder(tmp_path / str(number), mask)
        with Tally(len(scores), 19, folder=folder) as tally:
            tally.put(0, scores)
            tally.finish(chance=0.5)
    maps = np.array([scores[:, 0] for scores in means])
    asked: dict[str, Any] = {"chance": 0.5, "bootstraps": 99, "tfce": True}
    asked["memory_limit"] = "1GiB"
    wanted = group_bootstrap(maps, [scores[:, 1:].T for scores in means], MASK, **asked)
    paths = [tmp_path / str(number) for number in range(3)]
    other = MASK.copy()
    other[0, 0, 0], other[6, 7, 5] = True, False
    with pytest.raises(MaskError, match="must lie on one mask"):
        group_bootstrap(maps, paths, other, chance=0.5)
    for given in (paths, [open_null_maps(path) for path in paths]):
        found = group_bootstrap(maps, given, **asked)
        np.testing.assert_array_equal(found.p_tfce_fwe, wanted.p_tfce_fwe)
        np.testing.assert_array_equal(found.p_uncorrected, wanted.p_uncorrected)


def test_bad_input(rng: np.random.Generator) -> None:
    maps = subjects(rng, 4)
    flat = maps[:, MASK]
    null = list(flat[:, None])
    with pytest.raises(ParameterError, match="at least two subjects, got 1"):
        group_bootstrap(flat[:1], null[:1], chance=0.5)
    with pytest.raises(ParameterError, match="at least two subjects, got 0"):
        group_bootstrap([], [], MASK, chance=0.5)
    with pytest.raises(ParameterError, match="`mask` must be given"):
        group_bootstrap(maps, null, chance=0.5)
    with pytest.raises(ParameterError, match="`mask` or `adjacency` must be given"):
        group_bootstrap(flat, null, chance=0.5, tfce=True)
    with pytest.raises(MaskError, match="must hold the"):
        group_bootstrap(flat[:, 1:], null, MASK, chance=0.5)
    wrong: list[Any] = [0, 1, 5, np.nan, "0.01", True]
    for forming_p in wrong:
        with pytest.raises(ParameterError, match="`forming_p` must be a number above 0 and below"):
            group_bootstrap(flat, null, MASK, chance=0.5, forming_p=forming_p)
    with pytest.raises(ParameterError, match="must not be given together"):
        group_bootstrap(flat, null, MASK, chance=0.5, forming_p=0.1, forming_threshold=0.1)
    with pytest.raises(ParameterError, match="`null_maps` must have"):
        group_bootstrap(flat, [flat], chance=0.5)
    with pytest.raises(ParameterError, match="`chance` must be a finite number, got nan"):
        group_bootstrap(flat, null, chance=np.nan)
    for broken in (list(flat), [one[:0] for one in null], [one[None] for one in null]):
        with pytest.raises(ParameterError, match=r"`null_maps` must hold arrays .*got shape \("):
            group_bootstrap(flat, broken, chance=0.5)
    other = nib.Nifti1Image(maps[0], np.eye(4))
    mask = nib.Nifti1Image(MASK.astype("u1"), AFFINE)
    with pytest.raises(GridMismatchError):
        group_bootstrap([nib.Nifti1Image(maps[0], AFFINE), other], null[:2], mask, chance=0.5)


def test_a_mask_on_another_grid(rng: np.random.Generator) -> None:
    maps = subjects(rng, 2)
    images = [nib.Nifti1Image(one, AFFINE) for one in maps]
    mask = nib.Nifti1Image(MASK.astype("u1"), np.eye(4))
    with pytest.raises(GridMismatchError) as caught:
        group_bootstrap(images, list(maps[:, MASK][:, None]), mask, chance=0.5)
    assert "resample=" not in str(caught.value)
