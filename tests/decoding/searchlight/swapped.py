"""A pytest plugin that puts `boldstream.decoding.SearchLight` in the place of nilearn's.

``python -m pytest -p tests.decoding.searchlight.swapped --pyargs
nilearn.decoding.tests.test_searchlight`` runs nilearn's own tests on it.
"""

from __future__ import annotations

import nilearn.decoding
import pytest
from nilearn.decoding import searchlight

from boldstream.decoding import SearchLight


def pytest_configure(config: pytest.Config) -> None:
    """Before nilearn's tests are imported, which is when they take the class."""
    del config
    nilearn.decoding.SearchLight = SearchLight
    searchlight.SearchLight = SearchLight
