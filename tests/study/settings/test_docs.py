"""Study files in the documentation are ones that load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from boldstream.study.settings import Analysis, StudySettings, read_study

PAGE = Path(__file__).resolve().parents[3] / "docs" / "study_file.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    assert read_study(path) != StudySettings()


def test_the_first_example_shows_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(EXAMPLES[0])
    found = read_study(path)
    assert set(StudySettings.model_fields) == found.model_fields_set
    kinds: set[type[BaseModel]] = set(get_args(get_args(Analysis)[0]))
    assert {type(analysis) for analysis in found.analyses} == kinds
    assert found.data.subjects == ("01", "02", "03")
