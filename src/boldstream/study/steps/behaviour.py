"""The step that fits a model of choices to a subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from boldstream.behaviour import add_values, fit_subjects, validate_behaviour
from boldstream.core.errors import TableError
from boldstream.io.tables import FRAME_FORMAT
from boldstream.io.writing import write_json
from boldstream.study.settings.analyses import OF_BEHAVIOUR
from boldstream.study.steps.context import Context
from boldstream.study.steps.tables import write_frame

TRIALS, FIT = "trials.tsv", "discounting.tsv"


def fit_behaviour(context: Context) -> None:
    """Write the parameters of a subject, and what each trial was worth to it.

    Where choices do not tell the parameters, values are missing; the reason
    stands in the table of the fit.

    Raises
    ------
    TableError
        If the behaviour is not such that the subject can be used; why not.
    """
    settings, subject = context.settings, context.unit.subject
    trials = _trials(context)
    report = validate_behaviour(
        {subject: trials},
        required=_required(settings),
        choice=settings["choice"],
        response_time=settings["response_time"],
        accuracy=settings["accuracy"],
        max_missing=settings["max_missing"],
        min_trials=settings["min_trials"],
        min_accuracy=settings["min_accuracy"],
        response_time_range=settings["response_time_range"],
        max_outside=settings["max_outside"],
    )
    (row,) = report.to_dict("records")
    if not row["included"]:
        raise TableError(f"behaviour of subject {subject!r} cannot be used: {row['reason']}")
    offers = {name: settings[name] for name in ("amount", "delay", "immediate")}
    labelled = trials.assign(subject=subject)
    fit = fit_subjects(labelled, choice=settings["choice"], **offers)
    valued = add_values(labelled, fit, **offers)
    if not fit["identifiable"].all():
        # Values of a k that choices do not tell would be decoded as if they meant something.
        valued[list(OF_BEHAVIOUR)] = np.nan
    write_frame(context.folder / TRIALS, valued)
    write_frame(context.file(FIT), fit)
    write_frame(context.file("validation.tsv"), report)
    write_json(context.file("discounting.json"), {"Model": "V = A / (1 + k D)", **settings})


def _required(settings: Any) -> list[str]:
    names = [settings[name] for name in ("choice", "amount", "delay", "immediate")]
    return [name for name in names if isinstance(name, str)]


def _trials(context: Context) -> pd.DataFrame:
    """Events of all runs: with the run, from 1, and the row of its table, from 0."""
    tables = []
    for run, text in enumerate(context.parameters["events"], 1):
        path = context.path(text)
        delimiter = "," if path.suffix.lower() == ".csv" else "\t"
        table = pd.read_csv(path, **{**FRAME_FORMAT, "sep": delimiter})
        tables.append(table.assign(run=run, row=range(len(table))))
    return pd.concat(tables, ignore_index=True)
