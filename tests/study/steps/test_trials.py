"""Which trials a target takes, and by what labels."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from boldstream.core.errors import ParameterError
from boldstream.study.steps.trials import labelled


def target(conditions: list[str] | None = None) -> dict[str, Any]:
    return {"column": "choice", "values": False, "conditions": conditions}


@pytest.mark.parametrize("cells", [[0, 1, 1, 0], [0, 1, None, 0], [0.0, 1.0, 1.0, 0.0]])
def test_whole_numbers_are_labels_as_they_are_written(cells: list[Any]) -> None:
    # A missing cell makes pandas read the others as 0.0 and 1.0.
    trials = pd.DataFrame({"choice": cells, "run": [1, 1, 2, 2]})
    there = trials["choice"].notna().sum()
    some = labelled(trials, target(["0", "1"]))
    assert len(some.kept) == there
    assert set(some.y) == {"0", "1"}
    assert labelled(trials, target(["1"])).y.tolist() == ["1"] * trials["choice"].eq(1).sum()


def test_other_numbers_keep_their_decimals() -> None:
    trials = pd.DataFrame({"choice": [61.5, 99.0], "run": [1, 1]})
    assert labelled(trials, target()).y.tolist() == ["61.5", "99"]


def test_conditions_of_which_there_is_none_are_an_error() -> None:
    trials = pd.DataFrame({"choice": ["delayed", "immediate"], "run": [1, 1]})
    with pytest.raises(ParameterError, match=r"got delaid; .* did you mean 'delayed'"):
        labelled(trials, target(["delaid"]))
    # One that a subject never chose is none.
    assert labelled(trials, target(["delayed", "both"])).kept.tolist() == [0]


def test_a_column_without_values_is_no_error() -> None:
    trials = pd.DataFrame({"choice": [None, None], "run": [1, 1]})
    assert not labelled(trials, target(["delayed"])).kept.size
