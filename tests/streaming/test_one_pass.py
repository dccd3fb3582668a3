"""One pass for everything, and results that do not depend on how it was cut."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.io.opening import open_image
from boldstream.io.source import Block, Read, VolumeSource
from boldstream.streaming.run import run_pass

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (5, 6, 4)
N = 24


class Recorded(VolumeSource):
    """A real source that counts how often it is read and notes the blocks."""

    def __init__(self, image: Any) -> None:
        self.inner = open_image(image)
        self.series, self.passes, self.sizes = self.inner.series, 0, list[int]()

    @property
    def reads(self) -> tuple[Read, ...]:
        return self.inner.reads

    def buffer_bytes(self, block_volumes: int) -> int:
        return self.inner.buffer_bytes(block_volumes)

    def blocks(self, block_volumes: int) -> Generator[Block, None, None]:
        self.passes += 1
        for block in self.inner.blocks(block_volumes):
            self.sizes.append(len(block.data))
            yield block


def reductions() -> list[bs.Reduction]:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 5, SHAPE)
    maps = nib.Nifti1Image(rng.random((*SHAPE, 3)), AFFINE)
    return [
        bs.Voxels(labels == 1),
        bs.Labels(labels),
        bs.Labels(labels, "median"),
        bs.Spheres([[6, 6, 6], [0, 0, 0]], 5.0),
        bs.Maps(maps),
        bs.Mean(),
        bs.Std(),
        bs.TSNR(),
        bs.Volumes([3, 20]),
        bs.Project(rng.normal(size=(2, N))),
    ]


@pytest.fixture(scope="module")
def data() -> NDArray[Any]:
    return np.random.default_rng(1).normal(1000, 10, (*SHAPE, N)).astype("f4")


def assert_same(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-9)


def test_any_mix_is_one_pass(data: NDArray[Any]) -> None:
    source = Recorded(nib.Nifti1Image(data, AFFINE))
    results = bs.stream(source, *reductions())
    assert source.passes == 1
    assert sum(source.sizes) == N
    alone = tuple(
        bs.stream(nib.Nifti1Image(data, AFFINE), reduction)[0] for reduction in reductions()
    )
    assert_same(results, alone)


@pytest.mark.parametrize("block_volumes", [1, 2, 5, 7, N, 1000])
def test_block_size_changes_nothing(data: NDArray[Any], block_volumes: int) -> None:
    source = Recorded(nib.Nifti1Image(data, AFFINE))
    bounds = [reduction.bind(source.series) for reduction in reductions()]
    results = run_pass(source, bounds, block_volumes, lambda done, total: None)
    assert max(source.sizes) <= block_volumes
    assert_same(results, bs.stream(nib.Nifti1Image(data, AFFINE), *reductions()))


def test_moments_do_not_change_by_one_bit_with_the_block_size(data: NDArray[Any]) -> None:
    source = open_image(nib.Nifti1Image(data, AFFINE))
    kinds = (bs.Mean(), bs.Std(), bs.Labels(np.ones(SHAPE, int)))
    bounds = [kind.bind(source.series) for kind in kinds]
    runs = [run_pass(source, bounds, k, lambda done, total: None) for k in (1, 3, N)]
    for other in runs[1:]:
        for a, b in zip(runs[0], other, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@settings(max_examples=25, deadline=None)
@given(cuts=st.sets(st.integers(1, N - 1), max_size=5), in_files=st.booleans())
def test_run_splits_change_nothing(data: NDArray[Any], cuts: set[int], in_files: bool) -> None:
    edges = [0, *sorted(cuts), N]
    spans = list(itertools.pairwise(edges))
    runs: list[Any] = [nib.Nifti1Image(data[..., a:b], AFFINE) for a, b in spans]
    with tempfile.TemporaryDirectory() as folder:
        if in_files:
            for i, run in enumerate(runs):
                nib.save(run, Path(folder) / f"run-{i}.nii.gz")
            runs = [Path(folder) / f"run-{i}.nii.gz" for i in range(len(runs))]
        results = bs.stream(runs, *reductions())
    assert_same(results, bs.stream(nib.Nifti1Image(data, AFFINE), *reductions()))
    assert results[1].run_lengths == tuple(b - a for a, b in spans)


def test_memory_limit_changes_nothing_but_the_blocks(tmp_path: Path) -> None:
    big = np.random.default_rng(2).normal(size=(64, 64, 32, 12)).astype("f4")
    path = tmp_path / "big.nii.gz"
    nib.save(nib.Nifti1Image(big, AFFINE), path)
    kinds = (bs.Mean(), bs.Std(), bs.Voxels(big[..., 0] > 1))
    free = bs.plan(path, *kinds)
    # Two blocks of ten volumes take 10 MiB: with 6 MiB less, fewer must do.
    tight_limit = free.peak_bytes - (6 << 20)
    tight = bs.plan(path, *kinds, memory_limit=tight_limit)
    assert tight.block_volumes < free.block_volumes
    limited = bs.stream(path, *kinds, memory_limit=tight_limit)
    for a, b in zip(limited, bs.stream(path, *kinds), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_infeasible_plan_reads_nothing(data: NDArray[Any]) -> None:
    source = Recorded(nib.Nifti1Image(data, AFFINE))
    with pytest.raises(bs.MemoryBudgetError):
        bs.stream(source, bs.Mean(), memory_limit="1MiB")
    assert source.passes == 0


def test_progress_counts_every_volume(data: NDArray[Any]) -> None:
    seen: list[tuple[int, int]] = []
    bs.stream(
        nib.Nifti1Image(data, AFFINE), bs.Mean(), progress=lambda *counts: seen.append(counts)
    )
    assert seen[0] == (0, N)
    assert seen[-1] == (N, N)


def test_progress_bar_shows_speed(data: NDArray[Any], capfd: pytest.CaptureFixture[str]) -> None:
    bs.stream(nib.Nifti1Image(data, AFFINE), bs.Mean(), progress=True)
    shown = capfd.readouterr()
    assert f"{N}/{N}" in shown.err
    assert "volumes/s" in shown.err
    assert not shown.out


@pytest.mark.parametrize("wrong", [(), (bs.Mean,), ("mean",)])
def test_reductions_are_checked(data: NDArray[Any], wrong: tuple[Any, ...]) -> None:
    with pytest.raises(bs.ParameterError, match=r"`reductions` must .* such as bs.Mean\(\)"):
        bs.stream(nib.Nifti1Image(data, AFFINE), *wrong)
