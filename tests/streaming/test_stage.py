"""Volumes on a stage: the same ones together, whatever the blocks they came in."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming import stage
from boldstream.streaming.nonfinite import NonFiniteRule
from boldstream.streaming.stage import Stage, Staging

SHAPE, N = (3, 4, 2), 150
ROWS = np.array([0, 1, 5, 9, 20, 23])
SCALINGS = {"i2": Scaling(0.5, 3.0), "f4": Scaling(), "f8": Scaling(2.0, -1.0)}


def staging_of(dtype: str, kept: Any = None, policy: Any = "propagate", n: int = N) -> Staging:
    series = Series("bold", Grid(SHAPE, np.eye(4)), n, np.dtype(dtype), None, (n,))
    return Staging(series, ROWS, NonFiniteRule(policy, series, ROWS), kept)


def stored(dtype: str, n: int = N) -> NDArray[Any]:
    return np.random.default_rng(0).normal(100, 20, (n, 24)).astype(dtype)


def blocks(
    values: NDArray[Any], size: int, scaling: Scaling, volumes: range = range(N)
) -> list[Block]:
    """Blocks whose memory is used again, as that of a source is."""
    found = []
    for start in range(volumes.start, volumes.stop, size):
        stop = min(start + size, volumes.stop)
        found.append(Block(values[start:stop].copy(), start, scaling, 0))
    return found


def played(staging: Staging, given: list[Block], volumes: range = range(N)) -> list[Any]:
    """Start and real values of all that is given out, whose voxels come in pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "TILE", 2)
        return _played(staging, given, volumes)


def _played(staging: Staging, given: list[Block], volumes: range) -> list[Any]:
    on_stage, found = staging.open(volumes), list[Any]()
    for block in given:
        for staged, tile in on_stage.take(block):
            assert staged.stored.nbytes <= staging.bytes()
            n = len(staged.stored)
            assert staged.stop - staged.start == n
            if tile.start == 0:
                found.append((staged.start, np.empty((n, 0))))
            # Before the volumes that follow, and in order.
            start, before = found[-1]
            assert (start, before.shape[1]) == (staged.start, tile.start)
            values = staged.real_into(np.empty((n, tile.stop - tile.start)), tile)
            found[-1] = start, np.hstack([before, values])
        block.data[:] = 7
    assert all(values.shape[1] == len(ROWS) for _, values in found)
    return found


@given(
    st.sampled_from(list(SCALINGS)),
    st.integers(1, N),
    st.none() | st.sets(st.integers(0, N - 1), min_size=1),
    st.integers(1, N - 1),
)
def test_blocks_change_nothing(dtype: str, size: int, kept: set[int] | None, cut: int) -> None:
    values, scaling = stored(dtype), SCALINGS[dtype]
    chosen = None if kept is None else np.array(sorted(kept))
    staging = staging_of(dtype, chosen)
    wanted = values[:, ROWS].astype("f8") * scaling.slope + scaling.inter
    wanted = wanted if chosen is None else wanted[chosen]
    found = played(staging, blocks(values, size, scaling))
    whole = played(staging, blocks(values, N, scaling))
    assert [start for start, _ in found] == [start for start, _ in whole]
    for (_, one), (_, other) in zip(found, whole, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(np.concatenate([part for _, part in found]), wanted, rtol=1e-12)
    ends = [start + len(part) for start, part in found]
    assert [0, *ends][:-1] == [start for start, _ in found]
    # Two pieces, each on a stage of its own, take all volumes once.
    halves = [
        part
        for volumes in (range(cut), range(cut, N))
        for part in played(staging, blocks(values, size, scaling, volumes), volumes)
    ]
    np.testing.assert_allclose(np.concatenate([part for _, part in halves]), wanted, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 7, 64, N])
def test_files_of_several_types(size: int) -> None:
    """Each comes as it is stored; what is scaled and may hold NaN, as real values."""
    staging = staging_of("f4")
    pieces = [
        ("i2", range(40)),
        ("f4", range(40, 90)),
        ("f8", range(90, 100)),
        ("i2", range(100, N)),
    ]
    given = [
        block
        for dtype, volumes in pieces
        for block in blocks(stored(dtype), size, SCALINGS[dtype], volumes)
    ]
    wanted = np.concatenate(
        [
            stored(dtype)[volumes.start : volumes.stop, ROWS].astype("f8") * SCALINGS[dtype].slope
            + SCALINGS[dtype].inter
            for dtype, volumes in pieces
        ]
    )
    found = played(staging, given)
    np.testing.assert_allclose(np.concatenate([part for _, part in found]), wanted, rtol=1e-12)
    assert {0, 40, 90, 100} <= {start for start, _ in found}


@pytest.mark.parametrize("policy", ["zero", "nilearn"])
@pytest.mark.parametrize("scaling", [Scaling(), Scaling(2.0, 5.0)])
def test_zeros_are_real_zeros(policy: str, scaling: Scaling) -> None:
    values = stored("f4")
    values[3, ROWS[2]], values[4, ROWS[0]] = np.nan, np.inf
    values[5, 2] = np.nan  # not taken
    ((_, first), *_) = played(staging_of("f4", policy=policy), blocks(values, 10, scaling))
    assert first[3, 2] == first[4, 0] == 0
    assert np.isfinite(first).all()


def test_the_volume_that_is_not_finite_is_named() -> None:
    """Not one beside it in the block, which is left out."""
    values = stored("f4")
    values[[2, 6], 9] = np.nan
    staging = staging_of("f4", np.array([0, 1, 6, 7]), "raise")
    with pytest.raises(bs.NonFiniteError, match=r"got nan in volume 6 at voxel \(0, 3, 0\)"):
        played(staging, blocks(values, 10, Scaling()))


def test_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many volumes as fit, within limits; a short run takes no more than it needs."""
    volume = len(ROWS) * 4
    for room, depth in ((10**9, N // 5), (40 * volume, 20), (2 * volume, 8)):
        monkeypatch.setattr(stage, "_STAGE_BYTES", room)
        staging = staging_of("f4")
        assert (staging.depth, staging.bytes()) == (depth, min(2 * depth, N) * volume)
        lengths = [len(part) for _, part in played(staging, blocks(stored("f4"), 11, Scaling()))]
        assert lengths == [depth] * (N // depth) + [N % depth] * bool(N % depth)
        # Of twice the bytes half as many, on both shelves together too.
        real = played(staging, blocks(stored("f4"), 11, Scaling(2.0)))
        lengths = [len(part) for _, part in real]
        assert set(lengths[:-1]) == {min(2 * depth, N) // 4}
        assert 2 * max(lengths) * 2 * volume <= staging.bytes()
    short = Stage(staging, range(3))
    assert short._filling.stored.shape == (3, len(ROWS))


def test_work_is_spread_over_the_volumes_that_are_gathered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread that decodes is never kept waiting for all voxels of a stage."""
    monkeypatch.setattr(stage, "TILE", 1)
    monkeypatch.setattr(stage, "_DEPTH", 10)
    on_stage = staging_of("f4").open(range(N))
    pieces = [len(list(on_stage.take(block))) for block in blocks(stored("f4"), 1, SCALINGS["f4"])]
    share = -(-len(ROWS) // 10)
    assert set(pieces[:10]) == {0}
    assert max(pieces[10:-1]) <= share
    assert sum(pieces) == len(ROWS) * -(-N // 10)


def test_volumes_that_are_taken() -> None:
    staging = staging_of("f4", np.array([2, 3, 90, 149]))
    wanted = {(0, 150): (0, 4), (0, 2): (0, 0), (3, 91): (1, 3), (149, 150): (3, 4)}
    for volumes, taken in wanted.items():
        assert staging.taken(range(*volumes)) == range(*taken)
    assert staging_of("f4").taken(range(3, 9)) == range(3, 9)
    ranges = [range(a, b) for a, b in itertools.pairwise([0, 10, 20, 100, N])]
    assert [len(staging.taken(volumes)) for volumes in ranges] == [2, 0, 1, 1]
    assert played(staging, blocks(stored("f4"), 5, Scaling(), range(10, 20)), range(10, 20)) == []
