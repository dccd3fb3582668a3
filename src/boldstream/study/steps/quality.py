"""The step that tells how good the images of a subject are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.api import stream
from boldstream.core.grid import Grid
from boldstream.io.masks import load_mask
from boldstream.io.opening import open_image
from boldstream.io.source import Series, VolumeSource
from boldstream.io.tables import read_table
from boldstream.io.writing import write_array, write_json, write_volume
from boldstream.signal.confounds import begins_with_numbers, read_confounds
from boldstream.signal.quality import (
    HIGH_MOTION,
    MOTION_COLUMNS,
    carpet_reductions,
    carpet_rows,
    check_runs,
    foreground,
    framewise_displacement,
)
from boldstream.streaming.reductions import TSNR, Mean, Std
from boldstream.study.steps.context import Context
from boldstream.study.steps.designs import designs_of
from boldstream.study.steps.regions import regions_of
from boldstream.study.steps.tables import run_file, write_frame

Floats = NDArray[np.float64]
Voxels = NDArray[np.bool_]

COVERAGE, FACTS = "coverage.tsv", "quality.json"


def describe_quality(context: Context) -> None:
    """Write mean, tSNR, carpet, DVARS, motion and design of each run, and coverage of regions.

    Each image is decoded once.

    Raises
    ------
    ParameterError
        If a run has fewer than 2 volumes.
    TableError
        If events or confounds cannot be used.
    GridMismatchError
        If runs, mask or regions do not lie on one grid.
    """
    given = context.parameters
    runs: list[_Run] = []
    mask: _Mask | None = None
    for text, label, motion in zip(given["images"], given["labels"], given["motion"], strict=True):
        source = open_image(str(context.path(text)))
        mask = mask or _mask(context, source)
        source.series.grid.require_same(mask.grid, name=source.series.name, other_name=mask.name)
        moved = None if motion is None else _motion(context, motion, source.series)
        runs.append(_describe_run(context, source, mask, label, moved))
    if given["events"]:
        for label, (design, _) in zip(given["labels"], designs_of(context), strict=True):
            table = design.matrix.rename_axis("frame_time").reset_index()
            write_frame(context.file(run_file(label, "design.tsv")), table)
    if mask is not None and "rois" in given:
        has_data = np.logical_and.reduce([run.has_data for run in runs])
        write_frame(context.file(COVERAGE), _coverage(context, mask.grid, has_data))
    facts = {"t_r": runs[0].t_r if runs else None, "runs": [run.facts for run in runs]}
    write_json(context.file(FACTS), facts)


@dataclass(frozen=True, eq=False)
class _Mask:
    """Voxels of the brain, and where they come from."""

    name: str
    grid: Grid
    inside: Voxels


def _mask(context: Context, source: VolumeSource) -> _Mask:
    """That of the study; else voxels of the first run that are no background."""
    given, series = context.parameters["mask"], source.series
    if given is None:
        return _Mask(series.name, series.grid, foreground(source))
    path = str(context.path(given))
    return _Mask(path, series.grid, load_mask(path, series.grid, name=path).array)


def _motion(context: Context, text: str, series: Series) -> Floats | None:
    """Parameters of motion (volumes, 6), where the table has fMRIPrep's."""
    path = context.path(text)
    if begins_with_numbers(path) or not set(MOTION_COLUMNS) <= set(read_table(path).columns):
        return None
    return read_confounds(path, series.n_volumes, columns=MOTION_COLUMNS)


@dataclass(frozen=True, eq=False)
class _Run:
    """What is kept of a run once its files are written."""

    t_r: float | None
    facts: dict[str, Any]
    has_data: Voxels


def _describe_run(
    context: Context, source: VolumeSource, mask: _Mask, label: str, motion: Floats | None
) -> _Run:
    series = source.series
    lengths = check_runs(series)
    mean, std, tsnr, voxels, dvars = stream(
        source,
        *(Mean(), Std(), TSNR()),
        *carpet_reductions(mask.inside),
        memory_limit=context.memory_limit,
    )
    write_volume(context.file(run_file(label, "mean.nii.gz")), mean, series.grid)
    write_volume(context.file(run_file(label, "tsnr.nii.gz")), tsnr, series.grid)
    write_array(context.file(run_file(label, "carpet.npy")), carpet_rows(voxels, lengths))
    moved = np.full(len(dvars), np.nan) if motion is None else framewise_displacement(motion)
    table = pd.DataFrame(
        {"volume": range(len(dvars)), "dvars": dvars, "framewise_displacement": moved}
    )
    for i, name in enumerate(MOTION_COLUMNS if motion is not None else ()):
        table[name] = motion[:, i] if motion is not None else np.nan
    write_frame(context.file(run_file(label, "volumes.tsv")), table)
    facts = {
        "label": label,
        "n_volumes": series.n_volumes,
        "mean_tsnr": _mean_of(tsnr[mask.inside]),
        "mean_fd": _mean_of(moved),
        "n_high_motion": None if motion is None else int((moved > HIGH_MOTION).sum()),
        "mean_dvars": _mean_of(dvars),
    }
    t_r = context.parameters["t_r"] or series.tr
    return _Run(t_r, facts, np.isfinite(mean) & np.isfinite(std) & (std > 0))


def _mean_of(values: NDArray[Any]) -> float | None:
    """Mean of what is finite; None, which JSON has, if nothing is."""
    finite = values[np.isfinite(values)].astype(np.float64)
    mean = float(finite.mean()) if len(finite) else math.nan
    return mean if math.isfinite(mean) else None


def _coverage(context: Context, grid: Grid, has_data: Voxels) -> pd.DataFrame:
    """Of each region: its voxels, and those that hold data, not a constant, in all runs."""
    rows = []
    for name, inside in regions_of(context, grid):
        n, n_with_data = int(inside.sum()), int(has_data[inside].sum())
        rows.append((name, n, n_with_data, n_with_data / n if n else np.nan))
    return pd.DataFrame(rows, columns=["roi", "n_voxels", "n_with_data", "share"])
