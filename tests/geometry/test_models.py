"""Models from tables, and distances in time."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from boldstream.core.errors import ParameterError, TableError
from boldstream.geometry import read_model, temporal_distance
from tests.geometry.oracle import random_rdm


@pytest.mark.parametrize(("name", "separator"), [("model.tsv", "\t"), ("model.csv", ",")])
def test_a_model_that_pandas_wrote(
    tmp_path: Path, rng: np.random.Generator, name: str, separator: str
) -> None:
    model = random_rdm(rng, ["1", "2", "10", "cat"])
    table = model.to_frame().loc[["cat", "2", "10", "1"], ["10", "cat", "1", "2"]]
    table.to_csv(tmp_path / name, sep=separator)
    found = read_model(tmp_path / name)
    assert found.metric == "model"
    np.testing.assert_allclose(found.of(model.conditions).values, model.values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\ta\tb\na\t0\t1\nc\t1\t0\n", "these differ: 'b', 'c'"),
        ("x\ta\tb\na\t0\t1\nb\t1\t0\na\t1\t0\n", "these differ: 'a'$"),
        ("x\ta\tb\na\t0\tn/a\nb\t1\t0\n", "line 2: the dissimilarity to 'b' must be .* got 'n/a'"),
        ("x\ta\tb\na\t0\tnan\nb\tnan\t0\n", "must be finite"),
        ("x\ta\tb\na\t0\t1\nb\t2\t0\n", "must be symmetric"),
        ("x\ta\tb\na\t1\t2\nb\t2\t1\n", "zeros on its diagonal"),
        ("x\ta\na\t0\n", "at least two"),
        ("x\ta\tb\na\t0\n", "a row must have 3 cells, got 2"),
    ],
)
def test_tables_that_are_no_models(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "model.tsv"
    path.write_text(text)
    with pytest.raises(TableError, match=message) as raised:
        read_model(path)
    assert str(path) in str(raised.value)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.tsv"):
        read_model(tmp_path / "none.tsv")


def test_times_are_means_over_pairs_of_trials(rng: np.random.Generator) -> None:
    table = pd.DataFrame(
        {
            "onset": rng.uniform(0, 300, 60),
            "run": rng.integers(1, 4, 60),
            "trial_type": rng.choice(["a", "b", "c"], 60, p=[0.6, 0.3, 0.1]),
        }
    )
    found = temporal_distance(table["onset"], table["run"], table["trial_type"])
    assert found.conditions == ("a", "b", "c")
    for one, other in [("a", "b"), ("a", "c"), ("b", "c")]:
        apart = [
            abs(x.onset - y.onset)
            for x, y in product(table.itertuples(), table.itertuples())
            if x.run == y.run and (x.trial_type, y.trial_type) == (one, other)
        ]
        assert found.of([one, other]).values[0] == pytest.approx(np.mean(apart))


def test_conditions_that_never_meet_have_no_distance() -> None:
    with pytest.raises(ParameterError, match="got 'a' and 'b' in different runs only"):
        temporal_distance([0, 1, 2], [1, 2, 2], ["a", "b", "b"])
    with pytest.raises(TableError, match="1 others"):
        temporal_distance([0, np.nan], [1, 1], ["a", "b"])
    with pytest.raises(TableError, match="numbers of seconds"):
        temporal_distance(["0", "soon"], [1, 1], ["a", "b"])
