"""Tests of all subjects together, and scores of all subjects side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boldstream.io.volume import read_volume
from boldstream.io.writing import as_image
from boldstream.report.blocks import Block, Text, Title, make_table, table_of
from boldstream.report.frames import gather, read_frame
from boldstream.report.making import Maker
from boldstream.report.results import Unit, by_analysis, read_json
from boldstream.report.sections.decoding import scores_picture
from boldstream.report.sections.maps import space_of

if TYPE_CHECKING:
    from pandas import DataFrame

STEP = "group"
_ALPHA = 0.05
_HEADINGS = {
    "roi": "region",
    "target": "target",
    "model": "model",
    "n_subjects": "subjects",
    "mean": "mean",
    "chance": "chance",
    "ci_low": "95 % from",
    "ci_high": "to",
    "t": "t",
    "p_t": "p (t)",
    "p_t_fdr": "p (t, FDR)",
    "p_sign_flip": "p (flips)",
    "p_fdr": "p (flips, FDR)",
    "p_fwe": "p (flips, FWE)",
}
_CEILING = {
    "roi": "region",
    "n_subjects": "subjects",
    "lower": "lower",
    "upper": "upper",
    "note": "note",
}
_TESTS = {
    "p_t": "t, uncorrected",
    "p_t_fdr": "t, false discovery rate",
    "p_sign_flip": "sign flips, uncorrected",
    "p_fdr": "sign flips, false discovery rate",
    "p_fwe": "sign flips, family-wise error",
    "p_tfce_fwe": "TFCE, family-wise error",
}


def group_blocks(maker: Maker, units: list[Unit], scores: Mapping[str, DataFrame]) -> list[Block]:
    """Of each analysis of the group, its tests.

    Parameters
    ----------
    maker : Maker
    units : list of Unit
        Of the group.
    scores : mapping of str to DataFrame
        Scores of subjects by analysis.
    """
    blocks: list[Block] = []
    for unit in units:
        blocks.append(Title(unit.name))
        for path in unit.find("_group.tsv"):
            blocks += _tests(unit, path, scores)
        for path in unit.find("_ceiling.tsv"):
            caption = "Noise ceiling over subjects: between these, the best model could do."
            table = read_frame(path, "roi", "lower", "upper").dropna(axis=1, how="all")
            blocks.append(table_of(table, caption, _CEILING))
        for manifest in unit.find("group.json"):
            blocks += _maps(maker, unit, manifest)
    return blocks


def _tests(unit: Unit, path: Path, scores: Mapping[str, DataFrame]) -> list[Block]:
    table = read_frame(path, "roi", "mean", "n_subjects")
    of = str(unit.parameters()["settings"].get("of", ""))
    by = "target" if "target" in table else "model"
    blocks: list[Block] = []
    for name, rows in table.groupby(by, sort=False):
        dots = _of(scores.get(of), by, str(name))
        drawn = rows.assign(score=rows["mean"], target=str(name), p=rows.get("p_fwe"))
        blocks += scores_picture(
            drawn,
            dots,
            None,
            f"{unit.name}: {name} over subjects. Diamonds are means"
            f"{'' if dots is None or dots.empty else ', dots are subjects'}; p is of sign flips, "
            "corrected for all tests (family-wise error).",
        )
    n = int(table["n_subjects"].max())
    caption = f"Tests of {unit.name} over {n} subjects, one-sided; intervals are those of t."
    return [*blocks, table_of(table, caption, _HEADINGS)]


def _of(table: DataFrame | None, by: str, name: str) -> DataFrame | None:
    if table is None or by not in table:
        return None
    return table[table[by] == name]


def _maps(maker: Maker, unit: Unit, manifest: Path) -> list[Block]:
    """The maps that a manifest stands beside, and how many voxels each test leaves."""
    assert unit.folder is not None
    there = {
        path.name.removesuffix(".nii.gz"): path for path in sorted(manifest.parent.glob("*.nii.gz"))
    }
    about = read_json(manifest)
    label = "/".join((unit.name, *manifest.parent.relative_to(unit.folder).parts))
    found = _view(maker, unit, label, there, about)
    flips = "all patterns of signs" if about.get("exact") else "random sign flips"
    rows = [[words, *_counted(there[name])] for name, words in _TESTS.items() if name in there]
    caption = (
        f"Voxels of {label} by test, of {about.get('n_voxels', 'all')}; "
        f"{about.get('permutations', 'n/a')} flips, {flips}. With few subjects, p of flips cannot "
        "be small, whatever the effect."
    )
    headings = ("test", f"voxels below {_ALPHA}", "p smallest")
    return [*found, make_table(caption, headings, rows)] if rows else found


def _view(
    maker: Maker, unit: Unit, label: str, there: Mapping[str, Path], about: Mapping[str, Any]
) -> list[Block]:
    """The mean of scores: t of few discrete scores can be anything. Of effects, t."""
    kind = unit.parameters().get("kind")
    of_scores = kind in ("searchlight", "rdm_searchlight")
    name = "mean" if of_scores else "t"
    if name not in there:
        return []
    p_fwe = there.get("p_fwe")
    chance = about.get("chance") or 0.0
    of_scores_or_models = "score above chance" if kind == "searchlight" else "similarity"
    unit_of_map = ("score" if chance else of_scores_or_models) if of_scores else "t"
    n = about.get("n_subjects", "all")
    view = maker.view(
        there[name],
        f"group-{label}",
        title=f"Group: {'mean ' if of_scores else ''}{unit_of_map} over {n} subjects ({label})",
        p_map=None if p_fwe is None else str(p_fwe),
        p_name="p (FWE)",
        mask=_tested(there),
        chance=chance if of_scores else None,
        unit=unit_of_map,
        space=space_of(maker.run.units),
    )
    return [view]


def _tested(there: Mapping[str, Path]) -> Any:
    """Voxels that were tested, as the viewer takes a mask: outside p is 1 and others are 0."""
    inside = None
    for name in ("t", "mean", "p_t"):
        if name in there:
            volume = read_volume(there[name], None, name=str(there[name]))
            some = np.asarray(volume.values) != (1 if name == "p_t" else 0)
            inside = some if inside is None else inside | some
            grid = volume.grid
    return None if inside is None else as_image(inside.astype(np.uint8), grid)


def _counted(path: Path) -> list[Any]:
    values = np.asarray(read_volume(path, None, name=str(path)).values)
    return [int(np.count_nonzero(values < _ALPHA)), float(values.min())]


def scores_by_analysis(units: list[Unit]) -> dict[str, DataFrame]:
    """Scores of regions of all subjects, by analysis: of decoding, and of models of geometry."""
    found = {}
    for suffix, step, by in (
        ("decoding.tsv", "decoding", "target"),
        ("geometry.tsv", "geometry", "model"),
    ):
        for name, own in by_analysis(unit for unit in units if unit.step == step):
            table = gather(own, suffix, "subject", "roi", by, "score")
            if len(table):
                found[name] = table[
                    [one for one in ("subject", "roi", by, "score", "chance") if one in table]
                ]
    return found


def overview_blocks(scores: Mapping[str, DataFrame], tested: set[str]) -> list[Block]:
    """Scores of all subjects, of analyses that no test of the group has shown.

    Parameters
    ----------
    scores : mapping of str to DataFrame
    tested : set of str
        Analyses with a test.
    """
    blocks: list[Block] = []
    for name, table in scores.items():
        if name in tested:
            continue
        by = "target" if "target" in table else "model"
        for of, rows in table.groupby(by, sort=False):
            how = {"score": ("score", "mean")}
            how |= {"chance": ("chance", "mean")} if "chance" in rows else {}
            means = rows.groupby("roi", sort=False).agg(**how).reset_index().assign(target=str(of))
            n = rows["subject"].nunique()
            caption = f"{name}: {of}. Diamonds are means of {n} subjects, dots are subjects."
            blocks += scores_picture(means, rows, None, caption)
    if blocks:
        blocks.insert(0, Text(("No test over subjects was done of these scores.",)))
    return blocks
