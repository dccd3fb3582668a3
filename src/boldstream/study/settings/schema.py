"""The JSON schema of study files, for editors that complete and check them."""

from __future__ import annotations

import json
import os
from typing import Any

from boldstream.io.translate import expanded
from boldstream.io.writing import Outputs
from boldstream.study.settings.models import StudySettings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> dict[str, Any]:
    """JSON schema of study files, with a description of each key.

    Examples
    --------
    >>> study_schema()["properties"]["random_state"]["description"]
    'Of all permutations.'
    """
    return {"$schema": _DIALECT, **StudySettings.model_json_schema()}


def write_schema(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the JSON schema of study files.

    Parameters
    ----------
    path : path
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    OutputExistsError
        If it is there and `overwrite` is False.
    ParameterError
        If its folder cannot be written to.
    """
    file = expanded(path)
    with Outputs(file.parent, [file.name], overwrite=overwrite) as outputs:
        text = json.dumps(study_schema(), indent=2, ensure_ascii=False)
        outputs[file.name].write_text(f"{text}\n", encoding="utf-8")
