"""The results that are committed: complete, with a sentence for each miss, quoted as they are."""

from __future__ import annotations

import re
import socket

import pytest

from benchmarks import page, readme
from benchmarks.misses import read_sentences
from benchmarks.registry import wanted_groups
from benchmarks.results import FULL, Results
from tests.benchmarks.test_asked import AS_ASKED


@pytest.fixture(scope="module")
def results() -> Results:
    return Results.read(FULL)


def test_all_groups_were_taken_of_one_clean_revision(results: Results) -> None:
    assert not results.quick
    assert {group.key for group in wanted_groups(None, None)} <= set(results.groups)
    assert {taken.state for taken in results.groups.values()} == {"done"}
    assert {taken.changes for taken in results.groups.values()} == {""}


def test_every_miss_has_a_sentence(results: Results) -> None:
    sentences = read_sentences()
    assert [row.key for row in results.misses if row.key not in sentences] == []


def test_sentences_are_about_figures(results: Results) -> None:
    taken = {group.partition(".")[0] for group in results.groups}
    keys = {row.key for row in results.rows}
    optional = "first_minutes / make demo and make test on a new machine"
    assert {key for key in read_sentences() if key.partition(" / ")[0] in taken} - keys <= {
        optional
    }


def test_what_was_asked_is_what_is_asked(results: Results) -> None:
    words = {asked for asked, *_ in AS_ASKED.values()} | {"≤ 2 of 1001 labellings"}
    found = {row.asked for row in results.rows if row.asked}
    assert found <= words
    # Each bound is asked of some figure; that of a new machine is optional.
    assert words - found <= {"< 15 min"}


def test_keys_are_unique(results: Results) -> None:
    keys = [row.key for row in results.rows]
    assert len(set(keys)) == len(keys)


def test_pages_are_what_the_results_give(results: Results) -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text_of(results), "run benchmarks.page"
    assert [path.name for path in readme.differing(results)] == [], "run benchmarks.readme"


def test_nothing_tells_whose_machine_it_was() -> None:
    text = FULL.read_text(encoding="utf-8")
    assert socket.gethostname() not in text
    assert re.findall(r"(?<![\w.])/(?:home|tmp|root|work|opt|usr|var)/\S*", text) == []
