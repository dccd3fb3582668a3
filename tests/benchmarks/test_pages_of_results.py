"""Pages are made of the results, and say what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import page, readme
from benchmarks.misses import NONE, read_sentences, sentence_of
from benchmarks.registry import SUITES
from benchmarks.results import Results, ResultsError, Taken
from benchmarks.rows import figure, least, most

MET = figure(
    "glm",
    "857",
    "fit | two: time",
    1.437,
    "s",
    ask=least(3, "× faster"),
    peer="nilearn",
    peer_value=22.71,
    ratio=15.8,
    ratio_unit="× faster",
    peak_mib=108.0,
    peer_peak_mib=2859.0,
    n=3,
    note="read 1.00 s",
)
MISSED = figure("glm", "857", "one core", 2.09, "s", ask=most(1.8, "s"))


def _results(*rows: object, state: str = "done", why: str = "") -> Results:
    results = Results(False)
    moments = {"began": "2026-01-02T03:04:05+00:00", "ended": "2026-01-02T03:05:05+00:00"}
    taken = Taken(state=state, revision="abc", changes="", why=why, rows=rows, **moments)  # type: ignore[arg-type]
    results.put("glm.betas", taken, [])
    return results


def test_a_page_holds_all_figures_and_why_they_are_missed() -> None:
    text = page.text_of(_results(MET, MISSED))
    assert (
        "| 857 | fit \\| two: time | ≥ 3 × faster | 1.44 s | nilearn 22.7 s | 15.8 × faster "
        "| 108, 2 859 MiB | 3 | pass | read 1.00 s |"
    ) in text
    assert "| 857 | one core | ≤ 1.8 s | 2.09 s |  |  |  | 1 | **miss** |  |" in text
    assert f"- *857 / one core*: 2.09 s; asked ≤ 1.8 s. {NONE}" in text
    assert "**1 pass, 1 miss, 0 with nothing asked.**" in text
    assert "Revision abc; 2026-01-02 03:04 to 2026-01-02 03:05 UTC." in text
    assert text.count("Not taken.") == len(SUITES) - 1
    # Headings have one level each, and tables as many cells in every row.
    assert re.findall(r"^#+ ", text, re.MULTILINE).count("# ") == 1
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_a_page_says_what_was_not_taken() -> None:
    assert "Not taken (failed): no room" in page.text_of(_results(state="failed", why="no room"))
    empty = page.text_of(Results(False))
    assert "No full run has been made yet." in empty
    assert "##" not in empty


def test_every_suite_has_a_heading() -> None:
    assert {module.SUITE for module in SUITES} == set(page._TITLES)


def test_sentences_of_misses(tmp_path: Path) -> None:
    path = tmp_path / "misses.toml"
    path.write_text('"glm / 857 / one core" = """\nBounded by\nsums.\n"""\n')
    sentences = read_sentences(path)
    assert sentence_of(MISSED, sentences) == "Bounded by sums."
    assert sentence_of(MET, sentences) == NONE
    assert all(text.endswith(".") and len(text) > 40 for text in read_sentences().values())


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{glm / 857 / one core}", "2.09 s"),
        (
            "took {glm / 857 / one core | number} of {glm / 857 / one core | whole}",
            "took 2.09 of 2",
        ),
        ("{@nilearn}", "0.14.1"),
    ],
)
def test_figures_are_filled_in(template: str, text: str) -> None:
    results = _results(MET, MISSED)
    results.versions["nilearn"] = "0.14.1"
    assert readme.filled(template, results) == text


def test_fields_of_a_figure() -> None:
    results = _results(figure("glm", "", "x", 1.5, "s", peer="p", peer_value=1500.0, ratio=1000.0,
                              ratio_unit="×", peak_mib=1.2, peer_peak_mib=3456.0))  # fmt: skip
    fields = ("peer", "peer number", "ratio", "peak", "peer peak")
    template = f"| {' | '.join(f'{{glm / x | {field}}}' for field in fields)} |"
    assert readme.filled(template, results) == "| 1 500 s | 1 500 | 1 000 | 1 MiB | 3 456 MiB |"


def test_prose_is_wrapped_and_tables_are_not() -> None:
    line = f"| {'long ' * 40}|"
    text = readme.filled(f"{line}\n{line}\n\n{'word ' * 60}", _results())
    table, _, prose = text.partition("\n\n")
    assert table == f"{line}\n{line}"
    assert max(len(part) for part in prose.splitlines()) <= 105
    assert prose.split() == ["word"] * 60


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{glm / nothing}", "no figure 'glm / nothing'"),
        ("{glm / 857 / one core | peak}", "has nothing of this kind"),
        ("{glm / 857 / one core | peek}", "the field must be one of"),
    ],
)
def test_figures_that_are_not_there_are_errors(template: str, said: str) -> None:
    with pytest.raises(ResultsError, match=said):
        readme.filled(template, _results(MISSED))


def test_only_blocks_are_written() -> None:
    text = "before {a}\n<!-- figures: one -->\n\nold\n\n<!-- end of figures -->\nafter {glm / x}\n"
    made = readme.rendered(text, _results(MISSED), {"one": "\nnew {glm / 857 / one core}\n"})
    assert made == text.replace("old", "new 2.09 s")
    assert readme.rendered(made, _results(MISSED), {"one": "new {glm / 857 / one core}"}) == made
    with pytest.raises(ResultsError, match="has no 'one'"):
        readme.rendered(text, _results(), {})


def test_blocks_of_pages_and_templates_are_the_same_ones() -> None:
    """What both pages quote is the same in both, whenever it was measured."""
    texts = [path.read_text(encoding="utf-8") for path in readme.PAGES]
    blocks = [{found[2]: found[0] for found in readme.BLOCK.finditer(text)} for text in texts]
    templates = readme.read_templates()
    assert [*map(set, blocks)] == [set(templates)] * 2
    assert blocks[0] == blocks[1]
