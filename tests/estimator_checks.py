"""scikit-learn's checks of estimators, one test each."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator


def parametrize_with_checks(*estimators: Any) -> pytest.MarkDecorator:
    """A test of (estimator, check) for each, but those of arrays of other libraries.

    They would be skipped, as scipy has to be told of such arrays before it is imported.
    """
    pairs = [
        (own, check)
        for estimator in estimators
        for own, check in estimator_checks_generator(estimator)
        if "array_api" not in _name(check)
    ]
    names = [f"{type(own).__name__}-{_name(check)}" for own, check in pairs]
    return pytest.mark.parametrize(("estimator", "check"), pairs, ids=names)


def _name(check: Any) -> str:
    function = check.func if isinstance(check, partial) else check
    return str(function.__name__)
