"""Small images that the groups of a suite share, and processes that load nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.forking import forked
from benchmarks.settings import Settings


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a quick run, whose ways are run as there."""
    with forked():
        yield Settings(tmp_path_factory.mktemp("images"), quick=True, repeats=1)
