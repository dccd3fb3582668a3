"""Maps of single subjects: searchlights and contrasts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from boldstream.report.blocks import Block, Text
from boldstream.report.making import Maker
from boldstream.report.results import Unit, read_json

SEARCHLIGHT, CONTRASTS, MODELS = "searchlight", "contrasts", "rdm_searchlight"
_SCORES = {"r2": "R²"}


def background_of(units: list[Unit]) -> str | None:
    """The mean image of a subject, if its quality was looked at."""
    for unit in units:
        for path in unit.find("mean.nii.gz"):
            return str(path)
    return None


def searchlight_blocks(maker: Maker, units: list[Unit], background: str | None) -> list[Block]:
    """Of each searchlight, its scores."""
    blocks: list[Block] = []
    space = space_of(maker.run.of(units[0].subject)) if units else None
    for unit in units:
        note = unit.parameters()
        (target,) = note["targets"]
        settings = note["settings"]
        values = note["targets"][target].get("values")
        scoring = settings.get("scoring") or ("r2" if values else "accuracy")
        for path in unit.find("_scores.nii.gz"):
            mask, p_map = unit.find("_mask.nii.gz"), unit.find("_pFwe.nii.gz")
            facts = _facts(unit, "_searchlight.json")
            blocks.append(
                maker.view(
                    path,
                    f"sub-{unit.subject}-{unit.name}",
                    title=f"Subject {unit.subject}: {target} in spheres of "
                    f"{settings['radius']:g} mm ({unit.name})",
                    background=background,
                    mask=str(mask[0]) if mask else None,
                    p_map=str(p_map[0]) if p_map else None,
                    p_name="p (FWE)",
                    chance=facts.get("Chance"),
                    unit=_SCORES.get(scoring, scoring),
                    space=space,
                )
            )
            blocks.append(Text((_said(facts),)))
    return blocks


def model_blocks(maker: Maker, units: list[Unit], background: str | None) -> list[Block]:
    """Of each searchlight of dissimilarities, how similar each model is."""
    blocks: list[Block] = []
    space = space_of(maker.run.of(units[0].subject)) if units else None
    for unit in units:
        mask, settings = unit.find("_mask.nii.gz"), unit.parameters()["settings"]
        for path in unit.find("_scores.nii.gz"):
            label = path.name.partition("_model-")[2].partition("_")[0]
            block = maker.view(
                path,
                f"sub-{unit.subject}-{unit.name}-{label}",
                title=f"Subject {unit.subject}: model {label} in spheres of "
                f"{settings['radius']:g} mm ({unit.name})",
                background=background,
                mask=str(mask[0]) if mask else None,
                unit=str(settings["method"]),
                space=space,
            )
            blocks.append(block)
    return blocks


def _said(facts: dict[str, Any]) -> str:
    chance = facts.get("Chance")
    said = "" if chance is None else f" Guessing would score {chance:.3g}."
    n, trials = facts.get("NumberOfSpheres"), facts.get("NumberOfTrials")
    return f"{n} spheres, {trials} trials.{said}"


def contrast_blocks(maker: Maker, units: list[Unit], background: str | None) -> list[Block]:
    """Of each contrast, its t."""
    blocks: list[Block] = []
    space = space_of(units)
    for unit in units:
        mask = unit.find("_mask.nii.gz")
        facts = _facts(unit, "_contrasts.json")
        for path in unit.find("_stat-t_statmap.nii.gz"):
            label = path.name.partition("_contrast-")[2].partition("_")[0]
            about = facts.get(label, {})
            expression = about.get("expression", "")
            blocks.append(
                maker.view(
                    path,
                    f"sub-{unit.subject}-{unit.name}-{label}",
                    title=f"Subject {unit.subject}: {label} ({unit.name})",
                    background=background,
                    mask=str(mask[0]) if mask else None,
                    unit="t",
                    space=space,
                )
            )
            freedom = about.get("degrees_of_freedom")
            said = f"{label} is {expression}." if expression else ""
            said += f" {freedom:g} degrees of freedom." if isinstance(freedom, int | float) else ""
            blocks += [Text((said.strip(),))] if said else []
    return blocks


def space_of(units: Iterable[Unit]) -> str | None:
    """Whose coordinates results are in, as names of the images say that they were made of."""
    for unit in units:
        for text in unit.note().get("inputs", ()):
            name = Path(str(text)).name
            if "_space-" in name:
                return name.partition("_space-")[2].partition("_")[0]
    return None


def _facts(unit: Unit, suffix: str) -> dict[str, Any]:
    paths = unit.find(suffix)
    return read_json(paths[0]) if paths else {}
