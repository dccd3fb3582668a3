"""Labels of samples: of one kind, and none made text that is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from boldstream.core.errors import ParameterError
from boldstream.core.labels import label_array, of_one_kind
from boldstream.decoding.task.labels import vector_of
from boldstream.geometry.labels import encode_labels


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (["a", "b"], "O"),
        (pd.Series(["a", "b"], dtype="category"), "O"),
        (np.array(["a", "b"]), "U"),
        (np.array([b"a", b"b"]), "S"),
        ([1, 2], "i"),
        ([1, 2.5], "f"),
        ([True, False], "b"),
    ],
)
def test_entries_stay_what_they_are(given: Any, kind: str) -> None:
    found = label_array("y", given)
    assert found.dtype.kind == kind
    assert found.tolist() == list(given)


@pytest.mark.parametrize(
    ("entries", "kind"), [(["a", "bc"], "U"), ([1, 2], "i"), ([1, 0.5], "f"), ([True, False], "b")]
)
def test_objects_of_one_kind_become_numpys_own(entries: list[Any], kind: str) -> None:
    found = of_one_kind("y", np.array(entries, object))
    assert found.dtype.kind == kind
    assert found.tolist() == entries


def test_what_is_of_one_kind_is_left_alone() -> None:
    labels = np.array(["a", "b"])
    assert of_one_kind("y", labels) is labels


@pytest.mark.parametrize("entries", [["a", 1], [1, "a"], ["a", 1.5, "b"], [True, "a"]])
def test_decoding_and_geometry_refuse_several_kinds_alike(entries: list[Any]) -> None:
    kinds = ", ".join(sorted({type(entry).__name__ for entry in entries}))
    message = f"^`runs` must hold entries of one kind, got {kinds}$"
    for given in (entries, np.array(entries, object), pd.Series(entries)):
        for read in (vector_of, encode_labels):
            with pytest.raises(ParameterError, match=message):
                read("runs", given)


@pytest.mark.parametrize("read", [vector_of, encode_labels])
def test_lists_of_several_lengths_are_refused(read: Any) -> None:
    message = "^`groups` must hold one entry for each sample, got lists of several lengths$"
    with pytest.raises(ParameterError, match=message):
        read("groups", ["a", ["b", "c"], "a"])


def test_several_in_one_entry_are_refused() -> None:
    entries = np.empty(2, object)
    entries[:] = [[1, 2], [3, 4]]
    with pytest.raises(ParameterError, match="`y` must hold entries of one kind, got list"):
        of_one_kind("y", entries)
