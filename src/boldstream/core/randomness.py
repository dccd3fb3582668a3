"""Random numbers from what users pass as `random_state`."""

from __future__ import annotations

from typing import Any

import numpy as np

from boldstream.core.errors import ParameterError


def random_numbers(random_state: Any) -> np.random.Generator:
    """A source of random numbers: equal seeds give equal ones.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        None for other ones in each call.

    Raises
    ------
    ParameterError
        If it is none of these.

    Examples
    --------
    >>> random_numbers(0).integers(100, size=3)
    array([85, 63, 51])
    """
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            "`random_state` must be an integer of at least 0, a numpy Generator or RandomState, "
            f"or None, got {random_state!r}"
        ) from error
