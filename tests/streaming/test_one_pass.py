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
from tests.oracle import fdata
from tests.streaming.mix import AFFINE, SHAPE, N, assert_same, reductions


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


@pytest.fixture(scope="module")
def data() -> NDArray[Any]:
    return np.random.default_rng(1).normal(1000, 10, (*SHAPE, N)).astype("f4")


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


def test_nan_infinity_and_overflow_pass_without_a_warning(data: NDArray[Any]) -> None:
    wild = data.astype("f8")
    wild[0, 0, 0, 3], wild[1, 0, 0, 4], wild[2, 0, 0, 5] = np.nan, np.inf, -np.inf
    wild[3] = 1e300
    results = bs.stream(nib.Nifti1Image(wild, AFFINE), *reductions(), bs.Voxels(wild[..., 0] > 0))
    with np.errstate(over="ignore"):
        single = wild.astype("f4")
    np.testing.assert_array_equal(results[-1], single[wild[..., 0] > 0].T)
    np.testing.assert_array_equal(results[8], single[..., [3, 20]])


def test_a_scaled_gz_file_is_decoded_once(data: NDArray[Any], tmp_path: Path) -> None:
    scaled = nib.Nifti1Image(data.astype("i2"), AFFINE)
    scaled.header.set_slope_inter(0.5, 3.0)
    nib.save(scaled, tmp_path / "bold.nii.gz")
    source = Recorded(tmp_path / "bold.nii.gz")
    mean = bs.stream(source, *reductions())[5]
    assert source.passes == 1
    np.testing.assert_allclose(mean, fdata(tmp_path / "bold.nii.gz").mean(-1), rtol=1e-6)


def test_the_limit_of_a_job_is_kept(data: NDArray[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1")
    with pytest.raises(bs.MemoryBudgetError, match="SLURM_MEM_PER_NODE"):
        bs.stream(image, bs.Mean())
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "0")
    assert bs.plan(image, bs.Mean()).budget.source != "SLURM_MEM_PER_NODE"
