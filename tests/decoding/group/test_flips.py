"""Patterns of signs: each once, or random ones that do not depend on how they are read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boldstream.core.errors import ParameterError
from boldstream.decoding.group.flips import make_flips


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_pattern_comes_once(n: int) -> None:
    flips = make_flips(n, 2**n)
    assert flips.is_exact
    signs = flips.signs(0, flips.n_patterns)
    assert (signs[0] == 1).all()
    assert {tuple(row) for row in signs} == set(itertools.product([1.0, -1.0], repeat=n))
    assert len(signs) == 2**n


def test_random_ones_where_there_are_too_many() -> None:
    flips = make_flips(9, 511)
    assert not flips.is_exact
    assert flips.n_patterns == 512


@given(
    n=st.integers(14, 200),
    start=st.integers(0, 300),
    length=st.integers(1, 100),
    seed=st.integers(0, 99),
)
def test_a_part_is_that_part_of_the_whole(n: int, start: int, length: int, seed: int) -> None:
    flips = make_flips(n, 400, seed)
    whole = flips.signs(0, 401)
    stop = min(start + length, 401)
    np.testing.assert_array_equal(flips.signs(start, stop), whole[start:stop])
    assert (whole[0] == 1).all()
    assert (np.abs(whole) == 1).all()


def test_signs_are_fair_and_independent() -> None:
    signs = make_flips(70, 20_000, 1).signs(1, 20_001)
    assert np.abs(signs.mean(axis=0)).max() < 0.04
    together = signs.T @ signs / len(signs) - np.eye(70)
    assert np.abs(together).max() < 0.04
    assert np.abs((signs[1:] * signs[:-1]).mean(axis=0)).max() < 0.04
    other = make_flips(70, 20_000, 2).signs(1, 20_001)
    assert np.abs((signs * other).mean()) < 0.01


@pytest.mark.parametrize("n", [14, 63, 64, 65, 128, 129])
def test_every_subject_is_flipped_in_half_of_the_patterns(n: int) -> None:
    """Words have 64 bits: the first and the last of each are subjects as others are."""
    signs = make_flips(n, 2000, 4).signs(1, 2001)
    assert signs.shape == (2000, n)
    assert np.abs(signs.mean(axis=0)).max() < 0.1
    assert np.abs(signs.T @ signs / 2000 - np.eye(n)).max() < 0.12


def test_patterns_are_taken_once_if_they_are_no_more_than_permutations() -> None:
    """Eight patterns of three subjects: the one without a flip is one of them."""
    assert [make_flips(3, n).is_exact for n in (7, 8, 9)] == [False, True, True]
    assert [make_flips(3, n).n_patterns for n in (7, 8, 9)] == [8, 8, 8]
    assert make_flips(3, 8).seed is None


def test_each_random_state_has_signs_of_its_own() -> None:
    seeds = {make_flips(20, 10, state).seed for state in range(300)}
    assert len(seeds) == 300
    assert max(seed for seed in seeds if seed is not None) >= 2**62
    assert make_flips(20, 10) == make_flips(20, 10, 0)


def test_what_is_no_seed_is_refused() -> None:
    with pytest.raises(ParameterError, match="`random_state`"):
        make_flips(20, 10, "seed")
