"""`write_report`: pages that are whole, that lead nowhere else, and say what is in the results."""

from __future__ import annotations

import base64
import errno
import io
import json
import re
import shutil
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boldstream.core.errors import OutputExistsError, ParameterError
from boldstream.report import write_report, writing
from boldstream.report.blocks import Block, Link
from boldstream.report.making import attempt
from boldstream.report.pages import file_of
from tests.report.parsing import Reading, addresses, read_page

NASTY = """<script>alert(1)</script>"'&"""
PAGES = ("index.html", "sub-01.html", "sub-02.html")


@pytest.fixture(params=PAGES)
def a_page(request: pytest.FixtureRequest, report: Path) -> Reading:
    """Each page of the report."""
    return read_page(report / request.param)


def test_there_is_a_page_for_the_study_and_each_subject_and_it_is_small(report: Path) -> None:
    assert sorted(path.name for path in report.glob("*.html")) == sorted(PAGES)
    assert sum(path.stat().st_size for path in report.rglob("*") if path.is_file()) < 8e6


def test_nothing_is_loaded_from_elsewhere_and_links_lead_to_files(report: Path) -> None:
    n_results = 0
    for name in PAGES:
        page = read_page(report / name)
        ids = {one.attributes["id"] for one in page.elements if "id" in one.attributes}
        for address in addresses(page):
            if address.startswith("data:"):
                continue
            assert not re.match(r"[a-z]+:|//", address), address
            path, _, anchor = address.partition("#")
            if path:
                assert (report / unquote(path)).is_file(), address
                n_results += "unit" not in path and path.startswith("..")
            else:
                assert anchor in ids
    assert n_results > 50


@pytest.mark.parametrize(
    ("name", "title"),
    [("Food <choices>", "Food <choices>"), ("", "Study results"), (["a"], "Study results")],
)
def test_a_report_is_named_after_the_data(results: Path, name: object, title: str) -> None:
    path = results / "dataset_description.json"
    content = json.loads(path.read_text())
    # As the data set that the study was made of calls itself.
    assert content["Name"] == "boldstream demo"
    path.write_text(json.dumps(content | {"Name": name}))
    shutil.rmtree(results / "sub-01")
    index = write_report(results, subjects=["01"])
    assert read_page(index).all("h1")[0].text == title


def test_a_page_has_landmarks_and_headings_in_order(a_page: Reading) -> None:
    assert a_page.all("html")[0].attributes["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(a_page.all(landmark)) == 1, landmark
    first = next(one for one in a_page.elements if "body" in one.within)
    assert first.attributes["href"] == "#content"
    levels = [int(one.tag[1]) for one in a_page.elements if re.fullmatch(r"h[1-6]", one.tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_labels_are_there(a_page: Reading) -> None:
    ids = [one.attributes["id"] for one in a_page.elements if "id" in one.attributes]
    assert len(set(ids)) == len(ids)
    for one in a_page.elements:
        if "aria-labelledby" in one.attributes:
            assert one.attributes["aria-labelledby"] in ids


def test_every_picture_says_what_it_shows_with_numbers(report: Path) -> None:
    pictures = [one for name in PAGES for one in read_page(report / name).all("img")]
    assert len(pictures) > 20
    for picture in pictures:
        alt = picture.attributes["alt"]
        assert len(alt) > 20, alt
        assert re.search(r"\d", alt), alt
        data = picture.attributes["src"].removeprefix("data:image/png;base64,")
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            ratio = int(picture.attributes["width"]) / int(picture.attributes["height"])
            assert image.width / image.height == pytest.approx(ratio, rel=0.02)
            assert len(np.unique(np.asarray(image))) > 3


def test_tables_have_captions_and_scopes(a_page: Reading) -> None:
    tables = a_page.all("table")
    assert len(tables) == len(a_page.all("caption")) > 3
    assert all(one.attributes.get("scope") in ("row", "col") for one in a_page.all("th"))
    for row in [one for one in a_page.all("tr") if "tbody" in one.within]:
        assert row.text


def test_numbers_of_the_results_stand_in_the_tables(made_results: Path, report: Path) -> None:
    page = read_page(report / "sub-01.html")
    cells = {one.text for one in page.all("td")}
    (table,) = made_results.glob("sub-01/regions/region_01/*_decoding.tsv")
    scores = pd.read_csv(table, sep="\t")
    assert {f"{score:.3g}" for score in scores["score"]} <= cells
    assert {f"{p:.3f}" for p in scores["p"]} <= cells
    (facts,) = made_results.glob("sub-01/quality/*_quality.json")
    for run in json.loads(facts.read_text())["runs"]:
        assert f"{run['mean_tsnr']:.3g}" in cells
    index = read_page(report / "index.html")
    (table,) = made_results.glob("group/group_regions/*_group.tsv")
    group = pd.read_csv(table, sep="\t")
    assert {f"{p:.3f}" for p in group["p_t"]} <= {one.text for one in index.all("td")}


def test_voxels_of_the_group_are_counted(made_results: Path, report: Path) -> None:
    image: Any = nib.load(made_results / "group/group_light/p_t.nii.gz")
    p = np.asarray(image.dataobj)
    rows = [row.text for row in read_page(report / "index.html").all("tr")]
    assert any(row.startswith(f"t, uncorrected {(p < 0.05).sum()} ") for row in rows)


def test_maps_are_shown_with_what_is_behind_them(report: Path) -> None:
    for name, n in (("sub-01.html", 3), ("index.html", 3)):
        frames = read_page(report / name).all("iframe")
        assert len(frames) == n
        for frame in frames:
            assert (report / unquote(frame.attributes["src"])).is_file()
            assert frame.attributes["title"]


def test_all_sections_are_there(report: Path) -> None:
    titles = [one.text for one in read_page(report / "sub-02.html").all("h2")]
    assert titles == [
        *("What was done", "Image quality", "Coverage of regions", "Behaviour"),
        *("Decoding of regions", "Searchlight", "Contrasts", "Representational geometry"),
        *("Models around every voxel", "Memory and time", "Files"),
    ]
    index = read_page(report / "index.html")
    assert [one.text for one in index.all("h2")] == [
        *("Summary", "Subjects", "Image quality", "Behaviour", "Group"),
        *("Memory and time", "Methods", "Files"),
    ]
    assert "A <b>study</b>" in index.all("h1")[0].text


def test_what_there_is_nothing_of_is_left_out_with_a_sentence(results: Path) -> None:
    for name in ("light", "geo", "quality", "maps", "around"):
        shutil.rmtree(results / "sub-01" / name)
    shutil.rmtree(results / "group" / "group_regions")
    write_report(results)
    page = read_page(results / "report" / "sub-01.html")
    assert {"Searchlight", "Image quality"} & {one.text for one in page.all("h2")} == set()
    assert (
        "There is nothing of this subject on image quality, coverage of regions, searchlights, "
        "contrasts, representational geometry and searchlights of models" in page.text
    )
    assert "missing" in page.text
    # No test of the group shows the scores of subjects, so they are shown as they are.
    index = read_page(results / "report" / "index.html")
    assert "Scores of subjects" in {one.text for one in index.all("h2")}
    assert "dots are subjects" in index.text


def test_a_run_without_settings_and_status_is_reported_as_not_finished(results: Path) -> None:
    for name in ("status.tsv", "subjects.tsv", "dataset_description.json"):
        (results / name).unlink()
    write_report(results, subjects=["02"])
    page = read_page(results / "report" / "index.html")
    assert "The run is not finished: 4 of" in page.text
    assert "No run has ended in this folder" in page.text
    assert "leave-one-run-out" in page.text


def test_texts_of_files_are_escaped(results: Path) -> None:
    status = pd.read_csv(results / "status.tsv", sep="\t", dtype=str, keep_default_na=False)
    line = f"Traceback\\n  {NASTY}"
    failed = {
        **dict.fromkeys(status.columns, "n/a"),
        "subject": NASTY,
        "unit": f"sub-{NASTY}/regions",
        "step": NASTY,
        "state": "failed",
        "attempts": "2",
        "error": f"not {NASTY}",
        "traceback": line,
    }
    table = pd.concat([status, pd.DataFrame([failed])])
    table.to_csv(results / "status.tsv", sep="\t", index=False)
    for path in results.glob("sub-01/regions/region_01/*.tsv"):
        cells = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        cells.assign(roi=NASTY).to_csv(path, sep="\t", index=False)
    write_report(results, title=NASTY)
    folder = results / "report"
    pages = sorted(folder.glob("*.html"))
    assert len(pages) == 4
    (own,) = set(pages) - {folder / name for name in PAGES}
    assert not set("<>\"'/&") & set(own.name)
    for path in pages:
        page = read_page(path)
        assert NASTY in page.all("title")[0].text
        assert all("alert(1)" not in one.text for one in page.all("script"))
        assert all("alert" not in address for address in addresses(page) if "%" not in address)
    assert f"not {NASTY}" in read_page(own).text
    folded = [one.text for one in read_page(own).all("pre")]
    assert folded == [f"Traceback {NASTY}"]
    assert NASTY in {one.text for one in read_page(folder / "sub-01.html").all("th")}


def test_a_broken_table_is_told_in_its_section_and_the_rest_is_shown(results: Path) -> None:
    (table,) = results.glob("sub-01/regions/region_01/*_decoding.tsv")
    table.write_text("roi\ttarget\tscroe\nregion_01\tpicture\t0.5\n")
    write_report(results, subjects=["sub-01"])
    page = read_page(results / "report" / "sub-01.html")
    (note,) = [one for one in page.elements if one.attributes.get("class") == "trouble"]
    assert "must have a column 'score'" in note.text
    assert "did you mean 'scroe'?" in note.text
    index = read_page(results / "report" / "index.html")
    assert "must have a column 'subject'" in index.text
    assert "Searchlight" in {one.text for one in page.all("h2")}


def test_values_that_no_step_writes_are_told_and_the_rest_is_shown(results: Path) -> None:
    for name, change in {
        "light/sub-01_desc-light_searchlight.json": {"Chance": "<b>"},
        "quality/sub-01_desc-quality_quality.json": {"runs": [3]},
        "light/unit.json": {"memory_timeline": [[0.1, 3], None]},
        "behaviour/unit.json": {"versions": None},
    }.items():
        path = results / "sub-01" / name
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    write_report(results, subjects=["01"])
    troubles = {}
    for name in ("sub-01.html", "index.html"):
        page = read_page(results / "report" / name)
        assert {"Files", "Memory and time"} <= {one.text for one in page.all("h2")}
        notes = [one.text for one in page.elements if one.attributes.get("class") == "trouble"]
        troubles[name] = sum("a file of these results is damaged, or" in one for one in notes)
        folded = [one.text for one in page.all("pre") if "Traceback" in one.text]
        assert len(folded) == troubles[name]
    # Quality, searchlight, memory; and quality, memory, methods.
    assert troubles == {"sub-01.html": 3, "index.html": 3}


def test_a_full_disk_is_nothing_that_a_section_tells() -> None:
    def fill() -> list[Block]:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        attempt("maps", "Maps", fill)


def test_subjects_whose_long_labels_begin_alike_have_a_page_each() -> None:
    long = "A" * 300
    names = {file_of(label) for label in (f"{long}1", f"{long}2", long[:80], "01")}
    assert len(names) == 4
    assert all(len(name) < 120 for name in names)


def test_subjects_are_chosen(results: Path) -> None:
    index = write_report(results, results.parent / "some", subjects=["02"])
    assert sorted(path.name for path in index.parent.glob("*.html")) == [
        "index.html",
        "sub-02.html",
    ]
    assert not list((index.parent / "maps").glob("sub-01*"))
    page = read_page(index)
    assert "Shown: 02, of 2 subjects. 1 of 1 subjects analysed" in page.text
    # What is pasted into a paper is about the study.
    assert "Of 2 subjects, 2 were analysed." in page.text
    with pytest.raises(ParameterError, match=r"`subjects` must be of 01, 02, got '1'; did you"):
        write_report(results, subjects=["1"])
    with pytest.raises(ParameterError, match="`subjects` must be a list of labels, got '01'"):
        write_report(results, subjects="01")


def test_a_report_is_written_again_and_other_folders_are_left_alone(results: Path) -> None:
    seen: list[tuple[int, int]] = []
    figures = plt.get_fignums()
    first = write_report(results, subjects=["01"], progress=lambda *done: seen.append(done))
    assert seen == [(1, 2), (2, 2)]
    assert plt.get_fignums() == figures
    assert sorted(results.glob("report*")) == [results / "report"]
    before = {path.name for path in first.parent.iterdir()}
    again = write_report(results, subjects=["02"])
    assert {path.name for path in again.parent.iterdir()} - before == {"sub-02.html"}
    (first.parent / "mine.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"which holds mine\.txt; move that elsewhere"):
        write_report(results, subjects=["01"])
    assert (first.parent / "sub-02.html").exists()
    with pytest.raises(OutputExistsError, match="must be a new folder, an empty one"):
        write_report(results, results / "sub-01")


def test_templates_come_with_the_package() -> None:
    folder = resources.files("boldstream.report") / "templates"
    names = {path.name for path in folder.iterdir()}
    assert {"page.html", "blocks.html", "style.css", "page.js"} <= names
    text = "".join((folder / name).read_text("utf-8") for name in names)
    assert not re.search(r"https?:|@import|url\(", text)


def test_colours_can_be_read_on_their_ground() -> None:
    style = (resources.files("boldstream.report") / "templates" / "style.css").read_text("utf-8")
    themes = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert len(themes) == 3
    for theme in themes[:2]:
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", theme))
        for text in ("text", "muted", "accent"):
            for ground in ("ground", "raised"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["text"], colours["trouble-ground"]) >= 4.5
        assert contrast(colours["focus"], colours["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """Ratio of the Web Content Accessibility Guidelines 2.1."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_pages_of_many_subjects_link_to_those_nearby(
    results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(writing, "_LINKED", 2)
    monkeypatch.setattr(writing, "_NEARBY", 0)
    place = write_report(results, tmp_path / "report").parent
    for name, pages in {
        "index.html": {"index.html", "sub-01.html", "sub-02.html"},
        "sub-01.html": {"index.html", "sub-01.html"},
        "sub-02.html": {"index.html", "sub-02.html"},
    }.items():
        linked = {path.partition("#")[0] for path in addresses(read_page(place / name))}
        assert {path for path in linked if path.endswith(".html") and "/" not in path} == pages


def test_links_grow_with_subjects_alone() -> None:
    links = tuple(Link(str(i), f"{i}.html") for i in range(1000))
    assert sum(len(writing._links_on(i, links)) for i in range(1, 1001)) < 20_000
