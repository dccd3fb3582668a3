"""Options of models of a task: what `boldstream glm` and `boldstream betas` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from boldstream.cli.cleaning import CleaningOptions
from boldstream.cli.options import positive

MODEL = "Model"

Events = Annotated[
    list[Path],
    typer.Option(
        "--events",
        metavar="FILE",
        help="Events as BIDS has them, with onset, duration and trial_type; one for each run.",
        show_default=False,
    ),
]
RepetitionTime = Annotated[
    float | None,
    typer.Option(
        "--t-r",
        metavar="SECONDS",
        callback=positive,
        help="Repetition time; by default what the header and the .json beside the image agree on.",
        rich_help_panel=MODEL,
    ),
]
Hrf = Literal[
    "glover",
    "glover + derivative",
    "glover + derivative + dispersion",
    "spm",
    "spm + derivative",
    "spm + derivative + dispersion",
    "none",
]
Drift = Annotated[
    Literal["cosine", "polynomial", "none"],
    typer.Option("--drift-model", help="Slow changes in the model.", rich_help_panel=MODEL),
]
HighPass = Annotated[
    float,
    typer.Option(
        metavar="HZ",
        callback=positive,
        help="Cosines take out what is slower.",
        rich_help_panel=MODEL,
    ),
]
DriftOrder = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Order of polynomials.", rich_help_panel=MODEL),
]
SliceTimeRef = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=1,
        help="Of the repetition time: when a volume counts as taken, as after slice timing.",
        rich_help_panel=MODEL,
    ),
]


@dataclass(frozen=True, kw_only=True)
class DesignOptions:
    """How events and drift become regressors; the names are those of nilearn."""

    hrf_model: str
    drift_model: Literal["cosine", "polynomial", "none"]
    high_pass: float
    drift_order: int
    slice_time_ref: float
    fir_delays: Sequence[int] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the functions of Python take them."""
        given = {name: None if value == "none" else value for name, value in asdict(self).items()}
        if self.fir_delays is None:
            del given["fir_delays"]
        return given

    @property
    def facts(self) -> dict[str, Any]:
        """What sidecars say of it: nothing of what has no part in the model."""
        unused = {"cosine": ["drift_order"], "polynomial": ["high_pass"]}
        facts = self.parameters
        for name in unused.get(self.drift_model, ["drift_order", "high_pass"]):
            del facts[name]
        return facts


def facts_of_model(
    events: Sequence[Path], cleaning: CleaningOptions, series: Any, runs: Sequence[Any]
) -> dict[str, Any]:
    """What sidecars say of events, confounds and volumes; those of cleaning are part of a model."""
    from boldstream.cli.jobs import full_path

    facts = cleaning.facts(series, runs)
    return {"events": [full_path(file) for file in events], **facts.pop("cleaning"), **facts}
