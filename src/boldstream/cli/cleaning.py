"""What the command line asks of cleaning: checked before anything is opened, then loaded."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import typer

from boldstream.cli.console import printable
from boldstream.cli.options import Denoising
from boldstream.core.checks import did_you_mean

if TYPE_CHECKING:
    from boldstream.io.source import Series
    from boldstream.signal.cleaning import Cleaning
    from boldstream.signal.runs import Run

_FMRIPREP = "fmriprep"


@dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """Options of the command, as they were given.

    Raises
    ------
    typer.BadParameter
        If some do not go together.

    Examples
    --------
    >>> CleaningOptions(confounds=["fmriprep"], strategy="compcor").source
    'fmriprep:compcor'
    """

    smoothing_fwhm: float | None = None
    detrend: bool = False
    standardize: Literal["zscore", "zscore_sample", "psc"] | None = None
    high_pass: float | None = None
    low_pass: float | None = None
    filter: Literal["butterworth", "cosine"] | None = None
    t_r: float | None = None
    confounds: Sequence[str] = ()
    columns: str | None = None
    strategy: str | None = None
    sample_masks: Sequence[Path] = ()
    nan_policy: Literal["propagate", "zero", "nilearn", "raise"] = "propagate"

    def __post_init__(self) -> None:
        self._check_filter()
        named = [text for text in self.confounds if text.partition(":")[0] == _FMRIPREP]
        if named and len(self.confounds) > 1:
            _refuse("give fmriprep once and alone: it stands for all runs", "--confounds")
        known = [_FMRIPREP, *(f"{_FMRIPREP}:{strategy}" for strategy in get_args(Denoising))]
        if named and named[0] not in known:
            hint = did_you_mean(named[0], known)
            _refuse(f"must be one of {', '.join(known)}, got {named[0]!r}{hint}", "--confounds")
        if self.strategy is not None and named != [_FMRIPREP]:
            _refuse(f"{self.strategy} goes with --confounds fmriprep only", "--strategy")
        if self.columns is not None and (named or not self.confounds):
            _refuse("goes with tables of --confounds only", "--confound-columns")
        if self.columns is not None and not all(self._columns):
            _refuse(
                f"must be names with commas between, got {self.columns!r}", "--confound-columns"
            )

    def _check_filter(self) -> None:
        high, low = self.high_pass, self.low_pass
        if self.filter is not None and high is None and low is None:
            _refuse("goes with --high-pass or --low-pass", "--filter")
        if self.filter == "cosine" and low is not None:
            _refuse("cosine goes with --high-pass alone", "--filter")
        if high is not None and low is not None and high >= low:
            _refuse(f"must be below --low-pass {low:g}, got {high:g}", "--high-pass")

    @property
    def source(self) -> str | None:
        """What stands for the confounds of fMRIPrep, if they are asked for."""
        if not self.confounds or self.confounds[0].partition(":")[0] != _FMRIPREP:
            return None
        return f"{_FMRIPREP}:{self.strategy}" if self.strategy else self.confounds[0]

    @property
    def inputs(self) -> list[Path]:
        """Files that are read."""
        tables = [] if self.source else [Path(table) for table in self.confounds]
        return [*tables, *self.sample_masks]

    @property
    def _columns(self) -> list[str]:
        return [name.strip() for name in (self.columns or "").split(",")]

    def cleaning(self) -> Cleaning:
        """The cleaning but for what belongs to each run."""
        from boldstream.signal.cleaning import Cleaning

        return Cleaning(
            detrend=self.detrend,
            standardize="zscore_sample" if self.standardize == "zscore" else self.standardize,
            low_pass=self.low_pass,
            high_pass=self.high_pass,
            t_r=self.t_r,
            filter=self.filter or "butterworth",
        )

    def load_runs(self, bold: Sequence[Path], series: Series) -> list[Run]:
        """Confounds and kept volumes of each run."""
        from boldstream.cli.sample_masks import read_sample_mask
        from boldstream.signal.runs import load_runs

        lengths = series.run_lengths
        check_count(len(self.sample_masks), len(lengths), "--sample-mask")
        if not self.source:
            check_count(len(self.confounds), len(lengths), "--confounds")
        masks = [
            read_sample_mask(path, n)
            for path, n in zip(self.sample_masks, lengths, strict=bool(self.sample_masks))
        ]
        return load_runs(
            list(bold),
            series,
            confounds=self.source or list(self.confounds) or None,
            sample_mask=masks or None,
            columns=None if self.columns is None else self._columns,
        )

    def facts(self, series: Series, runs: Sequence[Run]) -> dict[str, Any]:
        """What the files beside results say of it."""
        from boldstream.cli.jobs import full_path

        facts: dict[str, Any] = {"nan_policy": self.nan_policy}
        if self.t_r is not None:
            facts["repetition_time"] = self.t_r
        if self.smoothing_fwhm is not None:
            facts["smoothing_fwhm_mm"] = self.smoothing_fwhm
        cleaning = self.cleaning()
        used: dict[str, Any] = {}
        if cleaning.detrend:
            used["detrend"] = True
        if cleaning.is_filtering:
            used["filter"] = cleaning.is_filtering
            used["high_pass_hz"], used["low_pass_hz"] = self.high_pass, self.low_pass
            used["t_r"] = self.t_r or series.tr
        if cleaning.standardize:
            used["standardize"] = cleaning.standardize
        if self.confounds:
            used["confounds"] = self.source or [full_path(Path(table)) for table in self.confounds]
            used["confound_columns"] = [_columns_of(run) for run in runs]
        facts["cleaning"] = used
        if any(run.kept is not None for run in runs):
            facts["kept_volumes"] = [
                list(range(n)) if run.kept is None else run.kept.tolist()
                for run, n in zip(runs, series.run_lengths, strict=True)
            ]
            facts["run_lengths"] = [len(kept) for kept in facts["kept_volumes"]]
        return facts


@contextmanager
def warnings_in_a_line() -> Generator[None, None, None]:
    """Write warnings to standard error without the place in the program where they arose."""

    def show(message: Warning | str, *_place: object, **_more: object) -> None:
        typer.echo(f"{typer.style('Warning:', fg='yellow')} {printable(str(message))}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _columns_of(run: Run) -> list[str] | int:
    """Names of a run's confounds, or how many there are where they have none."""
    return list(run.names) or (0 if run.confounds is None else run.confounds.shape[1])


def check_count(n: int, n_runs: int, hint: str) -> None:
    """Refuse an option that is given, but not once for each run."""
    if n not in (0, n_runs):
        _refuse(f"give one for each of {n_runs} {'run' if n_runs == 1 else 'runs'}, got {n}", hint)


def _refuse(message: str, hint: str) -> None:
    raise typer.BadParameter(message, param_hint=hint)
