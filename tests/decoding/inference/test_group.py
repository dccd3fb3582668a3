"""Group tests against loops over maps, and against all patterns of signs."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage, stats

from boldstream.core.errors import GridMismatchError, MaskError, ParameterError
from boldstream.core.grid import Grid
from boldstream.decoding.inference import group_maps
from boldstream.decoding.inference.group import group_bootstrap, group_sign_flip
from boldstream.decoding.inference.group_maps import MapOptions
from boldstream.decoding.inference.null_maps import MapsFolder, open_null_maps
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


@pytest.mark.parametrize("statistic", ["mean", "t"])
def test_all_signs_once(rng: np.random.Generator, statistic: str) -> None:
    maps = subjects(rng, 7, 1.0)[:, MASK]
    found = group_sign_flip(maps, chance=0.5, n_permutations=500, statistic=statistic)  # type: ignore[arg-type]
    assert found.n_permutations == 127
    away = maps - 0.5
    values = []
    for signs in itertools.product([1, -1], repeat=7):
        flipped = away * np.array(signs)[:, None]
        t = stats.ttest_1samp(flipped, 0).statistic
        values.append(flipped.mean(axis=0) if statistic == "mean" else t)
    np.testing.assert_allclose(found.scores, values[0], rtol=1e-9)
    as_much = np.array(values) >= values[0] - 1e-9
    np.testing.assert_allclose(found.p_uncorrected, as_much.mean(axis=0))
    maxima = np.max(values, axis=1)[:, None]
    # Two sums may be near each other by chance: within 1e-6 they count as equal.
    assert (found.p_fwe >= (maxima >= values[0]).mean(axis=0) - 1e-12).all()
    assert (found.p_fwe <= (maxima >= values[0] - 1e-6 * np.abs(maxima)).mean(axis=0)).all()


def test_random_signs_tend_to_all_of_them(rng: np.random.Generator) -> None:
    maps = subjects(rng, 12)[:, MASK]
    every = group_sign_flip(maps, chance=0.5, n_permutations=4096)
    some = group_sign_flip(maps, chance=0.5, n_permutations=4095, random_state=3)
    assert (every.n_permutations, some.n_permutations) == (4095, 4095)
    assert np.abs(every.p_uncorrected - some.p_uncorrected).max() < 0.04
    again = group_sign_flip(maps, chance=0.5, n_permutations=4095, random_state=3)
    np.testing.assert_array_equal(some.p_uncorrected, again.p_uncorrected)


def test_images_files_and_arrays_are_the_same_maps(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = subjects(rng, 6, 3.0).astype("f4")
    options = MapOptions(tfce=True, forming_threshold=0.04)
    wanted = group_sign_flip(maps[:, MASK], MASK, chance=0.5, options=options)
    assert wanted.p_tfce_fwe is not None
    assert wanted.p_tfce_fwe.min() == 1 / 64
    assert wanted.clusters is not None
    assert wanted.clusters["p_mass_fwe"].min() == 1 / 64
    images = [nib.Nifti1Image(volume, AFFINE) for volume in maps]
    paths = []
    for number, image in enumerate(images):
        paths.append(tmp_path / f"{number}.nii.gz")
        nib.save(image, paths[-1])
    mask = nib.Nifti1Image(MASK.astype("u1"), AFFINE)
    monkeypatch.setattr(group_maps, "_BLOCK_BYTES", 10_000)
    for given in (images, paths, maps):
        found = group_sign_flip(given, mask, chance=0.5, options=options)
        np.testing.assert_array_equal(found.p_tfce_fwe, wanted.p_tfce_fwe)
        np.testing.assert_array_equal(found.p_fwe, wanted.p_fwe)
        assert found.clusters is not None
        assert found.clusters.equals(wanted.clusters)


def test_subjects_that_agree_have_a_finite_t() -> None:
    maps = np.array([[0.75, 0.5, 0.75], [0.75, 0.5, 0.5], [0.75, 0.5, 0.8]])
    found = group_sign_flip(maps, chance=0.5, statistic="t", n_permutations=10)
    assert np.isfinite(found.scores).all()
    assert found.scores[1] == 0
    assert found.p_uncorrected[0] == 1 / 8
    assert found.p_uncorrected[1] == 1


def test_a_voxel_that_a_subject_lacks_has_no_p(rng: np.random.Generator) -> None:
    maps = subjects(rng, 5)[:, MASK]
    maps[2, 9] = np.nan
    found = group_sign_flip(maps, MASK, chance=0.5, options=MapOptions(tfce=True))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.p_fwe)), [9])
    assert found.p_tfce_fwe is not None
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.p_tfce_fwe)), [9])


def test_the_bootstrap_averages_one_map_of_every_subject(rng: np.random.Generator) -> None:
    """Two null maps of three subjects have eight averages: their shares are known."""
    null = [subjects(rng, 2)[:, MASK] for _ in range(3)]
    maps = subjects(rng, 3)[:, MASK]
    found = group_bootstrap(maps, null, chance=0.5, n_bootstraps=20_000, random_state=1)
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
    options = MapOptions(forming_p=0.01)
    found = group_bootstrap(maps, null, MASK, chance=0.5, n_bootstraps=999, options=options)
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


def test_null_maps_of_folders(rng: np.random.Generator, tmp_path: Path) -> None:
    mask = Mask("mask", Grid((7, 8, 6), AFFINE), MASK)
    means = [subjects(rng, 20)[:, MASK].T.astype("f4").astype("f8") for _ in range(3)]
    for number, scores in enumerate(means):
        folder = MapsFolder(tmp_path / str(number), mask)
        with Tally(len(scores), 19, folder=folder) as tally:
            tally.put(0, scores)
            tally.finish(chance=0.5)
    maps = np.array([scores[:, 0] for scores in means])
    options = MapOptions(tfce=True, memory_limit="1GiB")
    wanted = group_bootstrap(
        maps,
        [scores[:, 1:].T for scores in means],
        MASK,
        chance=0.5,
        n_bootstraps=99,
        options=options,
    )
    paths = [tmp_path / str(number) for number in range(3)]
    other = MASK.copy()
    other[0, 0, 0], other[6, 7, 5] = True, False
    with pytest.raises(MaskError, match="must lie on one mask"):
        group_bootstrap(maps, paths, other, chance=0.5)
    for given in (paths, [open_null_maps(path) for path in paths]):
        found = group_bootstrap(maps, given, chance=0.5, n_bootstraps=99, options=options)
        np.testing.assert_array_equal(found.p_tfce_fwe, wanted.p_tfce_fwe)
        np.testing.assert_array_equal(found.p_uncorrected, wanted.p_uncorrected)


def test_bad_input(rng: np.random.Generator) -> None:
    maps = subjects(rng, 4)
    flat = maps[:, MASK]
    with pytest.raises(ParameterError, match="at least two subjects, got 1"):
        group_sign_flip(flat[:1], chance=0.5)
    with pytest.raises(ParameterError, match="at least two subjects, got 0"):
        group_sign_flip([], MASK, chance=0.5)
    with pytest.raises(ParameterError, match="`mask_img` must be given"):
        group_sign_flip(maps, chance=0.5)
    with pytest.raises(ParameterError, match=r"`mask_img` or `options\.adjacency`"):
        group_sign_flip(flat, chance=0.5, options=MapOptions(tfce=True))
    with pytest.raises(MaskError, match="must hold the"):
        group_sign_flip(flat[:, 1:], MASK, chance=0.5)
    with pytest.raises(ParameterError, match="`statistic` must be one of 'mean', 't'"):
        group_sign_flip(flat, chance=0.5, statistic="median")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="`forming_p` must be None"):
        group_sign_flip(flat, MASK, chance=0.5, options=MapOptions(forming_p=0.001))
    with pytest.raises(ParameterError, match="`forming_p` must lie between"):
        MapOptions(forming_p=5)
    with pytest.raises(ParameterError, match="must not be given together"):
        MapOptions(forming_p=0.1, forming_threshold=0.1)
    with pytest.raises(ParameterError, match="`null_maps` must have"):
        group_bootstrap(flat, [flat], chance=0.5)
    other = nib.Nifti1Image(maps[0], np.eye(4))
    mask = nib.Nifti1Image(MASK.astype("u1"), AFFINE)
    with pytest.raises(GridMismatchError):
        group_sign_flip([nib.Nifti1Image(maps[0], AFFINE), other], mask, chance=0.5)
