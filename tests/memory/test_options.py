"""Every option of `MemoryConfig` toggled alone: the effect that docs/memory.md names."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import boldstream as bs
from boldstream.core.limits import Limit, process_memory
from boldstream.memory.folders import find_folder
from tests.memory.studies import Study, make_study

GIB = 1024**3


@pytest.fixture
def study(tmp_path: Path, rng: np.random.Generator) -> Study:
    return make_study(tmp_path / "study", rng)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))


def kind_of_data(study: Study, loader: bs.MemoryEfficientLoader) -> type:
    with_data = loader.load_fmri_memmap("sub-001")
    kind = type(with_data)
    loader.cleanup()
    return kind


def test_use_memmap(study: Study) -> None:
    config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0)
    loader = bs.MemoryEfficientLoader(study.config, config)
    assert kind_of_data(study, loader) is bs.MemoryMappedArray
    config.USE_MEMMAP = False
    assert kind_of_data(study, loader) is np.ndarray


def test_memmap_threshold_gb(study: Study) -> None:
    config = bs.MemoryConfig()
    loader = bs.MemoryEfficientLoader(study.config, config)
    config.MEMMAP_THRESHOLD_GB = study.n_bytes / GIB
    assert kind_of_data(study, loader) is np.ndarray
    config.MEMMAP_THRESHOLD_GB = (study.n_bytes - 1) / GIB
    assert kind_of_data(study, loader) is bs.MemoryMappedArray


def test_available_memory_buffer(study: Study) -> None:
    config = bs.MemoryConfig(AVAILABLE_MEMORY_BUFFER=0.4)
    loader = bs.MemoryEfficientLoader(study.config, config)
    # Twice the room that the data take.
    loader.monitor._find_limits = lambda: [Limit("RAM", 2 * study.n_bytes, 0)]
    assert kind_of_data(study, loader) is np.ndarray
    config.AVAILABLE_MEMORY_BUFFER = 0.6
    assert kind_of_data(study, loader) is bs.MemoryMappedArray


@pytest.mark.parametrize("shared", [True, False])
def test_shared_memory_parallel(study: Study, shared: bool) -> None:
    config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0, SHARED_MEMORY_PARALLEL=shared)
    first = bs.MemoryEfficientLoader(study.config, config)
    second = bs.MemoryEfficientLoader(study.config, config)
    paths = []
    for loader in (first, second):
        mapped = loader.load_fmri_memmap("sub-001")
        assert isinstance(mapped, bs.MemoryMappedArray)
        paths.append(mapped.file_path)
        assert mapped.file_path.is_relative_to(loader.temp_dir) is not shared
    assert (paths[0] == paths[1]) is shared
    if not shared:
        with pytest.raises(bs.ParameterError, match="`SHARED_MEMORY_PARALLEL` must be True"):
            first.create_shared_memmap(np.ones(3), "x")


def test_max_memory_per_process_gb(study: Study) -> None:
    config = bs.MemoryConfig(USE_MEMMAP=False)
    loader = bs.MemoryEfficientLoader(study.config, config)
    assert loader.load_fmri_memmap("sub-001").shape == study.values("001").shape
    held = process_memory().rss_bytes
    config.MAX_MEMORY_PER_PROCESS_GB = held / GIB
    for load in (
        lambda: loader.load_fmri_memmap("sub-001"),
        lambda: loader.extract_roi_timeseries_memmap("sub-001", study.mask),
    ):
        with pytest.raises(bs.MemoryBudgetError, match="memory_limit"):
            load()


def test_cleanup_temp_files(study: Study) -> None:
    for cleans in (True, False):
        config = bs.MemoryConfig(CLEANUP_TEMP_FILES=cleans)
        loader = bs.MemoryEfficientLoader(study.config, config)
        shared = loader.create_shared_memmap(np.arange(5), "x")
        folder = loader.temp_dir
        loader.cleanup()
        assert folder.exists() is not cleans
        assert shared.file_path.exists() is not cleans
    # What is kept stays when others come and go.
    bs.MemoryEfficientLoader(study.config, bs.MemoryConfig()).temp_dir.exists()
    assert (np.fromfile(shared.file_path, int) == np.arange(5)).all()


def test_monitor_memory_usage(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "boldstream.memory.monitor")
    for watched in (True, False):
        config = bs.MemoryConfig(MONITOR_MEMORY_USAGE=watched)
        caplog.clear()
        with bs.MemoryEfficientContext(study.config, config) as loader:
            loader.load_fmri_memmap("sub-001")
        operations = [sample.operation for sample in loader.monitor.timeline]
        assert ("loaded sub-001" in operations) is watched
        assert any(message.startswith("loaded sub-001: ") for message in caplog.messages) is watched


def test_memmap_temp_dir(study: Study, tmp_path: Path) -> None:
    config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0)
    for place in ("cache", "elsewhere"):
        config.MEMMAP_TEMP_DIR = None if place == "cache" else tmp_path / place
        with bs.MemoryEfficientContext(study.config, config) as loader:
            mapped: Any = loader.load_fmri_memmap("sub-001")
            assert mapped.file_path.is_relative_to(tmp_path / place)
            assert loader.temp_dir.is_relative_to(tmp_path / place)


@pytest.mark.parametrize("kept", [True, False])
def test_cache_memmap_files(study: Study, kept: bool) -> None:
    config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0, CACHE_MEMMAP_FILES=kept)
    loader = bs.MemoryEfficientLoader(study.config, config)
    mapped: Any = loader.load_fmri_memmap("sub-001")
    again: Any = bs.MemoryEfficientLoader(study.config, config).load_fmri_memmap("001")
    # Shared with whoever is there meanwhile, kept or not.
    assert again.file_path == mapped.file_path
    again.close()
    loader.cleanup()
    assert mapped.file_path.exists() is kept


def test_every_option_is_in_the_table_and_tested_here() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs" / "memory.md"
    table = docs.read_text()
    for field in fields(bs.MemoryConfig):
        test = f"test_{field.name.lower()}"
        assert f"| `{field.name}` |" in table
        assert test in globals()


def test_what_a_killed_loader_did_not_keep_goes_with_the_next(study: Study) -> None:
    script = (
        "import os, signal, boldstream as bs\n"
        f"study = bs.OAKConfig(root={str(study.root)!r}, tr=2.0)\n"
        "config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0, CACHE_MEMMAP_FILES=False)\n"
        "loader = bs.MemoryEfficientLoader(study, config)\n"
        "array = loader.load_fmri_memmap('sub-001')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    unkept = find_folder().path / "boldstream-unkept"
    assert list(unkept.glob("*.boldstream"))
    config = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0)
    with bs.MemoryEfficientContext(study.config, config) as loader:
        loader.load_fmri_memmap("sub-001")
    assert not list(unkept.glob("*.boldstream"))
