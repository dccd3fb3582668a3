"""Every test of this folder is one of `make fuzz`, which runs it on many more cases."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.depth import is_deep


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not is_deep():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fuzz)


@pytest.fixture(autouse=True, scope="session")
def quiet_nibabel() -> Iterator[None]:
    """Thousands of odd headers, each of which nibabel has something to say about."""
    logger = logging.getLogger("nibabel.global")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)
