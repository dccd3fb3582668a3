"""A pytest plugin that puts the drop-ins in the place of nilearn's maskers.

``python -m pytest -p tests.maskers.swapped --pyargs nilearn.maskers.tests...``
runs nilearn's own tests on the classes of `boldstream.maskers`.
"""

from __future__ import annotations

import nilearn.maskers
import pytest

import boldstream.maskers


def pytest_configure(config: pytest.Config) -> None:
    """Before nilearn's tests are imported, which is when they take the classes."""
    del config
    for name in boldstream.maskers.__all__:
        if hasattr(nilearn.maskers, name):
            setattr(nilearn.maskers, name, getattr(boldstream.maskers, name))
