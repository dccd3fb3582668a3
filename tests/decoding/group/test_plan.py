"""What group maps say they take, beside what numpy was seen to take, and how memory is divided."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from boldstream.core.budget import Budget, format_bytes
from boldstream.core.errors import MemoryBudgetError
from boldstream.decoding.group import maps, running
from boldstream.decoding.group.flips import Flips, make_flips
from boldstream.decoding.group.plan import (
    GroupPlan,
    ending_bytes,
    fixed_bytes,
    plan_group,
    tile_bytes,
)
from boldstream.decoding.group.reading import find_source
from boldstream.decoding.group.running import MapTest, run_group
from boldstream.decoding.group.scores import _step
from boldstream.decoding.group.statistics import flipped_statistics
from boldstream.decoding.inference import tfce
from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.clusters import Forming
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.inference.stores import FileMaps
from boldstream.kernels.inference import tfce as tfce_kernels
from tests.taking import cast_buffers, most_taken

MIB = 1 << 20
# Buffers in which numpy casts, and Python's own objects.
SLACK = (32 << 10) + cast_buffers()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def nothing_told(done: int, total: int) -> None:
    """No progress."""


@pytest.mark.parametrize(
    ("n_subjects", "permutations", "width", "step", "least"),
    [
        # Most is taken while values are read, while they are flipped, and while flips are tallied.
        (400, 8, 1000, 9, 0.98),
        (12, 4000, 200, 2500, 0.97),
        (11, 2048, 300, 1400, 0.98),
        (30, 4000, 150, 400, 0.98),
        # Signs are gone when t is made of means.
        (300, 2000, 40, 1200, 0.7),
    ],
)
def test_a_tile_takes_what_is_told(
    n_subjects: int,
    permutations: int,
    width: int,
    step: int,
    least: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flips = make_flips(n_subjects, permutations)
    rows = np.random.default_rng(0).normal(size=(n_subjects, 2 * width)).astype("f4")
    monkeypatch.setattr(running, "plan_group", lambda *_, **__: GroupPlan(width, step, 1 << 40, 0))
    test = MapTest(flips, 0.5, "t", None, OfMaps())
    source = find_source(rows, None)
    most = most_taken(
        lambda: run_group(source, test, n_jobs=1, memory_limit=None, report=nothing_told)
    )
    # Mean, t, score and count of each voxel; the largest of each pattern; the tiles themselves.
    beside = 2 * width * 32 + 8 * flips.n_patterns + rows.nbytes
    told = tile_bytes(flips, width, step) + beside
    assert least * told <= most <= told + SLACK


@pytest.mark.parametrize(
    ("n_subjects", "permutations"), [(70, 4000), (129, 3000), (15, 2**15), (63, 5000)]
)
def test_signs_take_nine_bytes(n_subjects: int, permutations: int) -> None:
    flips = make_flips(n_subjects, permutations)
    told = tile_bytes(flips, 0, flips.n_patterns)
    assert told == 9 * n_subjects * flips.n_patterns
    most = most_taken(lambda: flips.signs(0, flips.n_patterns))
    assert 0.99 * told <= most <= told + SLACK


V = 20_000


def run_of(*, asked: OfMaps, room: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Most that a group of two took from the moment on at which a plan was made."""
    held = [0]

    def planned(*_: Any, **__: Any) -> GroupPlan:
        tracemalloc.reset_peak()
        held[0] = tracemalloc.get_traced_memory()[0]
        return GroupPlan(200, 4, room, room)

    monkeypatch.setattr(running, "plan_group", planned)
    rows = np.random.default_rng(0).normal(size=(2, V)).astype("f4")
    # Of two flips all scores are above 0: nothing takes more than such a map.
    rows[0] += 6
    near = adjacency_of(np.ones((V, 1, 1), bool))
    options: Any = {"tfce": asked.tfce, "forming_threshold": asked.forming_threshold}
    most = most_taken(lambda: maps.group_maps(rows, permutations=4, adjacency=near, **options))
    return most - held[0]


@pytest.mark.parametrize(
    ("asked", "least"),
    [(OfMaps(), 0.95), (OfMaps(tfce=True, forming_threshold=1.0), 0.96)],
)
def test_the_end_takes_what_is_told(
    asked: OfMaps, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What compiled code takes is not seen: it runs as Python."""
    join: Any = tfce_kernels._join
    monkeypatch.setattr(tfce_kernels, "_join", join.py_func)
    most = run_of(asked=asked, room=1 << 40, monkeypatch=monkeypatch)
    # In memory: two subjects, and with TFCE the maps of three flips.
    kept = 4 * V * (2 + 3 * asked.needed)
    told = ending_bytes(V, keeps_maps=asked.needed, n_jobs=1) + kept
    assert least * told <= most <= told + SLACK


def test_a_whole_map_takes_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What compiled code takes is not seen: it runs as Python."""
    join: Any = tfce_kernels._join
    monkeypatch.setattr(tfce_kernels, "_join", join.py_func)
    voxels = 4000
    near = adjacency_of(np.ones((voxels, 1, 1), bool))
    enhancement = tfce.Enhancement(near, 0.0)
    values = np.random.default_rng(0).uniform(1, 2, (1, voxels)).astype("f4")
    many = [ending_bytes(voxels, keeps_maps=True, n_jobs=n) for n in (10, 11)]
    told = many[1] - many[0]
    most = most_taken(lambda: enhancement(np.array(values[0])))
    assert 0.97 * told <= most <= told + (16 << 10)
    forming = Forming(near, 1.5)
    assert most_taken(lambda: forming.largest(np.array(values[0]))) <= told


def test_what_all_threads_share_while_maps_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven results, the map itself and the places with a score; powers of extents."""
    told = ending_bytes(V, keeps_maps=True, n_jobs=9) - 9 * (
        ending_bytes(V, keeps_maps=True, n_jobs=10) - ending_bytes(V, keeps_maps=True, n_jobs=9)
    )
    held: list[int] = []
    real = tfce_kernels.enhance

    def watched(*given: Any) -> Any:
        held.append(tracemalloc.get_traced_memory()[0])
        return real(*given)

    monkeypatch.setattr(tfce, "enhance", watched)
    asked = OfMaps(tfce=True)
    monkeypatch.setattr(running, "plan_group", lambda *_, **__: GroupPlan(V, 4, 1 << 40, 1 << 40))
    rows = np.random.default_rng(0).normal(size=(2, V)).astype("f4")
    near = adjacency_of(np.ones((V, 1, 1), bool))
    test = MapTest(make_flips(2, 4), 0.0, "t", near, asked)
    source = find_source(rows, None)
    most_taken(lambda: run_group(source, test, n_jobs=1, memory_limit=None, report=nothing_told))
    # Three flips; of each map as it was read and what of it lies above chance, both by thread.
    of_one = 4 * V * (2 + 3) + 8 * V
    assert 0.88 * told <= held[-2] - of_one <= told + SLACK


@pytest.mark.parametrize("dtype", ["i2", "f8"])
def test_reading_an_image_takes_what_is_told(tmp_path: Path, dtype: str) -> None:
    """What is mapped of a file is not seen: its own bytes are added."""
    shape, n_grid = (50, 40, 40), 80_000
    path = tmp_path / "map.nii"
    image = nib.Nifti1Image(
        np.random.default_rng(0).integers(0, 99, shape).astype(dtype), np.eye(4)
    )
    nib.save(image, path)
    stored = bytearray(path.read_bytes())
    stored[112:120] = np.array([0.5, 1.0], "<f4").tobytes()
    path.write_bytes(stored)
    inside = np.zeros(shape, "u1")
    inside[:2] = 1
    n_voxels = int(inside.sum())
    source = find_source([path, path], nib.Nifti1Image(inside, np.eye(4)))
    flips = make_flips(2, 4)
    told = fixed_bytes(n_voxels, n_grid, flips, keeps_maps=False, n_jobs=1)
    told -= fixed_bytes(n_voxels, 0, flips, keeps_maps=False, n_jobs=1)
    most = most_taken(lambda: sum(row[0] for row in source.rows())) + path.stat().st_size
    assert most <= told + ending_bytes(n_voxels, keeps_maps=False, n_jobs=1) + SLACK
    if dtype == "f8":
        assert most >= 0.9 * told


@pytest.mark.parametrize(
    ("n_rows", "n_columns"), [(30, 4000), (5, 20_000), (100, 100_000), (24, 250_000)]
)
def test_maps_that_wait_take_what_is_told(n_rows: int, n_columns: int, tmp_path: Path) -> None:
    store = FileMaps(tmp_path / "maps.npy", (n_rows, n_columns))

    def work() -> None:
        for start in range(0, n_columns, 500):
            store.put(start, np.zeros((n_rows, 500), np.float32))
        store.flush()

    flips = Flips(2, n_rows, 0)
    told = fixed_bytes(n_columns, 0, flips, keeps_maps=True, n_jobs=1)
    told -= ending_bytes(n_columns, keeps_maps=True, n_jobs=1)
    of_subjects = fixed_bytes(n_columns, 0, Flips(n_rows, 3, 0), keeps_maps=True, n_jobs=1)
    assert of_subjects - ending_bytes(n_columns, keeps_maps=True, n_jobs=1) == told
    most = most_taken(work)
    store.close()
    # It is the part that makes them too many which has them written.
    assert 0.98 * told <= most <= told + SLACK + 8 * 500 * n_rows
    # Without TFCE the maps of flips are not kept.
    none = fixed_bytes(n_columns, 0, flips, keeps_maps=False, n_jobs=1)
    assert none - ending_bytes(n_columns, keeps_maps=False, n_jobs=1) == min(told, 16 * n_columns)


KINDS = [
    # Subjects, permutations, voxels, whether maps are kept, threads.
    (20, 5000, 100_000, False, 1),
    (20, 5000, 100_000, True, 4),
    (900, 20, 30_000, True, 1),
    (8, 5000, 50, True, 2),
    (3, 10_000_000, 5, False, 1),
    (500, 30_000, 1, False, 3),
    (2, 4, 200_000, False, 2),
]


@pytest.mark.parametrize(("n", "permutations", "voxels", "keeps_maps", "n_jobs"), KINDS)
def test_all_of_a_plan_fits_and_no_tile_could_be_wider(
    n: int, permutations: int, voxels: int, keeps_maps: bool, n_jobs: int
) -> None:
    flips = make_flips(n, permutations)
    fixed = fixed_bytes(voxels, 3 * voxels, flips, keeps_maps=keeps_maps, n_jobs=n_jobs)
    least = n_jobs * tile_bytes(flips, 1, 1)
    options: Any = {"keeps_maps": keeps_maps, "n_jobs": n_jobs}
    for left in (least, least + 7, 2 * least - 1, 3 * least, 10 * least, 99 * least, 1 << 42):
        budget = Budget(fixed + left + 5, 5, "test")
        plan = plan_group(voxels, 3 * voxels, flips, budget, **options)
        each = tile_bytes(flips, plan.width, plan.step)
        assert 1 <= plan.step <= flips.n_patterns
        assert 1 <= plan.width <= voxels
        assert n_jobs * each + plan.tiles_bytes + plan.maps_bytes <= left
        # A half is for tiles: 64 MiB of each thread at the most.
        room = max(min(left // 2 // n_jobs, 64 * MIB), least // n_jobs)
        assert each <= room
        if plan.width < min(voxels, 2048):
            assert tile_bytes(flips, plan.width + 1, plan.step) > room
        # A quarter of it for signs and what they make.
        a_pattern = 9 * n + 25
        if plan.step < flips.n_patterns:
            spare = room - least // n_jobs
            assert (plan.step - 1) * a_pattern <= spare / 4 < plan.step * a_pattern
        rest = left - max(left // 2, least)
        assert plan.tiles_bytes == pytest.approx(rest / 4, abs=n_jobs + 1)
        assert plan.maps_bytes == pytest.approx(rest / 2, abs=n_jobs + 1)
    with pytest.raises(MemoryBudgetError) as caught:
        plan_group(voxels, 3 * voxels, flips, Budget(fixed + least + 4, 5, "test"), **options)
    assert f" {n} subjects, {voxels} voxels and {flips.n_patterns} " in str(caught.value)
    assert f"need {format_bytes(fixed + least)} at the least" in str(caught.value)


@pytest.mark.parametrize(("subjects", "regions"), [(3000, 2), (16, 4000)])
def test_scores_of_regions_are_flipped_in_32_mib(subjects: int, regions: int) -> None:
    flips = make_flips(subjects, 2000 if regions == 2 else 700)
    step = _step(flips, regions)
    values = np.random.default_rng(0).normal(size=(regions, subjects))
    most = most_taken(lambda: flipped_statistics(values, subjects, flips, "t", step=step))
    most -= 8 * regions * flips.n_patterns
    assert 0.9 * 32 * MIB <= most <= 32 * MIB + SLACK


def test_scores_of_more_subjects_than_fit_are_flipped_by_one_pattern_at_a_time() -> None:
    assert _step(Flips(10_000_000, 8, 0), 1) == 1


def test_the_voxels_of_a_source_are_those_of_its_mask() -> None:
    rows = np.zeros((2, 5), np.float32)
    inside = np.zeros((2, 3, 4), bool)
    inside[0, :, 0] = inside[1, :2, 3] = True
    alone, placed = find_source(rows, None), find_source(rows, inside)
    assert (alone.n_voxels, alone.n_grid) == (5, 5)
    assert (placed.n_voxels, placed.n_grid) == (5, 24)


def test_maps_without_a_voxel_can_be_planned() -> None:
    budget = Budget(MIB, 0, "test")
    assert plan_group(0, 0, make_flips(3, 8), budget, keeps_maps=False, n_jobs=1).width == 1
