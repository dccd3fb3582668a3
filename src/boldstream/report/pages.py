"""Pages of a report: one for each subject, and the first one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from boldstream.report.blocks import Block, Page, Section, Text, listed, make_table, table_of
from boldstream.report.frames import gather
from boldstream.report.making import Maker, attempt
from boldstream.report.methods import methods_of
from boldstream.report.results import Run, Subject, Unit
from boldstream.report.sections import behaviour, decoding, geometry, group, maps, overview, quality
from boldstream.report.sections.files import file_blocks
from boldstream.report.sections.resources import resource_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame

INDEX = "index.html"
_LONGEST_NAME = 80


def file_of(subject: str) -> str:
    """Name of a subject's page, whatever its label.

    Examples
    --------
    >>> file_of("01"), file_of("../<b>")
    ('sub-01.html', 'sub-..%2F%3Cb%3E.html')
    """
    name = quote(subject, safe="")
    if len(name) > _LONGEST_NAME:
        # Others may begin alike.
        name = f"{name[:_LONGEST_NAME]}-{sha256(subject.encode()).hexdigest()[:12]}"
    return f"sub-{name}.html"


def subject_page(maker: Maker, subject: Subject) -> Page:
    """Everything about one subject.

    Parameters
    ----------
    maker : Maker
    subject : Subject
    """
    units = maker.run.of(subject.label)
    of = partial(_of_step, units)
    background = maps.background_of(of(quality.STEP))
    sections = {
        "Steps": attempt("steps", "What was done", lambda: overview.states_blocks(units)),
        "image quality": attempt(
            "quality", "Image quality", lambda: quality.quality_blocks(of(quality.STEP))
        ),
        "coverage of regions": attempt(
            "coverage", "Coverage of regions", lambda: quality.coverage_blocks(of(quality.STEP))
        ),
        "behaviour": attempt(
            "behaviour", "Behaviour", lambda: behaviour.behaviour_blocks(of(behaviour.STEP))
        ),
        "decoding of regions": attempt(
            "decoding", "Decoding of regions", lambda: decoding.decoding_blocks(of(decoding.STEP))
        ),
        "searchlights": attempt(
            "searchlight",
            "Searchlight",
            lambda: maps.searchlight_blocks(maker, of(maps.SEARCHLIGHT), background),
        ),
        "contrasts": attempt(
            "contrasts",
            "Contrasts",
            lambda: maps.contrast_blocks(maker, of(maps.CONTRASTS), background),
        ),
        "representational geometry": attempt(
            "geometry",
            "Representational geometry",
            lambda: geometry.geometry_blocks(of(geometry.STEP)),
        ),
        "searchlights of models": attempt(
            "models",
            "Models around every voxel",
            lambda: maps.model_blocks(maker, of(maps.MODELS), background),
        ),
        "memory and time": attempt("memory", "Memory and time", lambda: resource_blocks(units)),
        "files": attempt("files", "Files", lambda: file_blocks(maker, units)),
    }
    done = [unit for unit in units if unit.folder is not None]
    lead = f"{len(done)} of {len(units)} steps of work done."
    if not subject.included and subject.reason:
        lead = f"Not used: {subject.reason}."
    return _page(file_of(subject.label), f"Subject {subject.label}", lead, sections, "this subject")


def index_page(maker: Maker, title: str) -> Page:
    """The study as a whole.

    Parameters
    ----------
    maker : Maker
    title : str
    """
    run = maker.run
    hrefs = {one.label: quote(file_of(one.label)) for one in run.subjects}
    of_group = _of_step(run.of(""), group.STEP)
    scores = cache(partial(_scores, run))
    sections = {
        "Summary": attempt("summary", "Summary", lambda: overview.summary_blocks(run)),
        "subjects": attempt("subjects", "Subjects", lambda: overview.subjects_blocks(run, hrefs)),
        "image quality": attempt(
            "quality", "Image quality", lambda: overview.quality_table(run, hrefs)
        ),
        "behaviour": attempt("behaviour", "Behaviour", lambda: _behaviour(run)),
        "results of the group": attempt(
            "group", "Group", lambda: group.group_blocks(maker, of_group, scores())
        ),
        "scores of subjects beside those": attempt(
            "scores",
            "Scores of subjects",
            lambda: group.overview_blocks(scores(), _tested(of_group)),
        ),
        "memory and time": attempt("memory", "Memory and time", lambda: resource_blocks(run.units)),
        "methods": attempt("methods", "Methods", lambda: _methods(run)),
        "files": attempt(
            "files", "Files", lambda: [*file_blocks(maker, run.of(""), of_run=True), *_left(run)]
        ),
    }
    return _page(INDEX, title, overview.lead(run), sections, "this study")


def _of_step(units: Sequence[Unit], step: str) -> list[Unit]:
    return [unit for unit in units if unit.step == step and unit.folder is not None]


def _tested(units: Sequence[Unit]) -> set[str]:
    """Analyses that tests of the group are about."""
    return {str(unit.parameters()["settings"].get("of")) for unit in units}


def _behaviour(run: Run) -> list[Block]:
    table = gather(_of_step(run.units, behaviour.STEP), "discounting.tsv", "k", "identifiable")
    if table.empty:
        return []
    caption = "Hyperbolic discounting of each subject, V = A / (1 + kD)."
    columns = {"subject": "subject", **behaviour.HEADINGS, "reason": "why it is not told"}
    told = table.loc[:, (table.notna() & (table != "")).any()].replace("", float("nan"))
    blocks: list[Block] = [table_of(told, caption, columns)]
    unknown = table.loc[~table["identifiable"].astype(bool), "subject"].tolist()
    if unknown:
        said = f"Choices do not tell the parameters of {listed(unknown)}."
        blocks.insert(0, Text((said,), "trouble"))
    return blocks


def _methods(run: Run) -> list[Block]:
    found = methods_of(run.whole or run)
    if found is None:
        return []
    note = (
        "Made from what was noted with each result: only what was really done. How images were "
        "acquired and preprocessed before is not known here; add it."
    )
    return [Text((note,)), found]


def _left(run: Run) -> list[Block]:
    if not run.left_over:
        return []
    caption = "Results of earlier runs that are not of this study any more; they are not shown."
    return [make_table(caption, ("step of work",), [[name] for name in run.left_over])]


def _page(
    file: str, title: str, lead: str, sections: Mapping[str, Section | None], what: str
) -> Page:
    missing = [name for name, section in sections.items() if section is None]
    left_out = f"There is nothing of {what} on {listed(missing, most=20)}, so this is left out."
    return Page(
        file,
        title,
        lead,
        tuple(section for section in sections.values() if section is not None),
        (left_out,) if missing else (),
    )


def _scores(run: Run) -> dict[str, DataFrame]:
    """Scores of all subjects by analysis."""
    return group.scores_by_analysis([unit for unit in run.units if unit.folder is not None])
