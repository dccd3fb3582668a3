"""Study files of all kinds: settings, or an error that names the file, its line, and the key."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import given

from boldstream.core.errors import ParameterError
from boldstream.study.inputs import find_inputs
from boldstream.study.settings import read_study
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.strategies.studies import study_texts

_LINE = re.compile(r"/study\.yaml, line \d+: .")


@cases(quick=40, deep=6)
@given(text=study_texts())
def test_a_study_file_is_read_or_refused(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "study.yaml")
        path.write_bytes(text)
        with refusing(path) as outcome:
            settings = read_study(path)
        if outcome.refusal is None:
            with refusing("`", folder):
                find_inputs(settings, Path(folder))
        elif isinstance(outcome.refusal, ParameterError):
            said = str(outcome.refusal)
            assert all(map(_LINE.search, said.split("\n/"))), said
            assert any(word in said for word in ("`", "a key must be", "a mapping")), said
