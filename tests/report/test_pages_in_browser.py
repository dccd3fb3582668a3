"""The report in a real browser: from disk, at all widths, by keyboard, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from boldstream.report.blocks import Link, Section
from boldstream.report.blocks import Page as Content
from boldstream.report.rendering import render

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.report.browser import OpenPage

PAGES = ("index.html", "sub-01.html")


def show(page: Page, path: Path) -> None:
    """Open a page and come to its end, so that frames that wait for that are loaded."""
    page.goto(path.as_uri())
    for frame in page.locator("iframe").all():
        frame.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [400, 1280, 1600])
def test_nothing_is_wider_than_the_window(
    open_page: OpenPage, report: Path, name: str, width: int
) -> None:
    page = open_page(width=width, height=800)
    show(page, report / name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = page.evaluate(
        """width => [...document.querySelectorAll("body *")].filter(
            (one) => !one.closest(".table, pre, .skip, .paper img")
                && one.getBoundingClientRect().right > width + 1
        ).map((one) => one.outerHTML.slice(0, 80))""",
        width,
    )
    assert wider == []


def test_text_in_pictures_stays_large_enough_on_a_phone(open_page: OpenPage, report: Path) -> None:
    page = open_page(width=400, height=800)
    show(page, report / "sub-01.html")
    sizes = page.evaluate(
        """[...document.querySelectorAll(".paper img")].map((one) =>
            [one.clientWidth / one.getAttribute("width"), one.parentElement.scrollWidth,
             one.clientWidth])"""
    )
    # The smallest text is of 9 points, 12 pixels: on the page at least 9.
    assert min(share for share, _, _ in sizes) >= 0.75
    assert all(reached >= width for _, reached, width in sizes)


def test_long_names_are_no_wider_than_the_window(open_page: OpenPage, tmp_path: Path) -> None:
    place = tmp_path / "long.html"
    name = f"Subject {'L' * 300}"
    page = Content("long.html", name, "", (Section("a", "W" * 200, ()),))
    links = (Link("The study", "index.html"), Link(name, "long.html"))
    place.write_text(render(page, study="S" * 200, made="", links=links), encoding="utf-8")
    for width in (400, 1280):
        shown = open_page(width=width, height=800)
        show(shown, place)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        cut = shown.evaluate(
            """[...document.querySelectorAll("nav a")].filter(
                (one) => one.getBoundingClientRect().right
                    > one.closest("nav").getBoundingClientRect().right + 1).length"""
        )
        assert cut == 0


def test_maps_are_drawn_in_their_frames(page: Page, report: Path) -> None:
    show(page, report / "sub-01.html")
    frames = page.frames[1:]
    assert len(frames) == 3
    for frame in frames:
        frame.wait_for_function("document.querySelector('canvas').width > 0")
        frame.wait_for_function("document.getElementById('value').textContent !== ''")


def test_a_column_is_sorted_by_its_numbers_and_by_keyboard(page: Page, report: Path) -> None:
    show(page, report / "sub-01.html")
    table = page.locator("#memory table")
    heading = table.get_by_role("columnheader", name="time, all")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    values = _values(table)
    assert len(values) > 3
    assert values == sorted(values)
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert _values(table) == sorted(values, reverse=True)


def _values(table: Any) -> list[float]:
    cells = table.locator("tbody td:nth-child(4)")
    return [float(one) for one in cells.evaluate_all("all => all.map(one => one.dataset.sort)")]


def test_the_keyboard_reaches_the_content_the_links_and_the_tables(
    page: Page, report: Path
) -> None:
    show(page, report / "index.html")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 30)"))
        focused = page.evaluate(
            "document.activeElement.tagName === 'IFRAME' || "
            "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        )
        assert focused
    assert any(html.startswith("<summary") for html in reached)
    assert any(html.startswith('<div class="table"') for html in reached)
    assert any(html.startswith("<button") for html in reached)
    assert any(html.startswith("<a href") for html in reached)


def test_links_lead_from_page_to_page(page: Page, report: Path) -> None:
    show(page, report / "index.html")
    page.get_by_role("navigation").get_by_role("link", name="Subject 02").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Subject 02"
    assert page.locator("nav a[aria-current=page]").inner_text() == "Subject 02"
    page.get_by_role("banner").get_by_role("link").click()
    assert page.url.endswith("index.html")


def test_the_ground_is_dark_where_that_is_wished(open_page: OpenPage, report: Path) -> None:
    colours = []
    for dark in (False, True):
        page = open_page(dark=dark)
        page.goto((report / "index.html").as_uri())
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(22, 24, 27)"]


def test_on_paper_there_is_no_navigation_and_all_is_open(page: Page, report: Path) -> None:
    page.goto((report / "index.html").as_uri())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("main details pre").first.is_visible()
    assert page.locator(".methods").is_visible()


def test_methods_can_be_copied(page: Page, report: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto((report / "index.html").as_uri())
    button = page.get_by_role("button", name="Copy the text")
    button.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "least squares all" in copied
    assert "doi:10." in copied
