"""`MemoryConfig`: defaults, environment, explicit values, tiers, and the arithmetic for SLURM."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import boldstream as bs
from boldstream.core.limits import Limit, memory_limits

GIB = 1024**3
DEFAULTS = {
    "USE_MEMMAP": True,
    "MEMMAP_THRESHOLD_GB": 1.0,
    "AVAILABLE_MEMORY_BUFFER": 0.2,
    "SHARED_MEMORY_PARALLEL": True,
    "MAX_MEMORY_PER_PROCESS_GB": 8.0,
    "CLEANUP_TEMP_FILES": True,
    "MONITOR_MEMORY_USAGE": True,
    "MEMMAP_TEMP_DIR": None,
    "CACHE_MEMMAP_FILES": True,
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MVPA_USE_MEMMAP", "MVPA_MEMMAP_THRESHOLD_GB", "MVPA_SHARED_MEMORY"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_the_documented_ones() -> None:
    assert vars(bs.MemoryConfig()) == DEFAULTS


def test_the_environment_is_read_when_settings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVPA_USE_MEMMAP", "0")
    monkeypatch.setenv("MVPA_MEMMAP_THRESHOLD_GB", "0.5")
    monkeypatch.setenv("MVPA_SHARED_MEMORY", " False ")
    said = {"USE_MEMMAP": False, "MEMMAP_THRESHOLD_GB": 0.5, "SHARED_MEMORY_PARALLEL": False}
    assert vars(bs.MemoryConfig()) == DEFAULTS | said
    given = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=3, USE_MEMMAP=True, SHARED_MEMORY_PARALLEL=True)
    assert vars(given) == DEFAULTS | {"MEMMAP_THRESHOLD_GB": 3.0}
    # A machine's tier is a default like any other.
    tier = bs.MemoryConfig.for_system([Limit("RAM", 8 * GIB, 0)])
    assert (tier.MEMMAP_THRESHOLD_GB, tier.MAX_MEMORY_PER_PROCESS_GB) == (0.5, 4.0)
    assert not tier.USE_MEMMAP
    monkeypatch.setenv("MVPA_USE_MEMMAP", "1")
    assert bs.MemoryConfig().USE_MEMMAP


@pytest.mark.parametrize(
    ("variable", "text", "wanted"),
    [
        ("MVPA_USE_MEMMAP", "maybe", "one of 1, 0, true, false"),
        ("MVPA_USE_MEMMAP", "", "one of 1, 0, true, false"),
        ("MVPA_SHARED_MEMORY", "2", "one of 1, 0, true, false"),
        ("MVPA_MEMMAP_THRESHOLD_GB", "1GB", "a number of at least 0 GB"),
        ("MVPA_MEMMAP_THRESHOLD_GB", "-1", "a number of at least 0 GB"),
        ("MVPA_MEMMAP_THRESHOLD_GB", "nan", "a number of at least 0 GB"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, wanted: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(bs.ParameterError, match=f"^{variable} must be {wanted}, got {text!r}$"):
        bs.MemoryConfig()
    with pytest.raises(bs.ParameterError, match=f"^{variable} must be"):
        bs.MemoryConfig.for_system()


@pytest.mark.parametrize("value", [0, 0.25, 2])
def test_attributes_are_assignable(value: float) -> None:
    config = bs.MemoryConfig()
    config.MEMMAP_THRESHOLD_GB = value
    assert vars(config) == DEFAULTS | {"MEMMAP_THRESHOLD_GB": value}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("USE_MEMMAP", [1, "yes", None]),
        ("MEMMAP_THRESHOLD_GB", [-1, float("nan"), float("inf"), 10**400, "1", True, None]),
        ("AVAILABLE_MEMORY_BUFFER", [-0.1, 1, 20, "0.2", float("nan")]),
        ("SHARED_MEMORY_PARALLEL", [0, "on"]),
        ("MAX_MEMORY_PER_PROCESS_GB", [0, -8, "8", float("inf")]),
        ("CLEANUP_TEMP_FILES", [None]),
        ("MONITOR_MEMORY_USAGE", ["False"]),
        ("MEMMAP_TEMP_DIR", [7, b"/tmp"]),
        ("CACHE_MEMMAP_FILES", [2]),
    ],
)
def test_a_wrong_value_is_refused_with_the_name(name: str, values: list[Any]) -> None:
    config = bs.MemoryConfig()
    for value in values:
        with pytest.raises(bs.ParameterError, match=f"`{name}` must be"):
            setattr(config, name, value)
        with pytest.raises(bs.ParameterError, match=f"`{name}` must be"):
            bs.MemoryConfig(**{name: value})
    assert vars(config) == DEFAULTS


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(bs.ParameterError, match="did you mean 'MEMMAP_THRESHOLD_GB'"):
        bs.MemoryConfig().MEMMAP_TRESHOLD_GB = 1


def test_it_is_a_value_that_workers_can_be_sent() -> None:
    config = bs.MemoryConfig(MEMMAP_TEMP_DIR=Path("/tmp/x"), MEMMAP_THRESHOLD_GB=0.1)
    assert pickle.loads(pickle.dumps(config)) == copy.copy(config) == config
    assert config != bs.MemoryConfig()


@pytest.mark.parametrize(
    ("usable", "wanted"),
    [
        (1, (0.5, 0.3, 4)),
        (16 - 1 / GIB, (0.5, 0.3, 4)),
        (16, (1.0, 0.2, 8)),
        (64, (1.0, 0.2, 8)),
        (64 + 1 / GIB, (2.0, 0.15, 16)),
        (1024, (2.0, 0.15, 16)),
    ],
)
def test_tiers_by_the_tightest_limit(usable: float, wanted: tuple[float, float, float]) -> None:
    limits = [Limit("RAM", 2048 * GIB, 0), Limit("cgroup", round(usable * GIB), 0)]
    config = bs.MemoryConfig.for_system(limits)
    names = "MEMMAP_THRESHOLD_GB", "AVAILABLE_MEMORY_BUFFER", "MAX_MEMORY_PER_PROCESS_GB"
    assert vars(config) == DEFAULTS | dict(zip(names, wanted, strict=True))


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, (1.5625, 0.390625)),
        ({"SLURM_MEM_PER_NODE": "32768"}, (1.6, 0.4)),
        ({"SLURM_MEM_PER_NODE": "32G"}, (1.6, 0.4)),
        ({"SLURM_MEM_PER_NODE": "32768", "SLURM_NTASKS_PER_NODE": "1"}, (25.6, 1.0)),
    ],
)
def test_the_share_of_a_slurm_task(environ: dict[str, str], wanted: tuple[float, float]) -> None:
    names = "MAX_MEMORY_PER_PROCESS_GB", "MEMMAP_THRESHOLD_GB"
    config = bs.configure_for_cluster(environ)
    assert vars(config) == DEFAULTS | dict(zip(names, wanted, strict=True))


def test_it_is_the_job_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "32768")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "8")
    monkeypatch.setenv("MVPA_SHARED_MEMORY", "0")
    config = bs.configure_for_cluster()
    assert (config.MAX_MEMORY_PER_PROCESS_GB, config.SHARED_MEMORY_PARALLEL) == (3.2, True)


def test_all_memory_of_the_node() -> None:
    ram = min(limit.limit_bytes for limit in memory_limits(environ={}))
    config = bs.configure_for_cluster({"SLURM_MEM_PER_NODE": "0", "SLURM_NTASKS_PER_NODE": "2"})
    assert ram / GIB / 2 * 0.8 == pytest.approx(config.MAX_MEMORY_PER_PROCESS_GB)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SLURM_MEM_PER_NODE", "much"),
        ("SLURM_MEM_PER_NODE", "-5"),
        ("SLURM_NTASKS_PER_NODE", "0"),
        ("SLURM_NTASKS_PER_NODE", "16(x2)"),
    ],
)
def test_a_slurm_variable_that_cannot_be_read_is_named(variable: str, text: str) -> None:
    with pytest.raises(bs.ParameterError, match=f"{variable}.* must be a positive"):
        bs.configure_for_cluster({variable: text})
