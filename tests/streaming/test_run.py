"""The pass: what is prepared once, files that are read side by side, and how it all ends."""

from __future__ import annotations

import dataclasses
import itertools
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

import boldstream as bs
from boldstream.core.jobs import resolve_n_jobs
from boldstream.core.limits import ProcessMemory
from boldstream.io.opening import open_image
from boldstream.io.parts import JoinedSource
from boldstream.io.source import Block, Scaling, Series
from boldstream.streaming import once
from boldstream.streaming.cost import Cost
from boldstream.streaming.once import plan_once, stream_once
from boldstream.streaming.preparations import Prepared
from boldstream.streaming.reduction import Accumulator, Bound
from boldstream.streaming.reductions.volumes import KeptVolumes
from boldstream.streaming.run import run_pass
from tests.streaming.mix import AFFINE, SHAPE, N, assert_same, reductions
from tests.streaming.ready import ByLargest, Notes, Scaled, as_float32

MIB = 1 << 20


@pytest.fixture(scope="module")
def data() -> NDArray[Any]:
    return np.random.default_rng(1).normal(1000, 10, (*SHAPE, N)).astype("f4")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def saved(data: NDArray[Any], lengths: Sequence[int], folder: Path) -> list[Path]:
    """Runs of these lengths, each in a file."""
    paths = []
    for i, (a, b) in enumerate(itertools.pairwise([0, *itertools.accumulate(lengths)])):
        paths.append(folder / f"run-{i}.nii.gz")
        nib.save(nib.Nifti1Image(data[..., a:b], AFFINE), paths[-1])
    return paths


def ignore(done: int, total: int) -> None:
    """Report nothing."""


def test_equal_preparations_prepare_each_block_once(data: NDArray[Any]) -> None:
    mask, notes = data[..., 0] > 1000, Notes()
    image = nib.Nifti1Image(data, AFFINE)
    wanted = [
        Scaled(bs.Voxels(mask), 2.0, notes),
        bs.Mean(),
        Scaled(bs.Mean(), 2.0, notes),
        Scaled(bs.Mean(), 3.0, notes),
        Scaled(bs.Std(), 2.0, notes),
    ]
    source = open_image(image)
    bounds = [reduction.bind(source.series) for reduction in wanted]
    voxels, mean, double, triple, spread = run_pass(source, bounds, 5, ignore)
    assert notes.workers == 2
    assert notes.prepared == 2 * -(-N // 5)
    np.testing.assert_array_equal(voxels, 2 * data[mask].T)
    exact = data.astype("f8")
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(double, 2 * exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(triple, 3 * exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(spread, 2 * exact.std(-1), rtol=1e-5)


def test_files_are_read_by_one_thread_unless_more_are_asked_for(
    data: NDArray[Any], tmp_path: Path
) -> None:
    source, notes = open_image(saved(data, [10, 14], tmp_path)), Notes()
    bound = Scaled(bs.Mean(), 2.0, notes).bind(source.series)
    run_pass(source, [bound], 5, ignore)
    assert notes.workers == 1
    run_pass(source, [bound], 5, ignore, jobs=2)
    assert notes.workers == 1 + 2
    stream_once(saved(data, [10, 14], tmp_path), [Scaled(bs.Mean(), 2.0, notes)])
    assert notes.workers == 1 + 2 + 1


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_what_is_not_settled_is_done_again(data: NDArray[Any], n_jobs: int, tmp_path: Path) -> None:
    source = open_image(saved(data, [8, 10, 6], tmp_path))
    ready = ByLargest(as_float32(source.series))
    mean = dataclasses.replace(bs.Mean().bind(ready.series), preparation=ready)
    raw = bs.Mean().bind(source.series)
    reports: list[int] = []
    results = run_pass(
        source, [mean, raw], 4, lambda done, total: reports.append(done), jobs=n_jobs
    )
    assert ready.passes == 2
    assert reports.count(0) == reports.count(N) == 2
    exact = data.astype("f8").mean(-1)
    np.testing.assert_allclose(results[0], exact / data.max(), rtol=1e-6)
    np.testing.assert_allclose(results[1], exact, rtol=1e-6)


def test_what_never_settles_is_a_fault_of_the_program(data: NDArray[Any]) -> None:
    source = open_image(nib.Nifti1Image(data, AFFINE))
    ready = ByLargest(as_float32(source.series), stubborn=True)
    bound = dataclasses.replace(bs.Mean().bind(ready.series), preparation=ready)
    with pytest.raises(RuntimeError, match="not settled after 3 passes"):
        run_pass(source, [bound], 4, ignore)
    assert ready.passes == 3


@settings(max_examples=15)
@given(cuts=st.sets(st.integers(1, N - 1), max_size=6), block_volumes=st.integers(1, N))
def test_side_by_side_is_the_same(data: NDArray[Any], cuts: set[int], block_volumes: int) -> None:
    lengths = [b - a for a, b in itertools.pairwise([0, *sorted(cuts), N])]
    wanted = [*reductions(), bs.Volumes([20, 3, 20]), Scaled(bs.Mean(), 2.0)]
    with tempfile.TemporaryDirectory() as folder:
        source = open_image(saved(data, lengths, Path(folder)))
        one, *others = (
            run_pass(
                source,
                [reduction.bind(source.series) for reduction in wanted],
                block_volumes,
                ignore,
                jobs=jobs,
            )
            for jobs in (1, 2, 3, 99)
        )
    for other in others:
        assert_same(one, other)
        # What is made of each volume alone is the same to the last bit.
        for i in (0, 1, 2, 3, 4, 8, 10):
            np.testing.assert_array_equal(np.asarray(one[i]), np.asarray(other[i]))
    np.testing.assert_array_equal(one[10], data[..., [20, 3, 20]])


def test_real_runs_smoothed_side_by_side_are_the_same(shared_data: Path) -> None:
    path = shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_bold.nii.gz"
    brain = np.zeros(open_image(path).series.grid.shape, bool)
    brain[::4, ::4, ::4] = True
    wanted = [Prepared(bs.Voxels(brain), smoothing_fwhm=6.0), bs.TSNR()]
    one, two = (stream_once([path, path], wanted, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_allclose(one[1], two[1], rtol=2e-6)


def test_rows_of_threads_are_views_of_one_array(data: NDArray[Any]) -> None:
    series = open_image(nib.Nifti1Image(data, AFFINE)).series
    kept = KeptVolumes(np.array([1, 9, 20]), series.grid.n_voxels)
    for accumulator, rows in [(bs.Voxels(np.ones(SHAPE)).bind(series).accumulator, 10), (kept, 2)]:
        whole = accumulator.init(range(N))
        parts = accumulator.fork(whole, [range(10), range(10, N)])
        assert len(parts[0].values) == rows
        assert all(np.shares_memory(part.values, whole.values) for part in parts)
        assert accumulator.join(whole, parts) is whole
        assert accumulator.fork_bytes(2) == 0


def test_threads_may_read_some_of_the_volumes(data: NDArray[Any]) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    flat = data.reshape(-1, N, order="F").T
    kept = KeptVolumes(np.array([1, 9, 12, 18, 22]), flat.shape[1])
    voxels = bs.Voxels(np.ones(SHAPE)).bind(open_image(image).series).accumulator
    for accumulator, wanted in (
        (voxels, data[..., 6:20].reshape(-1, 14).T),
        (kept, flat[[9, 12, 18]]),
    ):
        whole = accumulator.init(range(6, 20))
        ranges = [range(6, 12), range(12, 13), range(13, 20)]
        parts = accumulator.fork(whole, ranges)
        for part, some in zip(parts, ranges, strict=True):
            accumulator.update(part, Block(flat[some.start : some.stop], some.start, Scaling(), 0))
        assert sum(len(part.values) for part in parts) == len(wanted)
        np.testing.assert_array_equal(accumulator.join(whole, parts).values, wanted)


class Noted(Accumulator[list[Any]]):
    """Notes volumes as they pass, and the threads that BLAS has meanwhile."""

    def cost(self) -> Cost:
        return Cost(0)

    def init(self, volumes: range) -> list[Any]:
        return []

    def update(self, state: list[Any], block: Block) -> None:
        np.ones((2, 2)) @ np.ones((2, 2))
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        assert pools, "numpy's BLAS is not seen"
        threads = max(pool["num_threads"] for pool in pools)
        state += [(volume, threads) for volume in range(block.start, block.stop)]

    def merge(self, first: list[Any], second: list[Any]) -> list[Any]:
        return first + second


class Notice(bs.Reduction):
    def bind(self, series: Series) -> Bound[list[Any]]:
        return Bound("Notice", Noted(), lambda state: state, 0)


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_parts_are_joined_in_order(data: NDArray[Any], n_jobs: int) -> None:
    runs = [nib.Nifti1Image(data[..., t : t + 4], AFFINE) for t in range(0, N, 4)]
    (noted,) = stream_once(runs, [Notice()], n_jobs=n_jobs)
    assert [volume for volume, _ in noted] == list(range(N))


@pytest.mark.parametrize(
    ("beside", "threads"),
    [
        (bs.Mean(), 2),
        (Scaled(bs.Mean(), 2.0), 1),
        (bs.Project(np.ones((1, N))), 1),
        (Scaled(bs.Project(np.ones((1, N))), 2.0), 1),
    ],
)
def test_one_that_makes_products_keeps_all_to_their_thread(
    data: NDArray[Any], beside: bs.Reduction, threads: int
) -> None:
    with threadpool_limits(2, user_api="blas"):
        noted = stream_once(nib.Nifti1Image(data, AFFINE), [Notice(), beside, Notice()])[::2]
    assert {count for one in noted for _, count in one} == {threads}


@pytest.mark.parametrize(("peaks", "told"), [((300, 300), 0), ((300, 400), 400 + 7)])
def test_only_a_new_peak_is_one_of_loading(
    data: NDArray[Any], monkeypatch: pytest.MonkeyPatch, peaks: tuple[int, int], told: int
) -> None:
    """With what will be held by the time of the pass."""
    seen = iter(peaks)
    monkeypatch.setattr(once, "process_memory", lambda: ProcessMemory(200, next(seen)))
    plan = plan_once(nib.Nifti1Image(data, AFFINE), [bs.Mean()], kept_bytes=7)[2]
    assert plan.loading_peak_bytes == told


@pytest.mark.parametrize(
    ("lengths", "n", "expected"),
    [
        ([5, 5, 5], 1, [[5, 5, 5]]),
        ([5, 5, 5], 9, [[5], [5], [5]]),
        ([1] * 24, 5, [[1] * 5, [1] * 5, [1] * 4, [1] * 5, [1] * 5]),
        ([20, 2, 2], 2, [[20], [2, 2]]),
        ([20, 2, 2], 3, [[20], [2], [2]]),
        ([5, 3, 16], 3, [[5], [3], [16]]),
        ([1, 1, 20, 1, 1], 4, [[1, 1], [20], [1], [1]]),
        ([2, 2, 20], 2, [[2, 2], [20]]),
    ],
)
def test_files_are_split_by_their_bytes(
    data: NDArray[Any], lengths: list[int], n: int, expected: list[list[int]], tmp_path: Path
) -> None:
    source = open_image(saved(data, lengths, tmp_path))
    pieces = source.split(n)
    assert all(isinstance(piece, JoinedSource) for piece in pieces)
    assert [
        [part.header.n_volumes for part in piece.parts]  # type: ignore[attr-defined]
        for piece in pieces
    ] == expected
    assert {piece.series for piece in pieces} == {source.series}
    assert [piece.volumes.start for piece in pieces[1:]] == [p.volumes.stop for p in pieces[:-1]]
    whole = [(b.start, b.stop, b.run, b.data.sum()) for b in source.blocks(4)]
    split = [(b.start, b.stop, b.run, b.data.sum()) for p in pieces for b in p.blocks(4)]
    assert whole == split


def test_the_plan_tells_how_many_threads_there_are(data: NDArray[Any], tmp_path: Path) -> None:
    """Three files of four threads are three pieces, and of three threads too."""
    source, _, plan = plan_once(saved(data, [5, 3, 16], tmp_path), [bs.Mean()], n_jobs=4)
    assert plan.jobs == len(source.split(plan.jobs)) == 3


def test_what_cannot_be_cut_is_one_piece(data: NDArray[Any]) -> None:
    source = open_image(nib.Nifti1Image(data, AFFINE))
    assert [piece.volumes for piece in source.split(4)] == [range(N)]


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_an_error_in_one_file_stops_the_others(
    data: NDArray[Any], n_jobs: int, tmp_path: Path
) -> None:
    paths = saved(data, [8, 8, 8], tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:-2000])
    notes = Notes()
    source = open_image(paths)
    bound = Scaled(bs.Mean(), 2.0, notes, seconds=0.05).bind(source.series)
    with pytest.raises(bs.CorruptImageError, match=r"run-1.nii.gz is truncated"):
        run_pass(source, [bound], 1, ignore, jobs=n_jobs)
    # All of the first file where that is read before; of the third no more than a few.
    assert notes.prepared <= 8 + 7 + 2


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_stop_by_the_user_stops_all(data: NDArray[Any], n_jobs: int, tmp_path: Path) -> None:
    notes = Notes()
    wanted = Scaled(bs.Mean(), 2.0, notes, seconds=0.2)
    source = open_image(saved(data, [8, 8, 8], tmp_path))
    bound = wanted.bind(source.series)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_pass(source, [bound], 1, ignore, jobs=n_jobs)
    finally:
        timer.join()
    assert 0 < notes.prepared < N / 2


def test_an_error_of_the_report_stops_all(data: NDArray[Any], tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        if done:
            raise ZeroDivisionError

    notes = Notes()
    wanted = Scaled(bs.Mean(), 2.0, notes, seconds=0.05)
    with pytest.raises(ZeroDivisionError):
        stream_once(saved(data, [1] * N, tmp_path), [wanted], n_jobs=3, progress=stop)
    assert notes.prepared < N / 2


def test_progress_is_one_count_over_all_files(data: NDArray[Any], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    paths = saved(data, [7, 9, 8], tmp_path)
    stream_once(paths, [bs.Mean()], n_jobs=3, progress=lambda *counts: seen.append(counts))
    assert seen[0] == (0, N)
    assert seen[-1] == (N, N)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("wrong", [0, -2, 1.5, "2", True, None])
def test_the_number_of_jobs_is_checked(data: NDArray[Any], wrong: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`n_jobs` must be a positive integer, or -1"):
        stream_once(nib.Nifti1Image(data, AFFINE), [bs.Mean()], n_jobs=wrong)


def test_minus_one_is_all_cores_of_this_process() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from boldstream.core.jobs import resolve_n_jobs; print(resolve_n_jobs(-1))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(done.stdout) == 1
    assert resolve_n_jobs(np.int64(3)) == 3


PEAK = """
import json, sys
import numpy as np
import boldstream as bs
from boldstream.core.limits import process_memory
from boldstream.streaming.once import plan_once
from boldstream.streaming.preparations import Prepared
from boldstream.streaming.run import run_pass

kind, n_jobs, *paths = sys.argv[1:]
wanted = {
    "voxels": lambda: [bs.Voxels(np.ones((64, 64, 40), bool))],
    "moments": lambda: [bs.Mean(), bs.Std(), bs.TSNR()],
    "project": lambda: [bs.Project(np.ones((9, 120)))],
    "smoothed": lambda: [Prepared(kind, smoothing_fwhm=6.0) for kind in (bs.Mean(), bs.TSNR())],
}
source, bounds, plan = plan_once(paths, wanted[kind](), n_jobs=int(n_jobs))
assert plan.jobs == int(n_jobs)
run_pass(source, bounds, plan.block_volumes, lambda done, total: None, jobs=plan.jobs)
print(json.dumps([plan.peak_bytes, process_memory().peak_rss_bytes]))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    values = np.random.default_rng(0).integers(0, 99, (64, 64, 40, 120)).astype("i2")
    return saved(values, [40, 40, 40], tmp_path_factory.mktemp("large"))


@pytest.mark.parametrize("n_jobs", [2, 3])
@pytest.mark.parametrize("kind", ["voxels", "moments", "project", "smoothed"])
def test_the_peak_of_threads_is_the_predicted_one(
    large: list[Path], kind: str, n_jobs: int
) -> None:
    command = [sys.executable, "-c", PEAK, kind, str(n_jobs), *map(str, large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted, measured = json.loads(done.stdout)
    assert 0.9 <= predicted / measured <= 1.25, f"{predicted / MIB:.0f}, got {measured / MIB:.0f}"


def test_a_pass_is_silent_unless_progress_is_asked_for(
    data: NDArray[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    image = nib.Nifti1Image(data, AFFINE)
    stream_once(image, [bs.Mean()])
    assert capsys.readouterr() == ("", "")
    stream_once(image, [bs.Mean()], progress=True)
    assert f"{N}/{N}" in capsys.readouterr().err
