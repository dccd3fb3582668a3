"""The first-level model that a command asks for, from headers to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream._version import __version__
from boldstream.cli.cleaning import CleaningOptions
from boldstream.cli.glm_designs import write_designs
from boldstream.cli.glm_files import DESCRIPTION, ModelFiles
from boldstream.cli.glm_options import DesignOptions, facts_of_model
from boldstream.cli.jobs import describe_origin, full_path
from boldstream.core.errors import BoldstreamError, ParameterError
from boldstream.glm.first_level import FirstLevel
from boldstream.glm.first_level.contrasts import Contrast
from boldstream.glm.first_level.designs import DesignModel, RunDesign, make_design
from boldstream.glm.regression import order_of
from boldstream.io.describing import describe_image
from boldstream.io.masks import load_mask
from boldstream.io.opening import open_image
from boldstream.io.sidecar import repetition_time
from boldstream.io.writing import Outputs, write_json

_SCALINGS: Mapping[str, Any] = {"voxel": 0, "volume": 1, "grand": (0, 1), "none": False}
_BIDS_VERSION = "1.9.0"


@dataclass(frozen=True, kw_only=True)
class GlmJob:
    """What is to be fitted and written; see the options of the command."""

    bold: Sequence[Path]
    events: Sequence[Path]
    contrasts: Sequence[Contrast]
    mask: Path | None
    t_r: float | None
    design: DesignOptions
    noise_model: str
    signal_scaling: Literal["voxel", "volume", "grand", "none"]
    cleaning: CleaningOptions
    r_square: bool
    memory_limit: str | None

    def run(self, folder: Path, *, overwrite: bool) -> dict[str, str]:
        """Fit the model, write all files or none, and return what to say of each.

        Raises
        ------
        BoldstreamError
            Before a volume is read, if files, events, contrasts or options
            cannot be used; later, if an image turns out to be damaged.
        """
        order_of(self.noise_model)
        files = ModelFiles.of(self.bold)
        names = files.all(self.contrasts, r_square=self.r_square)
        masks = [] if self.mask is None else [self.mask]
        inputs = [*self.bold, *self.events, *masks, *self.cleaning.inputs]
        with Outputs(
            folder, names, overwrite=overwrite, inputs=inputs, keep=[DESCRIPTION]
        ) as outputs:
            designs, facts = self._prepare()
            weights = {
                contrast: [design.weights(contrast) for design in designs]
                for contrast in self.contrasts
            }
            write_json(outputs[files.of_model("statmap.json")], facts)
            write_json(outputs[DESCRIPTION], _DATASET)
            model = self._fit(designs)
            written = self._write_maps(model, weights, files, outputs)
            write_designs(designs, weights, files, outputs)
        for run, design in enumerate(designs):
            written[files.of_run(run, "design.tsv")] = " × ".join(map(str, design.fitted.shape))
        return written

    def _prepare(self) -> tuple[list[RunDesign], dict[str, Any]]:
        """Everything but the volumes: a design for each run, and facts for the sidecar."""
        for image in self.bold:
            found = describe_image(image)
            if len(found.shape) != 4 or found.series.n_volumes == 1:
                shape = " × ".join(map(str, found.shape))
                raise ParameterError(
                    "BOLD must be 4-D images of several volumes, one for each run, "
                    f"got {image} of shape {shape}"
                )
        series = open_image(self.bold).series
        lengths = series.run_lengths
        if self.mask is not None:
            load_mask(self.mask, series.grid, name=str(self.mask))
        runs = self.cleaning.load_runs(self.bold, series)
        times = [repetition_time(open_image(image).series, self.t_r) for image in self.bold]
        designs = [
            make_design(*of_run, DesignModel(**self.design.parameters))
            for of_run in zip(self.bold, lengths, times, self.events, runs, strict=True)
        ]
        facts = {
            "Description": "Statistical maps of a first-level model.",
            **describe_origin(self.bold, series),
            **facts_of_model(self.events, self.cleaning, series, runs),
            "repetition_time": times,
            "mask": None if self.mask is None else full_path(self.mask),
            "ModelParameters": {
                **self.design.facts,
                "noise_model": self.noise_model,
                "signal_scaling": self.signal_scaling,
            },
            "contrasts": {
                one.label: {"name": one.name, "test": one.test, "sums": list(one.rows)}
                for one in self.contrasts
            },
        }
        return designs, facts

    def _fit(self, designs: Sequence[RunDesign]) -> FirstLevel:
        kept = [
            np.arange(len(design.matrix)) if design.kept is None else design.kept
            for design in designs
        ]
        model = FirstLevel(
            mask_img=None if self.mask is None else str(self.mask),
            smoothing_fwhm=self.cleaning.smoothing_fwhm,
            signal_scaling=_SCALINGS[self.signal_scaling],
            noise_model=self.noise_model,
            minimize_memory=not self.r_square,
            nan_policy=self.cleaning.nan_policy,
            memory_limit=self.memory_limit,
            reports=False,
        )
        try:
            fitted: FirstLevel = model.fit(
                [str(image) for image in self.bold],
                design_matrices=[design.matrix for design in designs],
                sample_masks=kept if any(design.kept is not None for design in designs) else None,
            )
        except ValueError as error:
            if isinstance(error, BoldstreamError):
                raise
            # nilearn's, as of a mask that it finds empty.
            said = str(error).rstrip(".")
            hint = "" if self.mask else "; --mask says where to fit, instead of the brain found"
            more = f" and {len(self.bold) - 1} more" if self.bold[1:] else ""
            raise ParameterError(f"{self.bold[0]}{more} cannot be fitted: {said}{hint}") from error
        return fitted

    def _write_maps(
        self,
        model: FirstLevel,
        weights: Mapping[Contrast, Sequence[NDArray[np.float64]]],
        files: ModelFiles,
        outputs: Mapping[str, Path],
    ) -> dict[str, str]:
        written: dict[str, str] = {}

        def write(file: str, image: Any) -> None:
            image.to_filename(outputs[file])
            written[file] = " × ".join(map(str, image.shape))

        for contrast, of_runs in weights.items():
            maps = model.compute_contrast(of_runs, stat_type=contrast.test, output_type="all")
            for kind, file in files.maps(contrast).items():
                write(file, maps[kind])
        if self.r_square:
            for run, image in enumerate(model.r_square_):
                write(files.of_run(run, "statmap.nii.gz", stat="rsquared"), image)
        mask = model.masker_.mask_img_
        mask.set_data_dtype(np.uint8)
        write(files.of_model("mask.nii.gz"), mask)
        return written


_DATASET = {
    "Name": "First-level models",
    "BIDSVersion": _BIDS_VERSION,
    "DatasetType": "derivative",
    "GeneratedBy": [{"Name": "boldstream", "Version": __version__}],
}
