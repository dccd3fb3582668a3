"""How many cases: a few that are always the same, or with the profile `fuzz` many new ones."""

from __future__ import annotations

from hypothesis import settings

_DEEP = "fuzz"


def is_deep() -> bool:
    """Whether this is `make fuzz`."""
    return settings.get_current_profile_name() == _DEEP


def cases(quick: int, deep: float = 1.0) -> settings:
    """Settings of a test: so many cases in every run of the tests, and a multiple of 2 000 deep."""
    if is_deep():
        return settings(max_examples=int(settings().max_examples * deep))
    return settings(max_examples=quick, derandomize=True, database=None)
