"""The betas that a command asks for, from headers to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from boldstream.cli.cleaning import CleaningOptions, check_count
from boldstream.cli.glm_options import DesignOptions, facts_of_model
from boldstream.cli.jobs import describe_origin, full_path
from boldstream.glm.betas import TrialBetas, trial_betas
from boldstream.io.betas import ARRAY, MANIFEST, MASK, TRIALS
from boldstream.io.opening import open_image
from boldstream.io.sidecar import repetition_time
from boldstream.io.tables import write_frame
from boldstream.io.writing import Outputs, write_json
from boldstream.signal.runs import Run

_IMAGE, _SIDECAR, _EXCLUDED = "betas.nii.gz", "betas.json", "excluded.tsv"


@dataclass(frozen=True, kw_only=True)
class TrialOptions:
    """Which trials get betas, and how; see `boldstream.trial_betas`."""

    method: Literal["lss", "lsa"]
    others: Literal["condition", "all"]
    conditions: Sequence[str] | None
    penalty: float
    fraction: float | None
    unestimable: Literal["raise", "exclude"]
    signal_scaling: Literal["voxel", "none"]

    @property
    def parameters(self) -> dict[str, Any]:
        """As the function of Python takes them."""
        scaling = {"voxel": 0, "none": False}[self.signal_scaling]
        return vars(self) | {"signal_scaling": scaling}

    @property
    def facts(self) -> dict[str, Any]:
        """What sidecars say of it."""
        unused = {"lss": ["penalty"], "lsa": ["others"]}[self.method]
        return {
            name: value
            for name, value in vars(self).items()
            if value is not None and name not in unused
        }


@dataclass(frozen=True)
class BetasJob:
    """What is to be estimated and written; see the options of the command."""

    bold: Sequence[Path]
    events: Sequence[Path]
    mask: Path | None
    t_r: float | None
    trials: TrialOptions
    design: DesignOptions
    cleaning: CleaningOptions
    memory_limit: str | None

    def run(self, folder: Path, *, store: bool, overwrite: bool, progress: bool) -> dict[str, str]:
        """Estimate, write all files or none, and return what to say of each.

        Raises
        ------
        BoldstreamError
            Before a volume is read, if files, events or options cannot be
            used; later, if an image turns out to be damaged.
        """
        betas = ARRAY if store else _IMAGE
        names = [betas, TRIALS, _SIDECAR]
        if store:
            names += [MASK, MANIFEST]
        if self.trials.unestimable == "exclude":
            names.append(_EXCLUDED)
        masks = [] if self.mask is None else [self.mask]
        inputs = [*self.bold, *self.events, *masks, *self.cleaning.inputs]
        with Outputs(folder, names, overwrite=overwrite, inputs=inputs) as outputs:
            output = outputs[betas].parent if store else outputs[betas]
            series = open_image(self.bold).series
            check_count(len(self.events), len(series.run_lengths), "--events")
            runs = self.cleaning.load_runs(self.bold, series)
            found = self._estimate(runs, output, progress)
            if not store:
                write_frame(outputs[TRIALS], found.trials)
            if _EXCLUDED in outputs:
                write_frame(outputs[_EXCLUDED], found.excluded)
            facts = {
                **describe_origin(self.bold, series),
                **facts_of_model(self.events, self.cleaning, series, runs),
                "repetition_time": self._repetition_times(len(runs)),
                "mask": None if self.mask is None else full_path(self.mask),
                **self.trials.facts,
                **self.design.facts,
                "columns": f"trials, in the order of the rows of {TRIALS}",
                "n_trials": len(found.trials),
                "n_excluded": len(found.excluded),
            }
            write_json(outputs[_SIDECAR], facts)
        n_trials = len(found.trials)
        shape = (n_trials, int(found.mask.sum())) if store else (*series.grid.shape, n_trials)
        shapes = {betas: shape, TRIALS: found.trials.shape, _EXCLUDED: found.excluded.shape}
        return {file: " × ".join(map(str, shapes[file])) for file in shapes if file in names}

    def _estimate(self, runs: Sequence[Run], output: Path, progress: bool) -> TrialBetas:
        return trial_betas(
            list(self.bold),
            list(self.events),
            mask=self.mask,
            t_r=self.t_r,
            confounds=[_frame(run) for run in runs],
            sample_mask=[run.kept for run in runs],
            smoothing_fwhm=self.cleaning.smoothing_fwhm,
            nan_policy=self.cleaning.nan_policy,
            output=output,
            memory_limit=self.memory_limit,
            progress=progress,
            **self.trials.parameters,
            **self.design.parameters,
        )

    def _repetition_times(self, n_runs: int) -> list[float]:
        """Of each run; 3-D images are the volumes of one."""
        images = self.bold if n_runs > 1 else [self.bold]
        return [repetition_time(open_image(image).series, self.t_r) for image in images]


def _frame(run: Run) -> pd.DataFrame | None:
    """Confounds of a run, with their names where they have any."""
    if run.confounds is None:
        return None
    return pd.DataFrame(run.confounds, columns=list(run.names) or None)
