"""Noise ceilings against rsatoolbox."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from boldstream.core.errors import ParameterError
from boldstream.geometry import RDM, noise_ceiling
from tests.geometry.oracle import METHODS, random_rdm, their_ceiling


@pytest.mark.parametrize("method", sorted(METHODS))
def test_bounds_are_those_of_rsatoolbox(rng: np.random.Generator, method: Any) -> None:
    shared = random_rdm(rng)
    rdms = [
        RDM(shared.values + rng.normal(0, 0.7, 15), shared.conditions, "euclidean")
        for _ in range(6)
    ]
    expected = their_ceiling(rdms, method)
    assert noise_ceiling(rdms, method=method) == pytest.approx(expected)
    lower, upper = noise_ceiling(rdms, method=method)
    assert 0 < lower < upper < 1
    turned = {str(i): one.of("fedcba" if i % 2 else "abcdef") for i, one in enumerate(rdms)}
    assert noise_ceiling(turned, method=method) == pytest.approx(expected)


def test_what_has_no_ceiling(rng: np.random.Generator) -> None:
    one = random_rdm(rng)
    with pytest.raises(ParameterError, match="at least two, got 1"):
        noise_ceiling(one)
    with pytest.raises(ParameterError, match=r"'rdm_2',.* lacks 'f'"):
        noise_ceiling([one, one.of("abcde")])
