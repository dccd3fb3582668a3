"""The JSON file beside an image, and the repetition time that it agrees on with the header."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import boldstream as bs
from boldstream.core.grid import Grid
from boldstream.io.opening import open_image
from boldstream.io.sidecar import read_json, read_sidecar, repetition_time, sidecar_of
from boldstream.io.source import Series


@pytest.fixture
def series(tmp_path: Path) -> Series:
    name = str(tmp_path / "sub-01_bold.nii.gz")
    return Series(name, Grid((2, 2, 2), np.eye(4)), 9, np.dtype("f4"), 2.0, (9,))


def say(series: Series, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    sidecar_of(Path(series.name)).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("image", "sidecar"),
    [
        ("sub-01_bold.nii.gz", "sub-01_bold.json"),
        ("sub-01_bold.nii", "sub-01_bold.json"),
        ("a.b.nii.gz", "a.b.json"),
        ("scan.mgz", "scan.mgz.json"),
    ],
)
def test_names(image: str, sidecar: str) -> None:
    assert sidecar_of(Path("folder") / image) == Path("folder") / sidecar


def test_none_is_empty(series: Series) -> None:
    assert read_sidecar(Path(series.name)) == {}
    sidecar_of(Path(series.name)).mkdir()
    assert read_sidecar(Path(series.name)) == {}


def test_what_it_says(series: Series) -> None:
    say(series, "\ufeff" + json.dumps({"TaskName": "Gesichter – Häuser"}))
    assert read_sidecar(Path(series.name)) == {"TaskName": "Gesichter – Häuser"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("", "cannot be read as JSON"),
        ("[1, 2]", "must hold a JSON object, got list"),
        ("2.0", "must hold a JSON object, got float"),
        ("null", "must hold a JSON object, got NoneType"),
    ],
)
def test_what_is_no_mapping(series: Series, text: str, message: str) -> None:
    say(series, text)
    for read in (lambda: read_sidecar(Path(series.name)), lambda: repetition_time(series)):
        with pytest.raises(bs.TableError, match=rf"sub-01_bold.json {message}"):
            read()
    # Who knows better need not mend it.
    assert repetition_time(series, 1.5) == 1.5


def test_what_is_no_text(series: Series) -> None:
    sidecar_of(Path(series.name)).write_bytes(b"\xff\xfe{")
    with pytest.raises(bs.TableError, match="cannot be read as JSON"):
        read_sidecar(Path(series.name))


@pytest.mark.parametrize(
    ("header", "sidecar", "expected"),
    [
        (2.0, None, 2.0),
        (None, 2.5, 2.5),
        (2.0, 2.0, 2.0),
        (2.0, 2, 2.0),
        (float(np.float32(0.72)), 0.72, 0.72),  # the sidecar has all digits
        (1.794, 1.7935, 1.7935),
    ],
)
def test_they_agree(
    series: Series, header: float | None, sidecar: float | None, expected: float
) -> None:
    if sidecar is not None:
        say(series, {"RepetitionTime": sidecar})
    found = repetition_time(replace(series, tr=header))
    assert found == expected
    assert type(found) is float


@pytest.mark.parametrize("sidecar", [2.01, 2000, 1.99])
def test_they_disagree(series: Series, sidecar: float) -> None:
    say(series, {"RepetitionTime": sidecar})
    message = rf"`t_r` must be given, as files disagree: .*says 2 s, .*json says {sidecar:g} s"
    with pytest.raises(bs.ParameterError, match=message):
        repetition_time(series)
    assert repetition_time(series, 2.0) == 2.0


def test_neither_knows(series: Series) -> None:
    for content in (None, {}, {"RepetitionTime": None}):
        if content is not None:
            say(series, content)
        with pytest.raises(bs.ParameterError, match=r"neither the header of .* nor a sidecar"):
            repetition_time(replace(series, tr=None))


@pytest.mark.parametrize("wrong", ["2.0", 0, -2, True, [2.0], float("nan"), float("inf"), 10**400])
def test_what_is_no_time(series: Series, wrong: Any) -> None:
    say(series, {"RepetitionTime": wrong})
    with pytest.raises(bs.TableError, match=r"RepetitionTime in .* must be above 0 s, got"):
        repetition_time(series)


@pytest.mark.parametrize("wrong", [0, -2, "2", True, float("nan"), float("inf"), [2.0]])
def test_what_is_given_is_checked(series: Series, wrong: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`t_r` must be a positive number of s, got"):
        repetition_time(series, wrong)


def test_real_sidecars(shared_data: Path) -> None:
    """Header and sidecar agree on 1.794 s, which is wrong: nothing here can know."""
    path = shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_bold.nii.gz"
    series = open_image(path).series
    assert series.tr == pytest.approx(1.794, abs=1e-3)
    assert repetition_time(series) == read_sidecar(path)["RepetitionTime"]
    assert repetition_time(series, 2.0) == 2.0


@pytest.mark.parametrize("content", ["[" * 100_000, "9" * 5000, '{"a": \\x}'])
def test_json_that_python_gives_up_on(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(bs.TableError, match=r"a\.json cannot be read as JSON"):
        read_json(tmp_path / "a.json")
