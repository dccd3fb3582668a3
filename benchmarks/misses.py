"""Why figures are missed: what bounds them, and what was tried."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from benchmarks.rows import Row

SENTENCES = Path(__file__).with_name("misses.toml")
NONE = "No sentence says what bounds it."


def read_sentences(path: Path = SENTENCES) -> dict[str, str]:
    """Sentences by the keys of figures."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return {key: " ".join(sentence.split()) for key, sentence in found.items()}


def sentence_of(row: Row, sentences: Mapping[str, str]) -> str:
    """What is said of a figure that is missed."""
    return sentences.get(row.key, NONE)
