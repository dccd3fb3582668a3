"""A real browser for tests of pages: headless Chromium, through playwright.

Taken over by ``tests/report/conftest.py``; tests ask for `page`, or for
`open_page` where they want another window.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OF_THE_PAGE = ("file:", "data:", "blob:", "about:")

OpenPage: TypeAlias = "Callable[..., Page]"


# A running playwright holds the event loop of its thread, which other tests need: so no session.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, as long as the tests of a module run."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="needs a web browser: playwright is not installed"
    )
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"needs a web browser: none of {', '.join(_NAMES)} is installed")
    # Chromium keeps its own sandbox from root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Make empty windows; ``open_page(width=400, height=800, dark=True)``.

    At the end of the test none of them may have asked for anything that is not
    a file or a part of the page, nor have written a warning or an error to
    the console.
    """
    with ExitStack() as windows:

        def open_one(*, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
            return windows.enter_context(_watched(browser, width, height, dark=dark))

        yield open_one


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """An empty window of 1280 × 800 pixels, watched as those of `open_page`."""
    return open_page()


@contextmanager
def _watched(browser: Browser, width: int, height: int, *, dark: bool) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    asked: list[str] = []
    said: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    context.on("weberror", lambda error: said.append(f"error: {error.error}"))
    try:
        yield context.new_page()
    finally:
        context.close()
    left = [url for url in asked if not url.startswith(_OF_THE_PAGE)]
    assert not left, f"the page asked for {left}"
    wrong = [text for text in said if text.startswith(("error:", "warning:"))]
    assert not wrong, f"the page said {wrong}"


def pixels_of(page: Any) -> Any:
    """What a window or a part of it shows, shape (height, width, 4), from 0 to 1."""
    from io import BytesIO

    from matplotlib.image import imread

    return imread(BytesIO(page.screenshot()))
