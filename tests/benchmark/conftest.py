"""A size that takes a second, and a folder for what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boldstream.benchmark.cases import Case
from boldstream.benchmark.inputs import Asked
from boldstream.benchmark.sizes import Size

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = Size("tiny", 0.002, shape=(20, 22, 16), light_shape=(16, 18, 14), light_volumes=72)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """What one asks for who has little time; files go to a folder of the test."""
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    return Asked(size=TINY, n_jobs=2, subjects=(2,))


@pytest.fixture
def odd_case(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """Make cases of ways that are there for tests only."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))

    def make(way: str, *, ours: bool = False, **options: Any) -> Case:
        arguments = options.pop("arguments", {})
        return Case(
            seed="odd",
            table="odd ways",
            title=way,
            module="tests.benchmark.odd_ways",
            way=way,
            arguments=arguments,
            ours=ours,
            **options,
        )

    return make
