"""`write_report`: the results of a study as pages that open in any browser, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from boldstream.io.manifests import mark_of
from boldstream.io.translate import expanded
from boldstream.report.blocks import Link, Page
from boldstream.report.folders import check_place, replacing
from boldstream.report.making import Maker
from boldstream.report.pages import INDEX, file_of, index_page, subject_page
from boldstream.report.reading import read_run
from boldstream.report.rendering import render
from boldstream.report.results import Run
from boldstream.streaming.progress import Report, open_progress

REPORT = "report"
# Pages that all link to each other, which is quadratic; beyond, how many links go each way.
_LINKED, _NEARBY = 100, 5


def write_report(
    run_dir: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    subjects: Sequence[str] | None = None,
    title: str | None = None,
    progress: bool | Report = False,
) -> Path:
    """Write an HTML report of a study's results.

    A folder with a page for the study and one for each subject, pictures
    inside, and interactive maps beside. It opens from disk and loads nothing
    from elsewhere. Whatever there is of a run is shown: a run may have failed
    in part, or have been broken off.

    Parameters
    ----------
    run_dir : path
        Output folder of a study, as `boldstream.run_study` writes it.
    output : path, optional
        Folder of the report; by default ``report`` in `run_dir`. An earlier
        report is replaced at once when the new one is whole.
    subjects : sequence of str, optional
        Labels of those to show; all by default.
    title : str, optional
        By default the name of the data set.
    progress : bool or callable
        A bar, or a function that is called with pages done and pages in all.

    Returns
    -------
    Path
        Of the page to open first.

    Raises
    ------
    ParameterError
        If `run_dir` is no folder of results, or there is no such subject.
    OutputExistsError
        If `output` holds something else than a report.
    StorageError
        If it cannot be written to.
    TableError
        If tables of the whole run are damaged. What is wrong with the results
        of a single step is told in the report.

    Examples
    --------
    >>> write_report("no-such-folder")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `run_dir` must be the output folder of a study, got ...
    """
    run = read_run(expanded(run_dir)).only(subjects)
    place = (run.folder / REPORT if output is None else expanded(output)).resolve()
    check_place(place)
    name = title or _title(run)
    # What the pages show, so that a later run knows whether it is still so.
    shown = {
        unit.id: mark_of(unit.folder, state=unit.state, error=unit.error) for unit in run.units
    }
    with (
        open_progress(progress, REPORT, unit="pages") as report,
        replacing(place, {"units": shown}) as folder,
    ):
        _write(Maker(run, folder, place), name, report)
    return place / INDEX


def _title(run: Run) -> str:
    """The name that the results have of their data, or else of their folder."""
    name = run.description.get("Name")
    return name if isinstance(name, str) and name else f"Study {run.folder.resolve().name}"


def _write(maker: Maker, title: str, report: Report) -> None:
    """Write one page after another: memory does not grow with subjects."""
    links = _links(maker.run)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    for i, page in enumerate(_pages(maker, title), 1):
        html = render(page, study=title, made=made, links=_links_on(i, links))
        (maker.folder / page.file).write_text(
            # A file name need not be text.
            html,
            encoding="utf-8",
            errors="backslashreplace",
        )
        report(i, len(links))


def _pages(maker: Maker, title: str) -> Iterator[Page]:
    for subject in maker.run.subjects:
        yield subject_page(maker, subject)
    yield index_page(maker, title)


def _links_on(i: int, links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Links on a page: to all of a few; of many to the study, which has all, and those nearby."""
    if i == len(links) or len(links) <= _LINKED:
        return links
    return (links[0], *links[max(1, i - _NEARBY) : i + _NEARBY + 1])


def _links(run: Run) -> tuple[Link, ...]:
    pages = [Link(f"Subject {one.label}", quote(file_of(one.label))) for one in run.subjects]
    return (Link("The study", INDEX), *pages)
