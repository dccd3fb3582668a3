"""What a searchlight says it takes, beside what numpy was seen to take."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from boldstream.core.errors import MemoryBudgetError
from boldstream.core.grid import Grid
from boldstream.core.limits import process_memory
from boldstream.geometry import RDM, rdm_searchlight
from boldstream.geometry.design import Design, make_design
from boldstream.geometry.searchlight import spheres as spheres_module
from boldstream.geometry.searchlight.distances import Distances
from boldstream.geometry.searchlight.reading import (
    Squares,
    bytes_of_array,
    bytes_of_patterns,
    read_moments,
    voxel_patterns,
)
from boldstream.geometry.searchlight.search import _Search
from boldstream.geometry.searchlight.spheres import Spheres
from boldstream.geometry.similarity import make_similarity
from boldstream.io.masks import Mask
from boldstream.io.source import Block, Scaling, Series
from tests.taking import most_taken

MIB = 1 << 20
# Buffers in which numpy casts, a byte for each voxel, and Python's own objects.
SLACK = 320 << 10
SHAPE = (24, 24, 24)
N_VOXELS = 24**3


def design_of(metric: str, n: int, n_folds: int, n_repeats: int = 2) -> Design:
    conditions = np.tile(np.arange(n), n_repeats * n_folds)
    folds = np.repeat(np.arange(n_folds), n_repeats * n)
    return make_design(metric, conditions, folds, len(folds), noise_in_folds=True)


def whole(radius: float, centres: NDArray[np.bool_]) -> Spheres:
    mask = Mask("mask", Grid(SHAPE, np.eye(4)), np.ones(SHAPE, bool))
    return Spheres(mask, np.ones(N_VOXELS, bool), centres, radius)


def inner() -> NDArray[np.bool_]:
    """Centres whose spheres of six voxels' radius are whole."""
    centres = np.zeros(SHAPE, bool)
    centres[6:-6, 6:-6, 6:-6] = True
    return centres


@pytest.mark.parametrize(
    ("metric", "n", "n_folds", "n_repeats", "n_voxels", "with_squares"),
    [
        ("crossnobis", 4, 3, 2, 60_000, False),
        ("crossnobis", 3, 2, 2, 60_000, True),
        # Means of cells are pooled.
        ("euclidean", 8, 2, 3, 60_000, True),
        ("correlation", 6, 6, 2, 60_000, False),
        # A single fold: there is nothing to pool.
        ("euclidean", 8, 1, 3, 60_000, False),
        # A tile of samples is what takes the most.
        ("crossnobis", 3, 2, 100, 4000, True),
        ("crossnobis", 3, 2, 200, 1500, True),
    ],
)
def test_arrays_take_what_is_told(
    metric: str, n: int, n_folds: int, n_repeats: int, n_voxels: int, with_squares: bool
) -> None:
    design = design_of(metric, n, n_folds, n_repeats)
    values = np.random.default_rng(0).random((len(design.cell), n_voxels), np.float32)

    def read() -> Any:
        return read_moments(
            values,
            Mask("mask", Grid((n_voxels, 1, 1), np.eye(4)), np.ones((n_voxels, 1, 1), bool)),
            design,
            with_squares=with_squares,
            n_jobs=1,
            memory_limit=None,
            report=lambda done, total: None,
        )

    told = bytes_of_array(design, n_voxels, with_squares=with_squares)
    most = most_taken(lambda: voxel_patterns(read(), design, "raise"))
    assert 0.97 * told <= most <= told + SLACK
    moments = read()
    told = bytes_of_patterns(design, n_voxels)
    most = most_taken(lambda: voxel_patterns(moments, design, "raise"))
    assert 0.97 * told <= most <= told + SLACK


def test_means_of_a_single_fold_are_not_copied() -> None:
    means = np.ones((3, 5))
    assert design_of("euclidean", 3, 1).patterns(means) is means
    assert design_of("crossnobis", 3, 2).patterns(means) is means


def test_means_that_do_not_fit_are_not_made() -> None:
    inside = nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4))
    values = np.zeros((12, N_VOXELS), np.float32)
    model = RDM(np.arange(3.0), ("a", "b", "c"), "model")
    with pytest.raises(MemoryBudgetError, match="mean patterns of 6 conditions x folds and 13824"):
        rdm_searchlight(
            values,
            inside,
            list("abc") * 4,
            models=model,
            folds=np.repeat([1, 2], 6),
            memory_limit="1MB",
        )


@pytest.mark.parametrize("dtype", ["u1", "f4", "f8"])
@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_squares_take_what_they_tell(dtype: str, slope: float) -> None:
    n = 100_000
    grid = Grid((n, 1, 1), np.eye(4))
    series = Series("bold", grid, 3, np.dtype(dtype), None, (3,))
    bound = Squares(Mask("mask", grid, np.ones(grid.shape, bool))).bind(series)
    values = np.random.default_rng(0).integers(0, 9, (3, n)).astype(dtype)
    block = Block(values, 0, Scaling(slope), 0)
    state = bound.accumulator.init(range(3))
    cost = bound.accumulator.cost()
    assert cost.state == state.nbytes
    most = most_taken(lambda: bound.accumulator.update(state, block))
    assert 0.98 * cost.scratch <= most <= cost.scratch + SLACK
    # Of two updates, the first of which loaded packages.
    np.testing.assert_allclose(bound.finalize(state), 2 * ((slope * values) ** 2.0).sum(axis=0))


@pytest.mark.parametrize(
    ("radius", "n_members", "room"), [(4.0, 257, 2 * MIB), (5.0, 515, 4 * MIB)]
)
def test_members_of_a_block_take_its_room(radius: float, n_members: int, room: int) -> None:
    spheres = whole(radius, inner())
    block = next(spheres.blocks(room, 1))
    assert len(block.starts) - 1 == room // (8 * n_members)
    # Voxels of the mask: which are held, their places, and rows of those.
    of_voxels = (1 + 4 + 8) * N_VOXELS
    most = most_taken(lambda: next(spheres.blocks(room, 1))) - of_voxels
    assert 0.99 * room <= most <= 1.03 * room


def test_blocks_are_no_larger_than_they_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    spheres = whole(1.0, np.ones(SHAPE, bool))
    assert [len(x.starts) - 1 for x in spheres.blocks(64 * MIB, 1)] == [4096, 4096, 4096, 1536]
    monkeypatch.setattr(spheres_module, "_BLOCK_BYTES", 8 * 7 * 50)
    blocks = list(spheres.blocks(64 * MIB, 1))
    assert {len(block.starts) - 1 for block in blocks[:-1]} == {50}


def test_blocks_grow_again_where_spheres_hold_few_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    """After spheres that hold many there are some without any."""
    mask = Mask("mask", Grid(SHAPE, np.eye(4)), np.ones(SHAPE, bool))
    usable = np.zeros(SHAPE, bool)
    usable[:6] = True
    spheres = Spheres(mask, usable.ravel(), mask.array, 1.0)
    monkeypatch.setattr(spheres_module, "_MOST", 512)
    room = 1000
    blocks = list(spheres.blocks(room * 57, 57))
    sizes = [len(block.starts) - 1 for block in blocks]
    assert sizes[0] == 256
    assert [block.start for block in blocks] == np.cumsum([0, *sizes[:-1]]).tolist()
    assert sum(sizes) == N_VOXELS
    assert max(len(block.rows) for block in blocks) <= room
    assert set(sizes[-6:-1]) == {512} == {max(sizes)}


def test_a_block_may_fill_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    spheres = whole(1.0, inner())
    monkeypatch.setattr(spheres_module, "_MOST", 4)
    # Four in a line: each has four neighbours of its own, and the line two ends.
    held = 4 * 4 + 4 + 2
    for room, most in ((held * 100, 4), (held * 100 - 1, 2)):
        assert len(next(spheres.blocks(room, 100)).starts) - 1 == most
        monkeypatch.setattr(spheres_module, "_BLOCK_BYTES", room)
        assert len(next(spheres.blocks(64 * MIB, 100)).starts) - 1 == most
        monkeypatch.undo()
        monkeypatch.setattr(spheres_module, "_MOST", 4)
    monkeypatch.setattr(spheres_module, "_BLOCK_BYTES", 1)
    assert len(next(spheres.blocks(7 * 100, 100)).starts) - 1 == 1
    with pytest.raises(MemoryBudgetError, match="a single sphere of 7 voxels"):
        next(spheres.blocks(7 * 100 - 1, 100))


@pytest.mark.parametrize(
    ("metric", "n", "n_folds"),
    [("crossnobis", 3, 2), ("crossnobis", 8, 4), ("euclidean", 5, 1), ("correlation", 5, 1)],
)
def test_voxels_of_a_block_take_what_is_told(metric: Any, n: int, n_folds: int) -> None:
    design = design_of(metric, n, n_folds)
    distances = Distances(metric, n, n_folds)
    model = RDM(np.arange(n * (n - 1) / 2), design.conditions, "model")
    similarity = make_similarity({"model": model}, design.conditions, "pearson", {})
    patterns = np.random.default_rng(0).random((N_VOXELS, design.n_patterns), np.float32)
    one = np.zeros(SHAPE, bool)
    one[12, 12, 12] = True
    spheres = whole(13.0, one)
    (block,) = spheres.blocks(64 * MIB, 1)
    room = 64 * MIB
    most = most_taken(lambda: list(_Search(patterns, spheres, distances, similarity, room)._work()))
    told = _Search(patterns, spheres, distances, similarity, room).voxel_bytes
    assert told - 4.5 <= most / len(block.rows) <= told


def searched(values: NDArray[Any], n: int, **options: Any) -> Any:
    """Spheres of 123 voxels around some of a whole grid."""
    conditions, folds = np.tile(np.arange(n), 2), np.repeat([1, 2], n)
    names = tuple(str(i) for i in range(n))
    model = RDM(np.arange(n * (n - 1) / 2), names, "model")
    centres = np.zeros(SHAPE, bool)
    centres[1::3, 1::3, 1::3] = True
    return rdm_searchlight(
        values,
        nib.Nifti1Image(np.ones(SHAPE, "u1"), np.eye(4)),
        conditions,
        models=model,
        radius=3.0,
        folds=folds,
        method="pearson",
        process_mask=centres,
        **options,
    )


def test_means_of_cells_are_let_go_before_spheres_are_searched() -> None:
    n = 20
    values = np.random.default_rng(0).random((2 * n, N_VOXELS), np.float32)
    held: list[int] = []

    def look(done: int, total: int) -> None:
        held.append(tracemalloc.get_traced_memory()[0])

    searched(values, n)  # loads packages
    tracemalloc.start()
    try:
        searched(values, n, progress=look)
    finally:
        tracemalloc.stop()
    patterns = 4 * 2 * n * N_VOXELS
    # Beside them the grid: masks, and rows of its voxels.
    assert patterns <= held[0] <= patterns + 16 * N_VOXELS + SLACK


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_keeps_to_what_it_may_take(n_jobs: int) -> None:
    """Voxels and members have 0.3 of it each; shares of all voxels at once would take more."""
    n, limit = 28, 40 * MIB
    values = np.random.default_rng(0).random((2 * n, N_VOXELS), np.float32)
    assert 8 * N_VOXELS * n * (n - 1) // 2 > 39 * MIB
    searched(values, n)
    gc.collect()  # what is let go later would add to what may be taken
    tracemalloc.start()
    try:
        allowed = process_memory().rss_bytes + limit
        searched(values, n, n_jobs=n_jobs, memory_limit=allowed)
        assert tracemalloc.get_traced_memory()[1] <= 0.6 * limit
    finally:
        tracemalloc.stop()
