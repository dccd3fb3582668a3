"""Pages of maps, read as text; how they behave is for the browser."""

from __future__ import annotations

import base64
import json
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import (
    ImageFileError,
    MaskError,
    OutputExistsError,
    ParameterError,
    UnsupportedImageError,
)
from boldstream.report.viewer import view_map, write_views
from boldstream.report.viewer.page import packed
from tests.report.viewer.maps import AFFINES, write_map, write_mean

NASTY = "<script>alert(1)</script>\"'& </title>"


class Addresses(HTMLParser):
    """Collects what a page refers to, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "action", "data", "srcset"}:
                self.found.append(value or "")
            if name == "id":
                self.ids.append(value or "")


def view_of(path: Path) -> dict[str, Any]:
    """What the page's script is given."""
    text = re.search(r'id="view">(.*?)</script>', path.read_text(), re.DOTALL)
    assert text is not None
    view: dict[str, Any] = json.loads(text[1])
    return view


def test_a_page_refers_to_nothing_but_itself(tmp_path: Path) -> None:
    write_map(tmp_path / "t.nii.gz", AFFINES["flipped"])
    write_mean(tmp_path / "mean.nii.gz", AFFINES["flipped"])
    views = write_views(
        tmp_path / "t.nii.gz", tmp_path, "t", title="t", background=tmp_path / "mean.nii.gz"
    )
    html = views.path.read_text()
    page = Addresses(html)
    assert all(address.startswith("data:") for address in page.found)
    assert len(page.found) == 3 + len(views.labels)
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r"https?:|url\(|@import", html)
    assert len(html) < 300_000


def test_packed_values_are_found_again(rng: np.random.Generator) -> None:
    values = rng.normal(size=(5, 4, 3)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = 0
    values[rng.random(values.shape) < 0.3] = np.nan
    texts = {name: base64.b64decode(text) for name, text in packed(values).items()}
    floats = iter(struct.unpack(f"<{len(texts['values']) // 4}f", texts["values"]))
    found = []
    for i in range(values.size):
        known, unknown = (texts[x][i // 8] >> i % 8 & 1 for x in ("known", "unknown"))
        found.append(next(floats) if known else np.nan if unknown else 0)
    np.testing.assert_array_equal(np.reshape(found, values.shape, order="F"), values)


def test_titles_units_and_names_are_escaped(tmp_path: Path) -> None:
    write_map(tmp_path / "t.nii.gz", AFFINES["flipped"])
    views = write_views(
        *(tmp_path / "t.nii.gz", tmp_path, "a\"'&<b>"),
        title=NASTY, unit=NASTY, space=NASTY, p_map=tmp_path / "t.nii.gz", p_name=NASTY,
    )  # fmt: skip
    figure = str(views.html(NASTY))
    for html in (views.path.read_text(), figure):
        assert "alert(1)</script>" not in html
        assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2
    assert Addresses(figure).tags.count("script") == 1
    assert views.path.name == "a\"'&<b>.html"


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "a\\b", "a\nb"])
def test_a_page_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    write_map(tmp_path / "t.nii.gz", AFFINES["flipped"])
    with pytest.raises(ParameterError, match="`name` must be a plain file name"):
        write_views(tmp_path / "t.nii.gz", tmp_path, name, title="t")


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((4, 5, 6)),
        np.full((4, 5, 6), np.nan),
        np.full((4, 5, 6), 0.7),
        np.full((4, 5, 6), -0.7),
        np.full((1, 1, 1), 3.0),
        np.where(np.eye(6)[:, :, None] > 0, np.inf, 1e300),
        np.arange(120, dtype=np.int16).reshape(4, 5, 6),
        np.ones((40, 1, 1)) * np.arange(40)[:, None, None],
    ],
    ids=["zero", "nan", "constant", "negative", "voxel", "infinite", "integers", "line"],
)
@pytest.mark.parametrize("with_mask", [False, True])
def test_maps_of_all_kinds_have_a_page(tmp_path: Path, values: np.ndarray, with_mask: bool) -> None:
    image = nib.Nifti1Image(values, np.diag([2.0, 2, 2, 1]))
    mask = np.ones(values.shape, np.uint8) if with_mask else None
    views = write_views(image, tmp_path, "m", title="m", mask=mask)
    low, high = (view_of(views.path)["params"]["colorMap"][end] for end in ("min", "max"))
    assert np.isfinite([low, high]).all()
    assert low < high


def test_a_slice_of_a_searchlight_shows_the_brain_around(tmp_path: Path) -> None:
    affine = AFFINES["flipped"]
    values = write_map(tmp_path / "t.nii.gz", affine)
    write_mean(tmp_path / "mean.nii.gz", affine)
    values[..., :8] = values[..., 9:] = 0
    alone = write_views(nib.Nifti1Image(values, affine), tmp_path, "a", title="a")
    over = write_views(
        nib.Nifti1Image(values, affine),
        tmp_path,
        "b",
        title="b",
        background=tmp_path / "mean.nii.gz",
    )
    assert view_of(alone.path)["shape"][2] == 5
    assert view_of(over.path)["shape"][2] > 12


def test_fine_maps_are_drawn_coarsely_and_say_so(tmp_path: Path, rng: np.random.Generator) -> None:
    shape = (100, 120, 100)
    places = (np.indices(shape).T / np.array(shape) * 2 - 1).T
    inside = (places**2).sum(axis=0) < 0.8
    values = np.where(inside, rng.normal(size=shape), 0).astype(np.float32)
    image = nib.Nifti1Image(values, np.eye(4))
    views = write_views(image, tmp_path, "fine", title="fine", background=image)
    assert "drawn at 1.8 mm" in views.path.read_text()
    assert views.path.stat().st_size < 1_300_000


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    series = nib.Nifti1Image(np.ones((3, 3, 3, 2), "f4"), np.eye(4))
    with pytest.raises(MaskError, match="`image` must hold one volume, got 2"):
        write_views(series, tmp_path, "m", title="m")
    image = nib.Nifti1Image(np.ones((3, 3, 3), "f4"), np.eye(4))
    with pytest.raises(MaskError, match="`background` must hold one volume"):
        write_views(image, tmp_path, "m", title="m", background=series)
    with pytest.raises(MaskError, match="empty"):
        write_views(image, tmp_path, "m", title="m", mask=np.zeros((3, 3, 3)))
    with pytest.raises(ImageFileError):
        write_views(tmp_path / "no.nii.gz", tmp_path, "m", title="m")
    flat = nib.Nifti1Image(np.ones((3, 3, 3), "f4"), None)
    flat.header.set_sform(np.diag([1.0, 1, 0, 1]), code=1)
    flat = nib.Nifti1Image(flat.dataobj, np.diag([1.0, 1, 0, 1]), flat.header)
    with pytest.raises(UnsupportedImageError, match="affine"):
        write_views(flat, tmp_path, "m", title="m")
    with pytest.raises(UnsupportedImageError, match="affine"):
        write_views(image, tmp_path, "m", title="m", background=flat)
    assert list(tmp_path.glob("*.html")) == []


def test_whose_coordinates_they_are_is_read_from_the_name(tmp_path: Path) -> None:
    name = "sub-01_space-MNI152NLin6Asym_stat-t_statmap.nii.gz"
    write_map(tmp_path / name, AFFINES["flipped"])
    write_map(tmp_path / "t.nii.gz", AFFINES["flipped"])
    texts = [
        write_views(tmp_path / name, tmp_path, "a", title="a").caption,
        write_views(tmp_path / "t.nii.gz", tmp_path, "b", title="b").caption,
        write_views(tmp_path / "t.nii.gz", tmp_path, "c", title="c", space="T1w").caption,
    ]
    assert "space MNI152NLin6Asym" in texts[0]
    assert "the image's own space" in texts[1]
    assert "space T1w" in texts[2]


def test_the_caption_says_the_highest_value_and_its_place(tmp_path: Path) -> None:
    affine = AFFINES["oblique"]
    values = write_map(tmp_path / "t.nii.gz", affine)
    caption = write_views(tmp_path / "t.nii.gz", tmp_path, "a", title="a", unit="t").caption
    peak = np.unravel_index(values.argmax(), values.shape)
    place = [float(x) for x in re.findall(r"[xyz] (-?[\d.]+)", caption.replace("−", "-"))]
    np.testing.assert_allclose(place, nib.affines.apply_affine(affine, peak), atol=0.006)
    assert f"to {values.max():.3g} t, highest at" in caption


def test_large_values_are_written_out(tmp_path: Path) -> None:
    values = np.full((4, 4, 4), 2474.41, np.float32)
    values[0] = 169
    views = write_views(
        nib.Nifti1Image(values, np.eye(4)), tmp_path, "a", title="a", background=None, chance=0
    )
    assert "from 169 to 2474, highest at" in views.caption
    assert "2474</span>" in views.path.read_text()


def test_a_page_of_ones_own(tmp_path: Path) -> None:
    write_map(tmp_path / "my_t.nii.gz", AFFINES["thick"])
    page = view_map(tmp_path / "my_t.nii.gz", tmp_path / "new" / "map.html", thresholds=[2, 4])
    assert page == tmp_path / "new" / "map.html"
    assert "<title>my_t.nii.gz</title>" in page.read_text()
    assert "beyond ±4" in page.read_text()
    with pytest.raises(OutputExistsError):
        view_map(tmp_path / "my_t.nii.gz", page)
    view_map(tmp_path / "my_t.nii.gz", page, overwrite=True, title="again")
    assert "<title>again</title>" in page.read_text()
    with pytest.raises(ParameterError, match=r"`output` must end in \.html"):
        view_map(tmp_path / "my_t.nii.gz", tmp_path / "map.nii.gz")
    assert [path.name for path in page.parent.iterdir()] == ["map.html"]


def test_real_maps_have_pages(shared_data: Path, tmp_path: Path) -> None:
    maps = sorted(shared_data.glob("conmaps/*.img"))[:1]
    assert maps
    views = write_views(maps[0], tmp_path, "real", title=maps[0].name)
    assert views.path.stat().st_size < 1_300_000
