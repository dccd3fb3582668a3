"""The JSON schema of study files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import boldstream as bs
from boldstream.study.settings import study_schema, write_schema


def test_every_part_and_key_is_there_with_a_description() -> None:
    schema = study_schema()
    assert set(schema["properties"]) >= {"data", "rois", "targets", "analyses", "execution"}
    assert schema["additionalProperties"] is False
    for name, part in schema["$defs"].items():
        assert part["description"], name
    data = schema["$defs"]["DataSettings"]["properties"]
    assert data["task"]["description"] == "Needed where the data set has several tasks."
    assert list(_without(schema)) == []


def _without(schema: dict[str, Any]) -> Iterator[str]:
    """Keys that nothing describes, neither themselves nor their type."""
    for part in [schema, *schema["$defs"].values()]:
        for key, said in part["properties"].items():
            if "description" not in said and "$ref" not in said and "const" not in said:
                yield f"{part['title']}.{key}"


def test_it_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "study.schema.json"
    write_schema(path)
    assert json.loads(path.read_text()) == study_schema()
    with pytest.raises(bs.OutputExistsError):
        write_schema(path)
    write_schema(path, overwrite=True)
