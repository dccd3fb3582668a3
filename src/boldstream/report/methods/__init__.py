"""Methods text: what was really done, from what was noted with each result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from boldstream.core.errors import TableError
from boldstream.report.blocks import Methods, listed
from boldstream.report.methods.references import Citations
from boldstream.report.methods.steps import WORDS, Parameters, Words
from boldstream.report.results import Run, Unit

__all__ = ["methods_of"]

BETAS = "betas"
# It has a design for subjects with events alone.
_QUALITY = "quality"
# Parameters that all subjects have in common.
_OF_ALL = ("settings", "targets", "confound_settings")
_PACKAGES = {
    "numpy": ("NumPy", "harris2020"),
    "scipy": ("SciPy", "virtanen2020"),
    "scikit-learn": ("scikit-learn", "pedregosa2011"),
    "nilearn": ("nilearn", "abraham2014"),
}


def methods_of(run: Run) -> Methods | None:
    """Text and references of a run; None where nothing was done.

    Parameters
    ----------
    run : Run

    Raises
    ------
    TableError
        If what a result was made with was not noted.
    """
    done = [unit for unit in run.units if unit.folder is not None]
    if not done:
        return None
    cite = Citations()
    notes = {**_removed(run), **_by_analysis(done)}
    paragraphs = [_subjects(run, done)]
    others = _made_otherwise(done)
    for step, words in WORDS.items():
        for (of, name), note in notes.items():
            if of == step:
                told = _told(words, name, note["parameters"], cite)
                paragraphs.append(told + others.get((of, name), ""))
    paragraphs += [
        f"An analysis “{step}” ({name}) was done." for step, name in notes if step not in WORDS
    ]
    paragraphs.append(_software(done, cite))
    return Methods(tuple(paragraphs), cite.references())


def _told(words: Words, name: str, given: Parameters, cite: Citations) -> str:
    try:
        return " ".join(sentence for sentence in words(name, given, cite) if sentence)
    except KeyError as error:
        raise TableError(f"what {name} was made with was noted without {error}") from error


def _removed(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """Betas that were removed once all was done that needs them, as the study file has them."""
    settings = run.settings
    if not any(unit.step == BETAS and unit.state == "unneeded" for unit in run.units):
        return {}
    given = {"settings": settings["betas"], "confound_settings": settings["confounds"]}
    return {(BETAS, BETAS): {"parameters": given}}


def _by_analysis(done: Iterable[Unit]) -> dict[tuple[str, str], dict[str, Any]]:
    """What was noted with each analysis: regions of all its parts, the rest as of the first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    first: dict[tuple[str, str], str] = {}
    for unit in done:
        key = (unit.step, unit.name)
        if key not in found:
            found[key] = {**unit.note(), "parameters": unit.parameters()}
            first[key] = unit.subject
        elif unit.part and unit.subject == first[key]:
            found[key] = _with_regions(found[key], unit.note())
    return found


def _made_otherwise(done: Iterable[Unit]) -> dict[tuple[str, str], str]:
    """A sentence for each analysis that some subjects have of other settings than the first."""
    settings: dict[tuple[str, str], dict[str, Any]] = {}
    odd: dict[tuple[str, str], dict[str, None]] = {}
    for unit in done:
        key, given = (unit.step, unit.name), unit.note().get("parameters")
        if unit.step == _QUALITY or not isinstance(given, dict):
            continue
        own = {name: given[name] for name in _OF_ALL if name in given}
        if settings.setdefault(key, own) != own:
            odd.setdefault(key, {})[unit.subject] = None
    return {
        (step, name): f" With subjects {listed([*subjects])} it was made with other settings."
        for (step, name), subjects in odd.items()
    }


def _with_regions(note: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A note with the regions of another part."""
    given, more = dict(note["parameters"]), other["parameters"]
    if "rois" in given:
        given["rois"] = {**given["rois"], **(more.get("rois") or {})}
    if given.get("atlas") and more.get("atlas"):
        regions = [*(given["atlas"]["regions"] or ()), *(more["atlas"]["regions"] or ())]
        given["atlas"] = {**given["atlas"], "regions": regions}
    elif more.get("atlas"):
        given["atlas"] = more["atlas"]
    return {**note, "parameters": given}


def _subjects(run: Run, done: Iterable[Unit]) -> str:
    used = sorted({unit.subject for unit in done if unit.subject})
    n_out = len(run.subjects) - len(used)
    out = f"; {n_out} {'was' if n_out == 1 else 'were'} not" if n_out > 0 else ""
    space = (run.settings.get("data") or {}).get("space")
    images = f"Images in the space {space}" if space else "Images"
    return (
        f"Of {len(run.subjects)} subjects, {len(used)} were analysed{out}. {images} were read "
        "volume by volume, in bounded memory."
    )


def _software(done: Iterable[Unit], cite: Citations) -> str:
    """Programs with the versions that results were made with: more than one where they differ."""
    found: dict[str, dict[str, None]] = {}
    for unit in done:
        for name, version in unit.note().get("versions", {}).items():
            found.setdefault(name, {})[str(version)] = None
    versions = {name: " and ".join(several) for name, several in found.items()}
    own = f"boldstream {versions.get('boldstream', '')}".strip()
    python = f" under Python {versions['python']}" if "python" in versions else ""
    others = [
        f"{label} {versions[name]} {cite(key)}"
        for name, (label, key) in _PACKAGES.items()
        if name in versions
    ]
    with_others = f", with {listed(others)}" if others else ""
    return f"All of this was done with {own}{python}{with_others}."
