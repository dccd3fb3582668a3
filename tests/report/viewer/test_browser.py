"""Pages of maps in a real browser, their numbers compared with nibabel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec

from boldstream.report.viewer import view_map, write_views
from tests.report.browser import OpenPage, pixels_of
from tests.report.viewer.maps import AFFINES, write_map, write_mean

pytestmark = pytest.mark.browser

_CLICKS = [
    (0.1, 0.5),
    (0.17, 0.4),
    (0.45, 0.55),
    (0.52, 0.4),
    (0.8, 0.5),
    (0.85, 0.62),
    (0.99, 0.02),
]


@pytest.fixture(scope="module")
def map_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of t over a mean image."""
    folder = tmp_path_factory.mktemp("map")
    write_map(folder / "t.nii.gz", AFFINES["flipped"])
    write_mean(folder / "mean.nii.gz", AFFINES["flipped"])
    return view_map(
        folder / "t.nii.gz",
        folder / "map.html",
        title="Faces above houses",
        background=folder / "mean.nii.gz",
        thresholds=[3, 6],
        unit="t",
    )


def numbers_of(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", text.replace("−", "-"))]


def readout(page: Any) -> tuple[np.ndarray, list[int] | None, float]:
    """Place in mm, voxel and value that a page shows."""
    place, voxel, value = (page.text_content(f"#{name}") for name in ("place", "voxel", "value"))
    indices = None if voxel == "outside the map" else [int(x) for x in numbers_of(voxel)]
    return np.array(numbers_of(place)), indices, np.nan if value == "none" else numbers_of(value)[0]


def click(page: Any, across: float, down: float) -> None:
    box = page.locator("canvas").bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def coloured(page: Any) -> int:
    """How many pixels of the pictures have a colour: not grey, and not the crosshair's green."""
    red, green, blue = (pixels_of(page.locator("canvas"))[..., i] for i in range(3))
    grey = (abs(red - green) < 0.03) & (abs(green - blue) < 0.03)
    return int((~grey & ~((green > 0.95) & (blue < 0.2))).sum())


def test_a_page_opens_from_disk_and_its_pictures_are_not_blank(page: Any, map_page: Path) -> None:
    page.goto(map_page.as_uri())
    assert page.title() == "Faces above houses"
    assert page.get_by_role("heading", level=1).is_visible()
    shown = pixels_of(page.locator("canvas"))
    assert np.ptp(shown[..., :3], axis=(0, 1)).min() > 0.5
    assert coloured(page) > 1000


@pytest.mark.parametrize("name", AFFINES)
def test_the_value_shown_is_that_of_the_map_there(page: Any, tmp_path: Path, name: str) -> None:
    write_map(tmp_path / "t.nii.gz", AFFINES[name])
    page.goto(view_map(tmp_path / "t.nii.gz", tmp_path / "map.html", unit="t").as_uri())
    image: Any = nib.load(tmp_path / "t.nii.gz")
    data, to_voxel = image.get_fdata(), np.linalg.inv(image.affine)
    _, _, value = readout(page)
    # A voxel that is turned may be none's nearest, and not be drawn.
    exactness = 0.02 if name == "oblique" else 1e-5
    assert abs(value) == pytest.approx(np.abs(data).max(), rel=exactness)
    seen = set()
    for across, down in _CLICKS:
        click(page, across, down)
        place, voxel, value = readout(page)
        exact = apply_affine(to_voxel, place)
        if voxel is None:
            assert np.isnan(value)
            assert np.any((exact < -0.45) | (exact > np.array(data.shape) - 0.55))
            continue
        # Places are shown to a hundredth of a mm.
        assert np.abs(exact - voxel).max() < 0.5 + 0.005 / 2
        assert value == pytest.approx(data[tuple(voxel)], rel=1e-5)
        seen.add((*voxel, value))
    assert len(seen) > 4


def test_a_click_on_what_is_seen_says_where_it_is(page: Any, tmp_path: Path) -> None:
    """The orientation, without any arithmetic of ours: a spot found by its colour."""
    affine = from_matvec(np.diag([-3.0, 3, 3]), [30, -33, -27])
    data = np.zeros((20, 22, 18), np.float32)
    low, high = np.array([24.0, -18, 0]), np.array([-18.0, 15, 3])
    for place, value in ((low, 5.0), (high, 9.0)):
        i, j, k = np.round(apply_affine(np.linalg.inv(affine), place)).astype(int)
        data[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = value
        data[i, j, k] += 0.5
    nib.Nifti1Image(data, affine).to_filename(tmp_path / "spots.nii.gz")
    page.goto(view_map(tmp_path / "spots.nii.gz", tmp_path / "map.html").as_uri())
    place, _, value = readout(page)
    np.testing.assert_allclose(place, high)
    assert value == 9.5

    shown = pixels_of(page.locator("canvas"))
    dark_blue = (shown[..., 2] > 0.3) & (shown[..., 2] < 0.9) & (shown[..., 1] < 0.35)
    yellow = (shown[..., 0] > 0.8) & (shown[..., 1] > 0.5) & (shown[..., 2] < 0.4)
    # Slices from above are the last third; x runs from left to right, y upwards.
    last = np.arange(shown.shape[1]) > 0.69 * shown.shape[1]
    (y_low, x_low), (y_high, x_high) = (
        np.argwhere(colour & last).mean(axis=0) for colour in (dark_blue, yellow)
    )
    assert x_high < x_low
    assert y_high < y_low
    click(page, x_low / shown.shape[1], y_low / shown.shape[0])
    place, _, value = readout(page)
    assert np.abs(place[:2] - low[:2]).max() <= 3
    assert value in (5, 5.5)


def test_a_drag_ends_where_the_button_is_let_go(page: Any, map_page: Path) -> None:
    page.goto(map_page.as_uri())
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 120)
    during = readout(page)[0]
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] + 60)
    page.mouse.up()
    page.mouse.move(box["x"] + 150, box["y"] + 40)
    np.testing.assert_array_equal(readout(page)[0], during)


def test_a_higher_threshold_colours_fewer_pixels(page: Any, map_page: Path) -> None:
    page.goto(map_page.as_uri())
    image: Any = nib.load(map_page.with_name("t.nii.gz"))
    choices = page.locator("option").all_text_contents()
    assert [choice.split(" (")[0] for choice in choices] == [
        f"all {np.count_nonzero(image.dataobj):,} voxels",
        "beyond ±3 t",
        "beyond ±6 t",
    ]
    click(page, 0.5, 0.5)
    where = readout(page)
    counts = []
    for choice in choices:
        page.get_by_label("Show").select_option(label=choice)
        counts.append(coloured(page))
    assert counts[0] > 1.5 * counts[1] > 3 * counts[2] > 0
    assert readout(page)[1:] == where[1:]


def test_the_keyboard_reaches_and_moves_everything(page: Any, map_page: Path) -> None:
    page.goto(map_page.as_uri())
    before = coloured(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "threshold"
    page.keyboard.press("ArrowDown")
    assert coloured(page) < before
    start = readout(page)[0]
    for axis, name in enumerate(("x, left to right", "y, back to front", "z, bottom to top")):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.labels[0].textContent").strip() == name
        page.keyboard.press("ArrowRight")
        moved = readout(page)[0]
        expected = start.copy()
        expected[axis] += 3
        np.testing.assert_allclose(moved, expected)
        start = moved
    page.keyboard.press("Tab")
    shown = coloured(page)
    page.keyboard.press("Home")
    assert coloured(page) < shown / 4


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_window_and_all_can_be_read(
    open_page: OpenPage, map_page: Path, width: int, dark: bool
) -> None:
    page = open_page(width=width, height=900, dark=dark)
    page.goto(map_page.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back = colour_of(page, "html", "background-color")
    assert (back.mean() < 0.5) == dark
    for part in ("h1", ".control label", "select", ".scale", "dt", "dd", ".sliders label", ".note"):
        assert contrast(colour_of(page, part, "color"), back) >= 4.5
    assert contrast(colour_of(page, "select", "border-top-color"), back) >= 3


def colour_of(page: Any, part: str, kind: str) -> np.ndarray:
    style = f"getComputedStyle(document.querySelector({part!r})).getPropertyValue({kind!r})"
    return np.array(numbers_of(page.evaluate(style))[:3]) / 255


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Of two colours, as WCAG 2 has it."""
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other)]
    dark, light = sorted(float(c @ [0.2126, 0.7152, 0.0722]) for c in linear)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("width", [1280, 400])
def test_a_map_in_another_page_has_the_height_it_needs(
    open_page: OpenPage, tmp_path: Path, width: int
) -> None:
    (tmp_path / "maps & more").mkdir()
    write_map(tmp_path / "t.nii.gz", AFFINES["thick"])
    figures = ""
    for name in ("first #1", "second"):
        views = write_views(
            tmp_path / "t.nii.gz", tmp_path / "maps & more", name, title=f"<i>{name}</i>", unit="t"
        )
        figures += views.html("maps & more/")
    report = tmp_path / "report.html"
    report.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>report</title>{figures}")
    page = open_page(width=width)
    page.goto(report.as_uri())
    for frame in page.locator("iframe").all():
        frame.scroll_into_view_if_needed()
        inside = frame.content_frame
        inside.locator("#value").filter(has_text="t").wait_for()
        page.wait_for_function(
            "frame => frame.style.height.endsWith('px')", arg=frame.element_handle()
        )
        main = inside.locator("main").bounding_box()
        box = frame.bounding_box()
        assert main is not None
        assert box is not None
        assert 0 <= box["height"] - main["height"] < 2
        assert main["width"] <= width
        inside.locator("canvas").click(position={"x": 30, "y": 40})
        before = inside.locator("#place").text_content()
        inside.get_by_label("Show").select_option(index=1)
        assert inside.locator("#place").text_content() == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="Open the map on its own").first.click()
    assert page.title() == "<i>first #1</i>"


def test_a_title_is_a_text_wherever_it_stands(page: Any, tmp_path: Path) -> None:
    nasty = "</title><script>document.title = 'no'</script>\"'&"
    write_map(tmp_path / "t.nii.gz", AFFINES["flipped"])
    shown = view_map(tmp_path / "t.nii.gz", tmp_path / "map.html", title=nasty, unit=nasty)
    page.goto(shown.as_uri())
    assert page.title() == nasty
    assert page.text_content("h1") == nasty
    assert page.text_content("#value").endswith(nasty)


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_map_of_nothing_says_so(page: Any, tmp_path: Path, value: float) -> None:
    image = nib.Nifti1Image(np.full((5, 6, 7), value, np.float32), np.eye(4))
    page.goto(view_map(image, tmp_path / "map.html").as_uri())
    assert page.text_content("#value") == ("none" if np.isnan(value) else "0")
    assert page.text_content("#voxel") == "2, 3, 3"


def test_outside_of_a_mask_there_is_no_value(page: Any, tmp_path: Path) -> None:
    data = np.arange(1.0, 217.0).reshape(6, 6, 6)
    mask = np.zeros((6, 6, 6), np.uint8)
    mask[2:, 2:, 2:] = 1
    image = nib.Nifti1Image(data, np.eye(4))
    page.goto(
        view_map(image, tmp_path / "map.html", mask=nib.Nifti1Image(mask, np.eye(4))).as_uri()
    )
    assert readout(page)[1:] == ([5, 5, 5], 216)
    for axis in range(3):
        page.locator(f"#slice-{axis}").fill("1")
    np.testing.assert_equal(readout(page)[1:], ([1, 1, 1], np.nan))
