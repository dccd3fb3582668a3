"""What several tests of files share."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def without_isal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes isal a package that cannot be imported, once it is called."""

    def remove() -> None:
        for module in ("isal", "isal.igzip"):
            monkeypatch.setitem(sys.modules, module, None)

    return remove
