"""No duration is told by the clock of the wall, which may be set back or ahead meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import boldstream

PACKAGE = Path(boldstream.__file__).parent
ASKED = re.compile(r"\btime\.time(_ns)?\b|^from time import .*\btime(_ns)?\b", re.MULTILINE)
# Moments, with durations beside them that another clock tells.
MOMENTS = {"study/records/provenance.py"}


def test_durations_are_of_a_clock_that_only_goes_on() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    found = {str(path.relative_to(PACKAGE)) for path, text in texts.items() if ASKED.search(text)}
    assert found == MOMENTS
