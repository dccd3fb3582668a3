"""Figures of a test are closed at its end."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No figure is left over from before, and no setting is changed by a plot."""
    plt.close("all")
    before = settings()
    yield
    plt.close("all")
    assert settings() == before


def settings() -> dict[str, object]:
    """Those of matplotlib, but for what nilearn sets when it is imported."""
    return {name: value for name, value in mpl.rcParams.items() if not name.startswith("backend")}
