"""Some volumes of a source: those, in order, and none of the others."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from boldstream.core.errors import ParameterError
from boldstream.io.betas import open_betas_folder
from boldstream.io.betas_source import BetasSource
from boldstream.io.opening import open_image
from boldstream.io.selecting import select_volumes

LENGTHS = (5, 4, 6)
DATA = np.random.default_rng(0).normal(size=(3, 2, 4, sum(LENGTHS))).astype("f4")
EDGES = np.cumsum((0, *LENGTHS))
RUNS = [nib.Nifti1Image(DATA[..., a:b], np.eye(4)) for a, b in pairwise(EDGES.tolist())]


@given(
    kept=st.sets(st.integers(0, sum(LENGTHS) - 1), min_size=1).map(sorted),
    block=st.integers(1, 20),
    n_jobs=st.integers(1, 3),
)
def test_blocks_hold_what_is_kept(kept: list[int], block: int, n_jobs: int) -> None:
    source = select_volumes(open_image(RUNS), np.array(kept))
    runs = np.repeat(np.arange(3), LENGTHS)[kept]
    assert source.series.run_lengths == tuple(np.unique(runs, return_counts=True)[1].tolist())
    pieces = source.split(n_jobs)
    stop, seen = 0, []
    for piece in pieces:
        for part in piece.blocks(block):
            assert part.start == stop
            assert len(part.data) <= block
            seen.append(part.data.copy())
            wanted = np.unique(runs, return_inverse=True)[1]
            assert {part.run} == set(wanted[part.start : part.stop].tolist())
            stop = part.stop
        assert piece.volumes.stop == stop
    assert stop == len(kept) == source.series.n_volumes
    volumes = DATA[..., kept].reshape(-1, len(kept), order="F").T
    np.testing.assert_array_equal(np.concatenate(seen), volumes)


def test_a_pass_over_some_volumes_in_a_file(tmp_path: Path) -> None:
    paths = [tmp_path / f"run-{i}.nii.gz" for i in range(3)]
    for run, path in zip(RUNS, paths, strict=True):
        nib.save(run, path)
    kept = np.array([0, 2, 3, 11, 14])
    for n_jobs in (1, 2):
        source = select_volumes(open_image(paths), kept)
        (mean,) = bs.stream(source, bs.Mean(), n_jobs=n_jobs)
        np.testing.assert_allclose(mean, DATA[..., kept].mean(axis=-1), rtol=1e-5, atol=1e-6)


def test_all_volumes_are_the_source_itself() -> None:
    source = open_image(RUNS)
    assert select_volumes(source, np.arange(sum(LENGTHS))) is source


@pytest.mark.parametrize("kept", [[], [3, 2], [2, 2], [-1, 2], [0, 15]])
def test_what_is_no_selection_is_refused(kept: list[int]) -> None:
    with pytest.raises(ParameterError, match=r"some of the 15 volumes of .*, ascending"):
        select_volumes(open_image(RUNS), np.array(kept, np.intp))


def test_betas_are_volumes(tmp_path: Path) -> None:
    folder = _betas(tmp_path)
    found = open_betas_folder(folder)
    wanted = np.zeros((*found.mask.grid.shape, len(found.values)), np.float32)
    wanted[found.mask.array] = found.values.T
    source = BetasSource(found)
    (mean,) = bs.stream(source, bs.Mean())
    np.testing.assert_allclose(mean, wanted.mean(axis=-1), rtol=1e-5, atol=1e-6)
    kept = np.array([1, 4, 5])
    seen = [part.data.copy() for part in select_volumes(source, kept).blocks(2)]
    volumes = wanted[..., kept].reshape(-1, 3, order="F").T
    np.testing.assert_array_equal(np.concatenate(seen), volumes)


def test_betas_that_lost_their_end(tmp_path: Path) -> None:
    folder = _betas(tmp_path)
    source = BetasSource(open_betas_folder(folder))
    path = folder / "betas.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(bs.CorruptImageError, match=r"betas\.npy is truncated"):
        bs.stream(source, bs.Mean())


def _betas(tmp_path: Path) -> Path:
    data = 100 + np.random.default_rng(1).normal(size=(4, 3, 3, 40)).astype("f4")
    image = nib.Nifti1Image(data, np.eye(4))
    events = tmp_path / "events.tsv"
    rows = [f"{t}\t1\t{'ab'[i % 2]}" for i, t in enumerate(range(4, 70, 9))]
    events.write_text("\n".join(["onset\tduration\ttrial_type", *rows]))
    mask = nib.Nifti1Image((data[..., 0] > 100).astype("u1"), np.eye(4))
    bs.trial_betas(image, events, t_r=2, mask=mask, output=tmp_path / "betas")
    return tmp_path / "betas"
