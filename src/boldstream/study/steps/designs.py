"""Designs of a subject's runs: conditions of events, drift and confounds."""

from __future__ import annotations

from collections.abc import Iterator

from boldstream.glm.first_level.designs import DesignModel, RunDesign, design_matrix
from boldstream.glm.trials.events import Events, read_events
from boldstream.io.opening import open_image
from boldstream.io.sidecar import repetition_time
from boldstream.signal.runs import load_runs
from boldstream.study.steps.confounds import confounds_of
from boldstream.study.steps.context import Context


def designs_of(context: Context) -> Iterator[tuple[RunDesign, Events]]:
    """The design of each run, as the settings of the unit model it, and its events.

    Reads headers and tables; events that cannot be modelled are left out, as in betas.

    Raises
    ------
    TableError
        If events or confounds cannot be used.
    ParameterError
        If a repetition time is unknown.
    """
    given, settings = context.parameters, context.settings
    model = DesignModel(
        hrf_model=settings["hrf_model"],
        drift_model=settings["drift_model"],
        high_pass=settings["high_pass"],
    )
    confounds = confounds_of(context)
    for i, (text, table) in enumerate(zip(given["images"], given["events"], strict=True)):
        image = context.path(text)
        series = open_image(str(image)).series
        one = confounds[i] if isinstance(confounds, list) else confounds
        (run,) = load_runs(str(image), series, confounds=one)
        t_r = repetition_time(series, given["t_r"])
        events = read_events(context.path(table))
        matrix = design_matrix(events, series.n_volumes, t_r, run, model)
        yield RunDesign(image, t_r, matrix, run.kept), events
