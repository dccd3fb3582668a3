"""docs/benchmarks.md, made of the full results."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.harness import REPOSITORY
from benchmarks.misses import read_sentences, sentence_of
from benchmarks.registry import SUITES
from benchmarks.results import FULL, Results, Taken
from benchmarks.rows import Row, counted
from boldstream.core.budget import format_bytes

PAGE = REPOSITORY / "docs" / "benchmarks.md"
_TITLES = {
    "seed_scale": "Four regions of a large image",
    "store": "The store",
    "maskers": "Maskers",
    "glm": "First levels and trial betas",
    "searchlight": "Searchlights",
    "models": "Groups, geometry and behaviour",
    "studies": "Studies",
    "study_scale": "Ten and fifty thousand subjects",
    "packaged": "`boldstream benchmark`",
    "first_minutes": "The first minutes",
}
_COLUMNS = ("size", "what", "asked", "got", "beside", "ratio", "peak", "n", "", "note")
_VERDICTS = {None: "", True: "pass", False: "**miss**"}
# Asked, too, but no figure that a table could hold.
_ELSEWHERE = (
    ("predicted peaks within −10 and +25 % of the measured ones, for every kind of reduction "
     "and image", "tests/streaming/test_peak.py"),
    ("p ≤ α for α 0.01, 0.05 and 0.1 over simulated null data, FWE over null brains",
     "tests/decoding"),
    ("false positives of first levels under autocorrelated noise: those of nilearn on the same "
     "draws", "tests/glm"),
    ("killed, cancelled and restarted studies on a real SLURM: equal results, nothing done twice",
     "tests/study/test_on_slurm.py"),
    ("what `import boldstream` loads", "tests/test_import.py"),
)  # fmt: skip


def write(results: Results, path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(text_of(results), encoding="utf-8")


def text_of(results: Results) -> str:
    """The page."""
    return "\n\n".join(_parts(results)) + "\n"


def _parts(results: Results) -> Iterator[str]:
    yield "# Benchmarks"
    yield (
        "Every figure that was asked of this library, as one run of `make benchmark` took it. This "
        "page is made of `benchmarks/results.json`; who wants the story reads the "
        "[comparison](comparison.md)."
    )
    if not results.groups:
        yield "No full run has been made yet."
        return
    yield from _head(results)
    sentences = read_sentences()
    for module in SUITES:
        taken = [one for name, one in results.groups.items() if name.startswith(f"{module.SUITE}.")]
        yield f"## {_TITLES[module.SUITE]}"
        yield "\n\n".join(inspect.cleandoc(module.__doc__ or "").split("\n\n"))
        yield from _suite(taken, sentences)
    yield "## Held by tests"
    yield "Asked, too, and no figure of a table:"
    yield "\n".join(f"- {asked} (`{where}`)" for asked, where in _ELSEWHERE)


def _head(results: Results) -> Iterator[str]:
    machine, versions = results.machine, results.versions
    told = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    taken = results.groups.values()
    revisions = sorted(
        {one.revision + ("" if not one.changes else " with changes") for one in taken}
    )
    began = min(datetime.fromisoformat(one.began) for one in taken)
    ended = max(datetime.fromisoformat(one.ended) for one in taken)
    yield (
        f"{machine['cpu']}, {machine['cores']} cores, {format_bytes(machine['memory_bytes'])}, "
        f"{machine['system']}; {told}. Revision {', '.join(revisions)}; "
        f"{began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC."
    )
    yield f"**{counted(results.rows)}.**"
    yield (
        "Each way runs in a process of its own. `got` is the median of n runs; peers that take "
        "more than 5 s run once. `ratio` is the peer's figure as a multiple of ours, or ours as a "
        "multiple of a bare read of the file. `peak` is ours and the peer's, as each section says "
        "it is counted."
    )


def _suite(taken: Sequence[Taken], sentences: Mapping[str, str]) -> Iterator[str]:
    rows = [row for one in taken for row in one.rows]
    if rows:
        lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
        yield "\n".join(lines + [_line(_cells(row)) for row in rows])
    for one in taken:
        if one.state != "done":
            yield f"Not taken ({one.state}): {one.why}"
    misses = [row for row in rows if row.passed is False]
    if misses:
        yield "Missed:"
        yield "\n".join(
            f"- *{' / '.join(filter(None, (row.size, row.what)))}*: {row.told}; asked {row.asked}. "
            f"{sentence_of(row, sentences)}"
            for row in misses
        )
    if not taken:
        yield "Not taken."


def _cells(row: Row) -> list[str]:
    return [row.size, row.what, row.asked, row.got, row.beside, row.times, row.peaks, str(row.n),
            _VERDICTS[row.passed], row.note]  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Make the page of the full results."""
    write(Results.read(FULL))


if __name__ == "__main__":
    main()
