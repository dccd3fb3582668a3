"""`RDM` against `scipy.spatial.distance.squareform`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry import RDM
from tests.geometry.oracle import random_rdm


def test_its_matrix_is_that_of_squareform(rng: np.random.Generator) -> None:
    found = random_rdm(rng)
    np.testing.assert_array_equal(found.matrix(), squareform(found.values))
    table = found.to_frame()
    assert table.loc["b", "d"] == table.loc["d", "b"] == squareform(found.values)[1, 3]


def test_some_conditions_in_another_order(rng: np.random.Generator) -> None:
    found = random_rdm(rng)
    some = found.of(["e", "a", "c"])
    assert some.conditions == ("e", "a", "c")
    at = [4, 0, 2]
    np.testing.assert_array_equal(some.matrix(), found.matrix()[np.ix_(at, at)])
    with pytest.raises(ParameterError, match="got 'A'"):
        found.of(["A", "b"])


def test_a_matrix_is_sorted_by_its_names(rng: np.random.Generator) -> None:
    matrix = squareform(rng.random(3))
    found = RDM.from_matrix(matrix, [10, 9, 2])
    assert found.conditions == ("2", "9", "10")
    np.testing.assert_array_equal(found.matrix(), matrix[::-1, ::-1])


def test_rounding_of_a_matrix_is_forgiven_and_no_more() -> None:
    assert RDM.from_matrix([[1e-9, 1], [1 + 1e-8, 0]], "ab").values[0] == pytest.approx(1)
    near: list[list[list[float]]] = [[[0, 1 - 0.9e-6], [1, 0]], [[0.9e-6, 1], [1, 0]]]
    for matrix in near:
        assert RDM.from_matrix(matrix, "ab").values[0] == pytest.approx(1, abs=1e-6)
    # What cross-validation leaves below 0 may be the largest.
    assert RDM.from_matrix([[0, -1e9], [-1e9, 1]], "ab").values[0] == -1e9
    wrong: list[tuple[list[list[float]], str]] = [
        ([[0, 1 - 1.5e-6], [1, 0]], "symmetric"),
        ([[1.5e-6, 1], [1, 0]], "zeros on its diagonal"),
        ([[0, 1e-8], [2e-8, 0]], "symmetric"),
        ([[0, 1], [1.1, 0]], "symmetric"),
        ([[0.1, 1], [1, 0]], "zeros on its diagonal"),
        ([[0, 1, 2], [1, 0, 2]], "square"),
    ]
    for matrix, message in wrong:
        with pytest.raises(ParameterError, match=message):
            RDM.from_matrix(matrix, ["a", "b"])


def test_what_is_no_rdm() -> None:
    with pytest.raises(ParameterError, match="3 numbers, one for each pair of 3 conditions"):
        RDM(np.zeros(2), ("a", "b", "c"), "model")
    with pytest.raises(ParameterError, match="two different names, got 'a', 'a'"):
        RDM(np.zeros(1), ("a", "a"), "model")
    for values in ([np.nan], [1.0, np.nan, 2.0], [np.inf, 1.0, 2.0]):
        with pytest.raises(NonFiniteError, match="NaN"):
            RDM(np.array(values), tuple("abc"[: 1 + (len(values) + 1) // 2]), "model")
    with pytest.raises(ParameterError, match="different names"):
        RDM.from_matrix(np.zeros((2, 2)), ["a", "a"])
    with pytest.raises(ParameterError, match="`conditions` must be different names"):
        RDM.from_matrix(np.zeros((3, 3)), ["a", "b", "a"])
    with pytest.raises(NonFiniteError, match="`matrix`"):
        RDM.from_matrix([[0, np.inf], [np.inf, 0]], ["a", "b"])
