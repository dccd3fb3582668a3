"""`MemoryEfficientLoader` against nibabel and nilearn, across processes, and after they die."""

from __future__ import annotations

import multiprocessing
import pickle
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nilearn.signal import clean

import boldstream as bs
from boldstream.core.limits import process_memory
from tests.memory.studies import AFFINE, SHAPE, Study, add_row, load_and_sum, make_study
from tests.oracle import load

IN_FILES: dict[str, Any] = {"MEMMAP_THRESHOLD_GB": 0.0}
IN_MEMORY: dict[str, Any] = {"USE_MEMMAP": False}


@pytest.fixture
def study(tmp_path: Path, rng: np.random.Generator) -> Study:
    return make_study(tmp_path / "study", rng)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(folder))
    return folder


@pytest.fixture(params=[IN_FILES, IN_MEMORY], ids=["in files", "in memory"])
def loader(study: Study, request: pytest.FixtureRequest) -> Iterator[bs.MemoryEfficientLoader]:
    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**request.param)) as made:
        yield made


@pytest.mark.parametrize("subject", ["001", "002"])
def test_whole_images_are_those_of_nibabel(
    study: Study, loader: bs.MemoryEfficientLoader, subject: str
) -> None:
    loaded = loader.load_fmri_memmap(f"sub-{subject}")
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded[..., 3], study.values(subject)[..., 3].astype("f4"))
    np.testing.assert_array_equal(np.asarray(loaded), study.values(subject).astype("f4"))
    # A volume lies together.
    assert np.asarray(loaded).flags.f_contiguous


@pytest.mark.parametrize("dtype", ["i2", ">f4", "u1"])
def test_values_that_are_not_scaled_keep_their_type(
    tmp_path: Path, rng: np.random.Generator, dtype: str
) -> None:
    values = rng.integers(0, 100, (*SHAPE, 5)).astype(dtype)
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "7.nii.gz")
    study = bs.OAKConfig(root=tmp_path, image_template="{subject}.nii.gz")
    for options in (IN_FILES, IN_MEMORY):
        with bs.MemoryEfficientContext(study, bs.MemoryConfig(**options)) as loader:
            loaded = loader.load_fmri_memmap("7")
            assert loaded.dtype == load(tmp_path / "7.nii.gz").get_data_dtype()
            np.testing.assert_array_equal(np.asarray(loaded), values)


def test_an_uncompressed_image_is_mapped_where_it_is_and_survives_cleanup(
    tmp_path: Path, rng: np.random.Generator, cache: Path
) -> None:
    path = tmp_path / "7.nii"
    nib.save(nib.Nifti1Image(rng.normal(size=(*SHAPE, 5)).astype("f4"), AFFINE), path)
    before = path.read_bytes()
    study = bs.OAKConfig(root=tmp_path, image_template="{subject}.nii")
    with bs.MemoryEfficientContext(study, bs.MemoryConfig(**IN_FILES)) as loader:
        mapped = loader.load_fmri_memmap("7")
        assert isinstance(mapped, bs.MemoryMappedArray)
        assert mapped.file_path == path
        np.testing.assert_array_equal(mapped.array, load(path).get_fdata())
        mapped.cleanup()
    assert path.read_bytes() == before
    assert not list(cache.rglob("*.npy"))


@pytest.mark.parametrize(
    ("standardize", "wanted"),
    [(True, "zscore_sample"), ("zscore_sample", "zscore_sample"), ("psc", "psc")],
)
@pytest.mark.parametrize("subject", ["001", "002"])
def test_standardised_series_are_nilearns_run_by_run(
    study: Study, loader: bs.MemoryEfficientLoader, standardize: Any, wanted: str, subject: str
) -> None:
    series = loader.extract_roi_timeseries_memmap(subject, study.mask, standardize=standardize)
    runs = [run[study.mask].T for run in study.runs(subject)]
    oracle = [clean(run, detrend=False, standardize=wanted) for run in runs]
    assert series.dtype == np.float32
    np.testing.assert_allclose(series, np.concatenate(oracle), rtol=2e-5, atol=2e-4)


def test_population_scores_and_raw_values(study: Study, loader: bs.MemoryEfficientLoader) -> None:
    runs = [run[study.mask].T for run in study.runs("001")]
    scores = [(run - run.mean(axis=0)) / run.std(axis=0) for run in runs]
    series = loader.extract_roi_timeseries_memmap("001", study.mask, "zscore_population")
    np.testing.assert_allclose(series, np.concatenate(scores), atol=1e-5)
    for nothing in (False, None):
        series = loader.extract_roi_timeseries_memmap("001", study.mask, standardize=nothing)
        np.testing.assert_array_equal(series, np.concatenate(runs).astype("f4"))


def test_masks_by_path_image_and_array_give_the_same(
    study: Study, loader: bs.MemoryEfficientLoader
) -> None:
    path = study.config.mask("striatum")
    wanted = loader.extract_roi_timeseries_memmap("001", study.mask)
    for mask in (path, load(path), bs.load_mask(path)):
        series = loader.extract_roi_timeseries_memmap("001", mask)
        np.testing.assert_array_equal(series, wanted)


def test_other_regions_of_a_large_image_are_not_decoded_again(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    import isal.igzip

    opened: list[Any] = []
    real: Any = isal.igzip.open

    def counted(*args: Any) -> Any:
        opened.append(args)
        return real(*args)

    monkeypatch.setattr(isal.igzip, "open", counted)
    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
        for _ in range(3):
            loader.extract_roi_timeseries_memmap("002", study.mask)
        loader.extract_roi_timeseries_memmap("002", ~study.mask)
    assert len(opened) == 1


def test_without_room_on_the_disk_regions_are_streamed_and_whole_images_refused(
    study: Study, caplog: pytest.LogCaptureFixture, cache: Path
) -> None:
    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_MEMORY)) as loader:
        wanted = loader.extract_roi_timeseries_memmap("001", study.mask)
    with (
        bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader,
        largest_file(20_000),
    ):
        series = loader.extract_roi_timeseries_memmap("001", study.mask)
        with pytest.raises(bs.StorageError, match="needed"):
            loader.load_fmri_memmap("001")
        with pytest.raises(bs.StorageError, match="needed"):
            loader.create_shared_memmap(np.ones(10_000), "x")
    np.testing.assert_array_equal(series, wanted)
    assert "the image is read anew for every region" in caplog.text
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_region_is_streamed_where_storing_the_image_takes_more_than_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.arange(64 * 64 * 30 * 40, dtype="f4").reshape(64, 64, 30, 40)
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "1.nii")
    study = bs.OAKConfig(root=tmp_path, image_template="{subject}.nii")
    limit = (process_memory().rss_bytes + (25 << 20)) / 1024**3
    config = bs.MemoryConfig(**IN_FILES, MAX_MEMORY_PER_PROCESS_GB=limit)
    mask = values[..., 0] < 5000
    with bs.MemoryEfficientContext(study, config) as loader:
        series = loader.extract_roi_timeseries_memmap("1", mask, standardize=False)
    np.testing.assert_array_equal(series, values[mask].T)
    assert "the image is read anew for every region" in caplog.text


def test_what_is_shared_in_a_tmpfs_has_to_fit_memory(
    study: Study, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr("boldstream.memory.folders._is_memory", lambda path: True)
    config = bs.MemoryConfig(MAX_MEMORY_PER_PROCESS_GB=0.001)
    with bs.MemoryEfficientContext(study.config, config) as loader:
        with pytest.raises(bs.MemoryBudgetError, match=r"78\.1 KiB do not fit"):
            loader.create_shared_memmap(np.ones(10_000), "x")
        assert not list(loader.temp_dir.iterdir())


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """A limit that files cannot grow above, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3,), (40, 30, 20)])
def test_a_shared_array_is_what_was_given(
    study: Study,
    rng: np.random.Generator,
    order: Any,
    shape: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("boldstream.memory.loader._COPIED_BYTES", 10_000)
    data = np.asarray(rng.normal(size=shape), order=order)
    with bs.MemoryEfficientContext(study.config) as loader:
        shared = loader.create_shared_memmap(data, "data")
        np.testing.assert_array_equal(shared.array, data)
        assert shared.array.flags.f_contiguous == data.flags.f_contiguous
        assert shared.file_path.parent == loader.temp_dir
        assert shared.file_path.stat().st_mode & 0o777 == 0o600
        assert loader.temp_dir.stat().st_mode & 0o777 == 0o700
        with pytest.raises(bs.OutputExistsError, match=r"data.dat exists already"):
            loader.create_shared_memmap(data, "data")


@pytest.mark.parametrize("identifier", ["../x", "a/b", "", ".hidden", 3])
def test_an_identifier_cannot_lead_elsewhere(study: Study, identifier: Any) -> None:
    loader = bs.create_memory_efficient_loader(study.config)
    with pytest.raises(bs.ParameterError, match="`identifier` must be a label"):
        loader.create_shared_memmap(np.ones(3), identifier)


def test_workers_see_one_array_and_share_the_store(study: Study) -> None:
    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
        shared = loader.create_shared_memmap(np.zeros((4, 5)), "sums")
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.starmap(add_row, [(shared, row) for row in range(4)])
            worker = pool.apply(load_and_sum, [loader])
        np.testing.assert_array_equal(shared.array, np.arange(4)[:, None] * np.ones(5))
        mapped: Any = loader.load_fmri_memmap("001")
        assert worker[0] == str(mapped.file_path)
        assert worker[1] != str(loader.temp_dir)
        assert worker[2] == mapped.array.sum(dtype="f8")


OWNER = """
import sys, numpy as np, boldstream as bs
loader = bs.create_memory_efficient_loader()
shared = loader.create_shared_memmap(np.arange(10), "mine")
print(shared.file_path, flush=True)
sys.stdin.readline()
"""


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that shares an array until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_what_is_shared_goes_with_its_owner_and_no_sooner(cache: Path) -> None:
    with owner() as (process, path):
        bs.create_memory_efficient_loader().cleanup()
        with bs.MemoryEfficientContext() as other:
            assert other.temp_dir.parent == path.parent.parent
        np.testing.assert_array_equal(np.fromfile(path, int), np.arange(10))
        process.communicate("\n")
    assert not path.parent.exists()
    assert not [left for left in cache.iterdir() if left.name.startswith(path.parent.stem)]


def test_what_a_killed_owner_left_is_removed_by_the_next(cache: Path) -> None:
    with owner() as (living, kept), owner() as (process, path):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.exists()
        # Someone else's.
        (cache / "theirs.tmp").mkdir()
        with bs.MemoryEfficientContext() as loader:
            assert loader.temp_dir.exists()
            assert not path.parent.exists()
            assert kept.exists()
        living.communicate("\n")
    assert list(cache.iterdir()) == [cache / "theirs.tmp"]


def test_threads_of_one_loader_share_its_folder(cache: Path) -> None:
    together = threading.Barrier(4)

    def ask(loader: bs.MemoryEfficientLoader) -> Path:
        together.wait()
        return loader.temp_dir

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            with bs.MemoryEfficientContext() as loader:
                (folder,) = set(pool.map(ask, [loader] * 4))
                assert folder.exists()
    assert not list(cache.iterdir())


def test_a_loader_that_is_forgotten_leaves_nothing(cache: Path) -> None:
    loader = bs.create_memory_efficient_loader()
    folder = loader.temp_dir
    del loader
    assert not folder.exists()
    assert not list(cache.iterdir())


def test_a_forked_child_does_not_take_the_folder_with_it(cache: Path) -> None:
    program = """
import os, boldstream as bs
loader = bs.create_memory_efficient_loader()
folder = loader.temp_dir
if os.fork() == 0:
    loader.cleanup()
    raise SystemExit
os.wait()
print(folder.exists())
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert not list(cache.iterdir())


def test_the_context_cleans_up_after_an_error(study: Study) -> None:
    found: dict[str, Any] = {}

    def fail() -> None:
        with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
            mapped: Any = loader.load_fmri_memmap("001")
            found.update(mapped=mapped, view=mapped.array, folder=loader.temp_dir)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert not found["folder"].exists()
    assert found["mapped"].closed
    np.testing.assert_array_equal(found["view"], study.values("001").astype("f4"))


def test_the_report(study: Study) -> None:
    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
        mapped: Any = loader.load_fmri_memmap("001")
        shared = loader.create_shared_memmap(np.ones(1_000_000), "x")
        report = loader.get_memory_usage_report()
        assert set(report) == {
            *("system_memory", "active_memmaps", "memmap_usage_gb"),
            *("temp_dir", "temp_dir_size_gb"),
        }
        assert report["system_memory"].keys() == loader.monitor.get_memory_info().keys()
        assert report["active_memmaps"] == 2
        assert report["memmap_usage_gb"] == mapped.size_gb + shared.size_gb
        assert report["temp_dir"] == str(loader.temp_dir)
        used = subprocess.run(
            ["du", "-s", "-B1", report["temp_dir"]], capture_output=True, text=True, check=True
        )
        on_disk = report["temp_dir_size_gb"] * 1024**3
        assert on_disk == pytest.approx(int(used.stdout.split()[0]), abs=8192)
        assert on_disk >= shared.nbytes
        shared.close()
        assert loader.get_memory_usage_report()["active_memmaps"] == 1


def test_a_loader_can_be_used_after_cleanup(study: Study) -> None:
    loader = bs.create_memory_efficient_loader(study.config, bs.MemoryConfig(**IN_FILES))
    for _ in range(2):
        mapped: Any = loader.load_fmri_memmap("001")
        assert mapped.shape == study.values("001").shape
        assert loader.temp_dir.exists()
        loader.cleanup()


def test_where_the_subjects_are_is_asked_for_when_one_is_loaded(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with bs.MemoryEfficientContext() as loader:
        with pytest.raises(bs.ParameterError, match=r"`config` must say .* OAKConfig\(root=...\)"):
            loader.load_fmri_memmap("sub-001")
        monkeypatch.setenv("BOLDSTREAM_STUDY", str(study.root))
        assert loader.load_fmri_memmap("sub-001").shape == study.values("001").shape


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (("001", np.ones(SHAPE), "zscore"), bs.ParameterError, "`standardize` must be one of"),
        (("001", np.zeros(SHAPE)), bs.MaskError, "roi_mask.* is empty"),
        (("001", np.ones((2, 2, 2))), bs.MaskError, r"roi_mask.* must have the shape \(9, 8, 7\)"),
        (("404", np.ones(SHAPE)), bs.ImageFileError, "subject '404'"),
    ],
)
def test_what_cannot_be_extracted(
    loader: bs.MemoryEfficientLoader, call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        loader.extract_roi_timeseries_memmap(*call)


@pytest.mark.parametrize("standardize", [True, "psc"])
def test_one_volume_cannot_be_standardised(tmp_path: Path, cache: Path, standardize: Any) -> None:
    nib.save(nib.Nifti1Image(np.ones((*SHAPE, 1), "f4"), AFFINE), tmp_path / "1.nii.gz")
    study = bs.OAKConfig(root=tmp_path, image_template="{subject}.nii.gz")
    said = f"`standardize` must be False for a run of one volume, got {standardize!r}"
    with bs.MemoryEfficientContext(study, bs.MemoryConfig(**IN_FILES)) as loader:
        with pytest.raises(bs.ParameterError, match=said):
            loader.extract_roi_timeseries_memmap("1", np.ones(SHAPE), standardize)
        assert not list(cache.rglob("*.npy"))


def test_pickling_sends_the_settings(study: Study) -> None:
    loader = bs.create_memory_efficient_loader(study.config, bs.MemoryConfig(**IN_FILES))
    again = pickle.loads(pickle.dumps(loader))
    assert (again.config, again.memory_config) == (loader.config, loader.memory_config)
    assert again.temp_dir != loader.temp_dir


def test_no_file_stays_open(study: Study) -> None:
    def n_open() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
        loader.extract_roi_timeseries_memmap("001", study.mask)
        loader.load_fmri_memmap("001")
    before = n_open()
    for _ in range(3):
        with bs.MemoryEfficientContext(study.config, bs.MemoryConfig(**IN_FILES)) as loader:
            loader.extract_roi_timeseries_memmap("001", study.mask)
            loader.load_fmri_memmap("001")
            loader.create_shared_memmap(np.ones(3), "x")
    assert n_open() == before
