"""Steps that read volumes: betas of trials, and time courses of regions."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from boldstream.api import extract
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import TableError
from boldstream.glm.betas import trial_betas
from boldstream.io.opening import open_image
from boldstream.io.tables import read_table
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import ATLAS, reductions_of, wanted_regions
from boldstream.study.steps.tables import MISSING, write_frame

BETAS_FOLDER = "betas"


def estimate_betas(context: Context) -> None:
    """Write betas of all trials: a folder that `boldstream.open_betas` maps."""
    given, settings = context.parameters, context.settings
    mask = given["mask"]
    found = trial_betas(
        context.paths(given["images"]),
        context.paths(given["events"]),
        method=settings["method"],
        others=settings["others"],
        conditions=settings["conditions"],
        mask=None if mask is None else str(context.path(mask)),
        t_r=given["t_r"],
        hrf_model=settings["hrf_model"],
        drift_model=settings["drift_model"],
        high_pass=settings["high_pass"],
        confounds=_confounds(context),
        unestimable="exclude",
        signal_scaling=0 if settings["percent"] else False,
        smoothing_fwhm=settings["smoothing_fwhm"],
        output=context.folder / BETAS_FOLDER,
        memory_limit=context.memory_limit,
    )
    write_frame(context.file("excluded.tsv"), found.excluded)


def extract_courses(context: Context) -> None:
    """Write the mean time course of each region, a table for each run."""
    given, settings = context.parameters, context.settings
    confounds = _confounds(context)
    for i, (image, label) in enumerate(zip(given["images"], given["labels"], strict=True)):
        path = str(context.path(image))
        courses = extract(
            path,
            dict(reductions_of(context, open_image(path).series.grid)),
            detrend=settings["detrend"],
            standardize=_STANDARDIZE[settings["standardize"]],
            low_pass=settings["low_pass"],
            high_pass=settings["high_pass"],
            smoothing_fwhm=settings["smoothing_fwhm"],
            t_r=given["t_r"],
            confounds=confounds[i] if isinstance(confounds, list) else confounds,
            memory_limit=context.memory_limit,
        )
        place = f"{label}_" if label else ""
        write_frame(context.file(f"{place}timeseries.tsv"), _side_by_side(context, courses))


# What nilearn's names mean to `boldstream.extract`.
_STANDARDIZE: Any = {
    "zscore_sample": "zscore_sample",
    "zscore": "zscore_sample",
    True: "zscore_sample",
    False: None,
    "psc": "psc",
}


def _side_by_side(context: Context, courses: dict[str, Any]) -> pd.DataFrame:
    """A column for each region; those of an atlas have their own names."""
    columns: dict[str, Any] = {}
    for name, series in courses.items():
        if name != ATLAS:
            columns[name] = series.values[:, 0]
            continue
        place = {region: i for i, region in enumerate(series.names)}
        for region in wanted_regions(series.names, context.parameters["atlas"]["regions"]):
            columns[region] = series.values[:, place[region]]
    return pd.DataFrame(columns)


def _confounds(context: Context) -> Any:
    """Confounds of all runs, as `boldstream.extract` takes them."""
    settings = context.parameters["confound_settings"]
    if settings["strategy"]:
        return f"fmriprep:{settings['strategy']}"
    if not settings["columns"]:
        return None
    tables = context.parameters["confounds"]
    return [_columns(context.path(text), settings["columns"]) for text in tables]


def _columns(path: Path, patterns: list[str]) -> pd.DataFrame:
    """Columns that match; what a first row lacks, as derivatives do, is 0."""
    columns = read_table(path).columns
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in columns):
            raise TableError(f"{path} has no column {pattern!r}{did_you_mean(pattern, columns)}")
    chosen = {
        name: ["0" if i == 0 and cell == MISSING else cell for i, cell in enumerate(cells)]
        for name, cells in columns.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    return pd.DataFrame(chosen)
