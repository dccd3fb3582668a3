"""What is offered in a trial: an amount now, or another one after a delay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.behaviour.cells import numbers
from boldstream.core.errors import ParameterError

Floats = NDArray[np.float64]
Names = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Offers:
    """Offers of trials; NaN where one is missing.

    Attributes
    ----------
    delayed_amount, delay, immediate_amount : ndarray of float64, shape (n_trials,)
        Amounts are above 0, delays at least 0.
    """

    delayed_amount: Floats
    delay: Floats
    immediate_amount: Floats

    def of(self, rows: Any) -> Offers:
        """Those of some trials, by their indices or a mask."""
        return Offers(self.delayed_amount[rows], self.delay[rows], self.immediate_amount[rows])

    @property
    def by_position(self) -> tuple[Floats, Floats, Floats]:
        """The three, in the order of the attributes."""
        return self.delayed_amount, self.delay, self.immediate_amount


def read_offers(
    delayed_amount: Any, delay: Any, immediate_amount: Any, *, n_trials: int, names: Names
) -> Offers:
    """Offers of `n_trials` trials from cells, which `names` are what errors call.

    Parameters
    ----------
    delayed_amount, delay : array-like, shape (n_trials,)
        Numbers, or texts of them.
    immediate_amount : array-like, shape (n_trials,), or float
        One number is that of all trials.

    Raises
    ------
    ParameterError
        If there is another number of cells, an amount is not positive, or a
        delay negative.

    Examples
    --------
    >>> offers = read_offers(["40", "n/a"], [30, 0], 20, n_trials=2, names=("a", "d", "now"))
    >>> offers.delayed_amount, offers.immediate_amount
    (array([40., nan]), array([20., 20.]))
    """
    if np.ndim(immediate_amount) == 0:
        immediate_amount = [immediate_amount] * n_trials
    cells = (delayed_amount, delay, immediate_amount)
    found = [numbers(name, values) for name, values in zip(names, cells, strict=True)]
    for name, values in zip(names, found, strict=True):
        if len(values) != n_trials:
            raise ParameterError(
                f"`{name}` must have a cell for each of {n_trials} trials, got {len(values)}"
            )
    return Offers(
        checked_amounts(names[0], found[0]),
        checked_delays(names[1], found[1]),
        checked_amounts(names[2], found[2]),
    )


def check_complete(offers: Offers, is_chosen: NDArray[np.bool_], names: Names) -> None:
    """Raise `ParameterError` where there is a choice, and an offer is missing."""
    for name, values in zip(names, offers.by_position, strict=True):
        lacking = is_chosen & np.isnan(values)
        if lacking.any():
            raise ParameterError(
                f"`{name}` must be there wherever there is a choice, got none in row "
                f"{int(np.argmax(lacking))}"
            )


def checked_amounts(name: str, values: Any) -> Floats:
    """Amounts as float64; NaN is one that is missing.

    Raises
    ------
    ParameterError
        If one is no finite number above 0.
    """
    return _checked(name, values, lambda amounts: amounts > 0, "positive")


def checked_delays(name: str, values: Any) -> Floats:
    """Delays as float64; NaN is one that is missing.

    Raises
    ------
    ParameterError
        If one is no finite number of at least 0.
    """
    return _checked(name, values, lambda delays: delays >= 0, "at least 0")


def _checked(name: str, values: Any, is_good: Callable[[Floats], Any], wanted: str) -> Floats:
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`{name}` must be finite and {wanted}, got {values!r}") from error
    wrong = ~np.isnan(found) & ~(np.isfinite(found) & is_good(found))
    if wrong.any():
        where = f" in row {int(np.argmax(wrong))}" if found.ndim == 1 else ""
        raise ParameterError(
            f"`{name}` must be finite and {wanted}, got {found[wrong][0]:g}{where}"
        )
    return found
