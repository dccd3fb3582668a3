"""Random numbers from what users pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from boldstream.core.errors import ParameterError
from boldstream.core.randomness import random_numbers


@pytest.mark.parametrize("make", [int, np.random.default_rng, np.random.RandomState])
def test_equal_seeds_give_equal_numbers(make: Any) -> None:
    first, again, other = (random_numbers(make(seed)).integers(1000, size=9) for seed in (3, 3, 4))
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_generator_is_taken_as_it_is_and_none_is_always_another_one() -> None:
    given = np.random.default_rng(0)
    assert random_numbers(given) is given
    assert random_numbers(None).integers(2**62) != random_numbers(None).integers(2**62)


@pytest.mark.parametrize("given", [-1, 1.5, "seed"])
def test_what_is_no_seed_is_refused(given: Any) -> None:
    with pytest.raises(ParameterError, match=f"`random_state` must be an integer.* got {given!r}"):
        random_numbers(given)
