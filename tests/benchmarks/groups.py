"""Which groups of the quick benchmark every run of the tests has, and which are run by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from benchmarks.registry import all_groups

# Each takes more than ten seconds; what they compare, the tests of the library compare, too.
LONG = {
    "maskers.several",
    "models.geometry",
    "searchlight.first_call",
    "searchlight.labellings",
    "searchlight.one_core",
    "searchlight.whole_brain",
    "store.1.2_gib",
}


def groups(keys: Iterable[str]) -> list[Any]:
    """Parameters of a test of groups: long ones with the marker of `make benchmark-test`."""
    # A group by another name would be run every time, or never, and nothing would say so.
    unknown = LONG.difference(group.key for group in all_groups())
    assert not unknown, f"there is no group {sorted(unknown)}"
    return [pytest.param(key, marks=[pytest.mark.benchmark] * (key in LONG)) for key in keys]
