"""A pytest plugin that puts `FirstLevel` in the place of nilearn's model.

``python -m pytest -p tests.glm.first_level.swapped --pyargs nilearn.glm.tests...``
runs nilearn's own tests on it.
"""

from __future__ import annotations

import nilearn.glm.first_level
import pytest

from boldstream.glm.first_level import FirstLevel
from boldstream.glm.first_level.bids import first_level_from_bids


def pytest_configure(config: pytest.Config) -> None:
    """Before nilearn's tests are imported, which is when they take the class."""
    del config
    nilearn.glm.first_level.FirstLevelModel = FirstLevel
    nilearn.glm.first_level.first_level_from_bids = first_level_from_bids
