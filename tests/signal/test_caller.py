"""Where warnings point to."""

from __future__ import annotations

import threading
import types
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from boldstream.signal.caller import warnings_at_caller
from boldstream.signal.cleaning import Cleaning, clean


def library(body: str) -> types.ModuleType:
    """A module that counts as one of the library's own."""
    module = types.ModuleType("boldstream.made_up")
    vars(module).update(warnings=warnings, at_caller=warnings_at_caller, threading=threading)
    exec(compile(body, "/library/made_up.py", "exec"), vars(module))
    return module


SAYS = """
def warn(*args):
    warnings.warn("said", stacklevel=1)

@at_caller()
def entry():
    warn()

@at_caller()
def entry_with_threads(pool):
    list(pool.map(warn, [0]))

@at_caller()
def entry_of_two(inside, leave):
    inside.set()
    leave.wait(10)
"""


def test_a_warning_points_at_the_line_that_called() -> None:
    with pytest.warns(UserWarning, match="said") as seen:
        library(SAYS).entry()
    assert seen[0].filename == __file__


def test_so_does_one_of_a_thread() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="said") as seen:
        library(SAYS).entry_with_threads(pool)
    assert seen[0].filename == __file__


def test_the_way_of_showing_warnings_is_given_back() -> None:
    before = warnings.showwarning
    for _ in range(2):
        with pytest.warns(UserWarning, match="said"):
            library(SAYS).entry()
        with warnings_at_caller():
            assert warnings.showwarning is not before
        assert warnings.showwarning is before


def test_warnings_of_others_stay_where_they_are() -> None:
    with pytest.warns(RuntimeWarning) as seen, warnings_at_caller():
        warnings.warn_explicit("theirs", RuntimeWarning, "/theirs.py", 7)
    assert (seen[0].filename, seen[0].lineno) == ("/theirs.py", 7)


def test_a_filter_that_raises_still_does() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="said"):
            library(SAYS).entry()


def test_nothing_is_lost_where_threads_overlap() -> None:
    before = warnings.showwarning
    module = library(SAYS)
    first, second = (threading.Event(), threading.Event()), (threading.Event(), threading.Event())
    threads = [threading.Thread(target=module.entry_of_two, args=e) for e in (first, second)]
    try:
        for thread, (inside, _) in zip(threads, (first, second), strict=True):
            thread.start()
            assert inside.wait(10)
        for thread, (_, leave) in zip(threads, (first, second), strict=True):
            leave.set()
            thread.join()
        with pytest.warns(UserWarning, match="said") as seen:
            module.entry()
        assert [w.filename for w in seen] == [__file__]
        with pytest.warns(UserWarning, match="after all") as seen:
            warnings.warn("after all", stacklevel=1)
        assert seen[0].filename == __file__
    finally:
        warnings.showwarning = before


def test_python_still_knows_what_it_has_shown() -> None:
    module = library(SAYS)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            module.entry()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"standardize": True}, "boolean values"),
        ({"low_pass": 9.0, "t_r": 2.0}, "low pass filter"),
        ({"standardize": "psc", "detrend": True}, "mean of 0"),
    ],
)
def test_cleaning(options: dict[str, object], says: str, recwarn: pytest.WarningsRecorder) -> None:
    series: Callable[[], object] = lambda: np.zeros((40, 3))  # noqa: E731
    warnings.simplefilter("always")
    clean(series(), Cleaning(**options))  # type: ignore[arg-type]
    seen = [w for w in recwarn if says in str(w.message)]
    assert seen
    assert {w.filename for w in seen} == {__file__}
