"""Group maps beside scipy, loops over signs, and the tests that hold all maps at once."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from boldstream.core.errors import (
    GridMismatchError,
    ImageFileError,
    MaskError,
    MemoryBudgetError,
    NonFiniteError,
    ParameterError,
)
from boldstream.decoding.group import group_maps, running
from boldstream.decoding.group.plan import GroupPlan
from boldstream.decoding.inference import Inference
from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.t_statistics import t_of
from boldstream.decoding.inference.tally import Tally
from tests.decoding.group.made_up import AFFINE, MASK_IMAGE, same, subjects, written
from tests.decoding.inference.made_up import MASK


def held_at_once(maps: np.ndarray, statistic: str, forming_threshold: float) -> Inference:
    """All patterns of signs at once, in the order in which bits are counted."""
    n = len(maps)
    signs = 1.0 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    away = maps.astype(np.float64) - 0.5
    means = (signs @ away).T / n
    t = t_of(means, (away**2).sum(axis=0)[:, None], n)
    with Tally(maps.shape[1], len(signs) - 1, keep_maps=True) as tally:
        tally.put(0, means if statistic == "mean" else t)
        return tally.finish(
            chance=0.0,
            adjacency=adjacency_of(MASK),
            tfce=True,
            forming_threshold=forming_threshold,
            n_jobs=1,
        )


def test_t_is_that_of_scipy(rng: np.random.Generator) -> None:
    maps = subjects(rng, 9, 0.5)[:, MASK]
    found = group_maps(maps, chance=0.5)
    wanted = stats.ttest_1samp(maps.astype("f8"), 0.5, alternative="greater")
    np.testing.assert_allclose(found.t, wanted.statistic, rtol=1e-9)
    np.testing.assert_allclose(found.p_t, wanted.pvalue, rtol=1e-9)
    np.testing.assert_allclose(found.mean, maps.mean(axis=0, dtype="f8"))
    np.testing.assert_allclose(found.p_t_fdr, multipletests(found.p_t, method="fdr_bh")[1])
    np.testing.assert_allclose(found.p_fdr, multipletests(found.p_sign_flip, method="fdr_bh")[1])


@pytest.mark.parametrize("statistic", ["t", "mean"])
def test_all_signs_once(rng: np.random.Generator, statistic: Any) -> None:
    maps = subjects(rng, 6, 1.0)[:, MASK].astype("f8")
    found = group_maps(maps, chance=0.5, statistic=statistic)
    assert found.is_exact
    values = []
    for signs in itertools.product([1, -1], repeat=6):
        flipped = (maps.astype("f4") - 0.5) * np.array(signs)[:, None]
        t = stats.ttest_1samp(flipped, 0).statistic
        values.append(flipped.mean(axis=0) if statistic == "mean" else t)
    null = np.array(values)
    np.testing.assert_allclose(found.inference.scores, null[0], rtol=1e-6)
    # Two sums may be near each other by chance: within 1e-6 they count as equal.
    slack = 2e-6 * np.fmax(1.0, np.abs(null[0]))
    for p, among in ((found.p_sign_flip, null), (found.p_fwe, null.max(axis=1)[:, None])):
        assert (p >= (among >= null[0] + slack).mean(axis=0) - 1e-12).all()
        assert (p <= (among >= null[0] - slack).mean(axis=0) + 1e-12).all()


@pytest.mark.parametrize("statistic", ["t", "mean"])
def test_whole_maps_as_those_that_are_held_at_once(
    rng: np.random.Generator, statistic: Any
) -> None:
    maps = subjects(rng, 8, 2.0)
    forming_threshold = 0.03 if statistic == "mean" else 2.0
    wanted = held_at_once(maps[:, MASK], statistic, forming_threshold)
    found = group_maps(
        list(maps),
        MASK,
        chance=0.5,
        statistic=statistic,
        tfce=True,
        forming_threshold=forming_threshold,
    )
    assert wanted.clusters is not None
    assert found.clusters is not None
    assert wanted.clusters["p_mass_fwe"].min() == 1 / 256
    for name in ("p_uncorrected", "p_fwe", "p_fdr", "p_tfce_fwe"):
        np.testing.assert_array_equal(getattr(found.inference, name), getattr(wanted, name))
    pd.testing.assert_frame_equal(found.clusters, wanted.clusters)


def test_subjects_that_agree_have_a_finite_t() -> None:
    maps = np.array([[0.75, 0.5, 0.75], [0.75, 0.5, 0.5], [0.75, 0.5, 0.8]])
    found = group_maps(maps, chance=0.5, statistic="t")
    assert np.isfinite(found.t).all()
    assert found.t[1] == 0
    assert found.p_sign_flip[0] == 1 / 8
    assert found.p_sign_flip[1] == 1


@pytest.mark.parametrize("n_classes", [3, 5, 6, 10])
def test_subjects_who_are_at_chance_are_no_finding(n_classes: int) -> None:
    """Maps are float32, which holds none of these chances."""
    chance = 1 / n_classes
    found = group_maps(np.full((5, 1), chance), chance=chance)
    assert found.t[0] == 0
    assert found.p_t[0] == 0.5
    assert found.p_sign_flip[0] == found.p_fwe[0] == 1


def test_random_signs_tend_to_all_of_them(rng: np.random.Generator) -> None:
    maps = subjects(rng, 12)[:, MASK]
    every = group_maps(maps, chance=0.5, permutations=4096)
    some = group_maps(maps, chance=0.5, permutations=4095, random_state=3)
    assert (every.is_exact, some.is_exact) == (True, False)
    assert every.inference.n_permutations == some.inference.n_permutations == 4095
    assert np.abs(every.p_sign_flip - some.p_sign_flip).max() < 0.04
    assert np.abs(every.p_fwe - some.p_fwe).max() < 0.04
    same(group_maps(maps, chance=0.5, permutations=4095, random_state=3), some)


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("in_files", [False, True])
def test_results_do_not_depend_on_how_voxels_are_divided(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, n_jobs: int, in_files: bool
) -> None:
    maps = subjects(rng, 15, 1.0)
    options: dict[str, Any] = {
        "chance": 0.5,
        "permutations": 99,
        "tfce": True,
        "forming_threshold": 1.5,
    }
    wanted = group_maps(list(maps), MASK, **options)
    room = 0 if in_files else 1 << 30
    for width, step in ((7, 11), (1, 100), (1000, 1)):
        plan = GroupPlan(width, step, room, room)
        monkeypatch.setattr(running, "plan_group", lambda *_, _plan=plan, **__: _plan)
        same(group_maps(list(maps), MASK, n_jobs=n_jobs, **options), wanted)


def test_files_images_volumes_and_rows_are_the_same_maps(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    maps = subjects(rng, 5, 2.0)
    options: dict[str, Any] = {"chance": 0.5, "tfce": True, "forming_threshold": 1.0}
    wanted = group_maps(maps[:, MASK], MASK_IMAGE, **options)
    mask_file = tmp_path / "mask.nii.gz"
    nib.save(MASK_IMAGE, mask_file)
    for given in (
        written(maps, tmp_path),
        [str(path) for path in written(maps, tmp_path, "nii")],
        [nib.Nifti1Image(volume, AFFINE) for volume in maps],
        maps,
        list(maps),
        list(maps[:, MASK]),
    ):
        for mask in (MASK_IMAGE, mask_file):
            same(group_maps(given, mask, **options), wanted)
    same(group_maps(maps[:, MASK], adjacency=adjacency_of(MASK), **options), wanted)


def test_maps_that_do_not_fit_are_named(rng: np.random.Generator, tmp_path: Path) -> None:
    maps = subjects(rng, 3)
    paths = written(maps, tmp_path)
    broken = maps[1].copy()
    broken[2, 2, 2] = np.nan
    moved = AFFINE.copy()
    moved[0, 3] = 7.0
    odd: list[tuple[Any, type[Exception], str]] = [
        (nib.Nifti1Image(broken, AFFINE), NonFiniteError, r"NaN or infinity in 1 of"),
        (nib.Nifti1Image(maps[1], moved), GridMismatchError, "same grid"),
        (nib.Nifti1Image(maps[1][:-1], AFFINE), GridMismatchError, "same grid"),
        (nib.Nifti1Image(np.stack([maps[1]] * 2, -1), AFFINE), MaskError, "must hold one volume"),
    ]
    for image, error, message in odd:
        nib.save(image, paths[1])
        with pytest.raises(error, match=message) as told:
            group_maps(paths, MASK_IMAGE)
        assert str(paths[1]) in str(told.value)
    paths[1].unlink()
    with pytest.raises(ImageFileError, match=r"sub-01\.nii\.gz"):
        group_maps(paths, MASK_IMAGE)
    outside = maps.copy()
    outside[:, ~MASK] = np.nan
    assert np.isfinite(group_maps(list(outside), MASK).t).all()


def test_bad_parameters(rng: np.random.Generator) -> None:
    maps = subjects(rng, 4)
    flat = maps[:, MASK]
    with pytest.raises(ParameterError, match="at least two subjects, got 1"):
        group_maps(flat[:1])
    with pytest.raises(ParameterError, match="`mask` must be given"):
        group_maps(list(maps))
    with pytest.raises(ParameterError, match="must be a list of paths"):
        group_maps("maps.nii.gz")
    with pytest.raises(ParameterError, match="`mask` or `adjacency`"):
        group_maps(flat, tfce=True)
    with pytest.raises(ParameterError, match="`adjacency` must be that of"):
        group_maps(flat[:, 1:], tfce=True, adjacency=adjacency_of(MASK))
    with pytest.raises(MaskError, match="must hold the"):
        group_maps(flat[:, 1:], MASK)
    with pytest.raises(MaskError, match=r"`maps\[1\]` must hold a number for each of"):
        group_maps([flat[0], flat[1, 1:], flat[2]], MASK)
    with pytest.raises(MaskError, match="got <U2"):
        group_maps(flat.astype("U2"))
    with pytest.raises(ParameterError, match="`statistic` must be one of"):
        group_maps(flat, statistic="median")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="`mask` must be a path or an image where `output`"):
        group_maps(flat, MASK, output="out")
    with pytest.raises(ParameterError, match="`mask` must be a path or an image for maps"):
        group_maps(flat, MASK).img_of(flat[0])
    with pytest.raises(ParameterError, match=r"one for each of the \d+ voxels, got shape \(3,\)"):
        group_maps(flat, MASK_IMAGE).img_of(flat[0][:3])
    with pytest.raises(ParameterError, match="`permutations` must be"):
        group_maps(flat, permutations=0)
    assert group_maps(flat, permutations=1).inference.n_permutations == 1
    with pytest.raises(MemoryBudgetError, match="group maps of 4 subjects"):
        group_maps(flat, memory_limit="1MB")


def test_images_and_arrays_may_be_mixed(rng: np.random.Generator) -> None:
    """An array lies on the grid of the mask, which is that of the first map if it has none."""
    maps = subjects(rng, 4)
    wanted = group_maps(maps[:, MASK], chance=0.5)
    image = nib.Nifti1Image(maps[0], AFFINE)
    found = group_maps([image, *maps[1:]], MASK, chance=0.5)
    same(found, wanted)
    np.testing.assert_array_equal(found.img_of(found.t).affine, AFFINE)
    with pytest.raises(GridMismatchError, match=r"maps\[1\]"):
        group_maps([maps[1], image, *maps[2:]], MASK, chance=0.5)


PROGRAM = """
import json, sys
import numpy as np
from boldstream.core.limits import process_memory
from boldstream.decoding.group import group_maps

class Made(list):
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i): return np.random.default_rng(i).normal(size=20_000).astype("f4")
    def __iter__(self): return (self[i] for i in range(self.n))

mask = np.ones((50, 20, 20), bool)
limit = int(sys.argv[2])
group_maps(Made(3), mask, tfce=True, forming_threshold=2.0)
before = process_memory().rss_bytes
open("/proc/self/clear_refs", "w").write("5")
found = group_maps(Made(int(sys.argv[1])), mask, tfce=True, forming_threshold=3.0,
                   permutations=200, memory_limit=before + limit)
print(json.dumps([before, process_memory().peak_rss_bytes, float(found.t.max())]))
"""


def peak_beside(n: int, limit: int) -> int:
    command = [sys.executable, "-c", PROGRAM, str(n), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak, _ = json.loads(done.stdout)
    return int(peak - before)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak that Linux keeps")
def test_memory_follows_the_limit_and_not_the_number_of_subjects() -> None:
    """400 maps of 20 000 voxels are 31 MiB, and 200 maps of flips 15 MiB."""
    limit = 48 << 20
    few, many = peak_beside(100, limit), peak_beside(800, limit)
    assert many <= limit
    assert many <= few + (8 << 20)
