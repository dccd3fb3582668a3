"""Study files: of the schema's shape, with nonsense here and there, and as odd text."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st

from boldstream.study.settings import study_schema

TEXTS = (
    *("", " ", "a", "v1", "01", "sub-01", "ridge", "svc", "lda", "kfold:4", "logo", "accuracy"),
    *(
        "sub-{subject}/x_run-{run}.nii",
        "../{x}/a.nii",
        "{subject",
        "a/*/{run}.tsv",
        "4GB",
        "1e99GB",
    ),
    *("1e99GB", "2024-01-01", "12:30:45", "0x1F", "~", "null", "yes"),
    *("héllo\u2028", "\U0001f600", "\0", "#"),
    *("picture - other", "a:b", "[", "- x", "* *", "%TAG", "'", '"', "\\", "region_01", "spm + x"),
)
NONSENSE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2.5, 10**30, -(10**400), 1e308, float("nan"), float("inf")),
    *("", "x", [], [[]], [None], {}, {"a": {}}, {"": 1}, [{"kind": "decoding"}], ["a", 1, None]),
)
# Texts of YAML that no value gives.
SCALARS = (
    *("!!python/object:os.system ls", "!!python/name:os.system", "!!binary aGk=", "!!set {a, b}"),
    *("!!float x", "!!int 1_000_x", "!!timestamp 2024-99-99", "2024-13-45", "2024-01-01", "1:2:3"),
    *("&a [*a]", "*missing", "&a x", "<<", "{<<: {a: 1}}", "!x y", "!!null x", "!!bool maybe"),
    *(
        "0b2",
        "0o8",
        "1e99999",
        ".nan",
        "-.inf",
        "? a",
        "|",
        ">",
        "@x",
        "`x`",
        "%x",
        "\t",
        "[" * 300,
    ),
    *(
        "[" * 300,
        "{" * 40,
        "'",
        '"\\x"',
        '"\\uD800"',
        "|9\n x",
        "!!seq {}",
        "!!map []",
        "!!str [a]",
        "= ",
    ),
    *("0" * 5000, "9" * 5000, "1_" * 50, "!!int ''", "!!float ''", "!!omap [a: 1]", "!<tag:x> y"),
)


@cache
def _schema() -> Mapping[str, Any]:
    return study_schema()


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _choices(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema's type, be they allowed or not."""
    schema = _resolved(schema)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([_later(one) for one in schema[key]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return _OF_TYPE[schema.get("type", "string")](schema)


def _later(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: _choices(schema))


def _mappings(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    properties = schema.get("properties")
    if properties is None:
        inner = schema.get("additionalProperties") or {}
        return st.dictionaries(st.sampled_from(TEXTS), _choices(inner), max_size=2)
    needed = {"kind", *schema.get("required", ())} & set(properties)
    return st.fixed_dictionaries(
        {name: _later(properties[name]) for name in needed},
        optional={name: _later(properties[name]) for name in properties if name not in needed},
    )


_OF_TYPE = {
    "string": lambda schema: st.sampled_from(TEXTS),
    "number": lambda schema: st.sampled_from([0.5, 2.0, 1.0, 1e-3]),
    "integer": lambda schema: st.sampled_from([1, 2, 10, 100]),
    "boolean": lambda schema: st.booleans(),
    "null": lambda schema: st.none(),
    "array": lambda schema: st.lists(_choices(schema.get("items", {})), max_size=2),
    "object": _mappings,
}


@st.composite
def study_values(draw: st.DrawFn) -> Any:
    """A mapping of the schema's shape, with up to three values or keys that are nonsense."""
    study = draw(_choices(_schema()))
    for _ in range(draw(st.integers(0, 3))):
        _spoil(draw, study)
    return study


def _spoil(draw: st.DrawFn, study: Any) -> None:
    """Put nonsense somewhere into a mapping or list."""
    while study:
        keys = list(study) if isinstance(study, dict) else list(range(len(study)))
        key = draw(st.sampled_from(keys))
        if isinstance(study[key], dict | list) and study[key] and draw(st.booleans()):
            study = study[key]
            continue
        if isinstance(study, dict) and draw(st.booleans()):
            study[draw(st.sampled_from([*TEXTS, *NONSENSE[:9], "kinds", "Data"]))] = study.pop(key)
        else:
            # Its own, as nonsense may be spoiled next.
            study[key] = deepcopy(draw(st.sampled_from([*NONSENSE, *TEXTS])))
        return


_MARK = "MARKED"


@st.composite
def study_texts(draw: st.DrawFn) -> bytes:
    """A study file: written as YAML, or that with a scalar no value gives, or bytes changed."""
    study = draw(study_values())
    kind = draw(st.sampled_from(["plain", "plain", "scalar", "bytes"]))
    if kind == "scalar" and study:
        key = draw(st.sampled_from(list(study)))
        study[key] = _MARK if draw(st.booleans()) else [_MARK]
    text = yaml.safe_dump(study, allow_unicode=True, default_flow_style=draw(st.booleans()))
    written: bytes = text.replace(_MARK, draw(st.sampled_from(SCALARS))).encode()
    if kind == "bytes":
        at, length = draw(st.integers(0, len(written))), draw(st.integers(0, 9))
        written = written[:at] + draw(st.binary(max_size=9)) + written[at + length :]
    if draw(st.booleans()):
        written = written.replace(b"\n", b"\r\n")
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + written
