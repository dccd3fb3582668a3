"""Steps that read volumes: betas of trials, and time courses of regions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from boldstream.api import extract
from boldstream.glm.betas import trial_betas
from boldstream.io.opening import open_image
from boldstream.study.steps.confounds import confounds_of
from boldstream.study.steps.context import Context
from boldstream.study.steps.regions import ATLAS, reductions_of, wanted_regions
from boldstream.study.steps.tables import run_file, write_frame

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
        confounds=confounds_of(context),
        unestimable="exclude",
        signal_scaling=0 if settings["signal_scaling"] else False,
        smoothing_fwhm=settings["smoothing_fwhm"],
        output=context.folder / BETAS_FOLDER,
        memory_limit=context.memory_limit,
    )
    write_frame(context.file("excluded.tsv"), found.excluded)


def extract_courses(context: Context) -> None:
    """Write the mean time course of each region, a table for each run."""
    given, settings = context.parameters, context.settings
    confounds = confounds_of(context)
    for i, (image, label) in enumerate(zip(given["images"], given["labels"], strict=True)):
        source = str(context.path(image))
        courses = extract(
            source,
            dict(reductions_of(context, open_image(source).series.grid)),
            detrend=settings["detrend"],
            standardize=_STANDARDIZE[settings["standardize"]],
            low_pass=settings["low_pass"],
            high_pass=settings["high_pass"],
            smoothing_fwhm=settings["smoothing_fwhm"],
            t_r=given["t_r"],
            confounds=confounds[i] if isinstance(confounds, list) else confounds,
            memory_limit=context.memory_limit,
        )
        path = context.file(run_file(label, "timeseries.tsv"))
        write_frame(path, _side_by_side(context, courses))


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
