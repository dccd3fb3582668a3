"""The decoding of regions that a command asks for, from headers to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from boldstream.cli.decoding.data import Data, open_data
from boldstream.cli.decoding.facts import count_classes, describe_cost
from boldstream.cli.decoding.labels import LabelOptions, Labels, read_labels
from boldstream.cli.decoding.limits import limit_beside_figures
from boldstream.cli.jobs import full_path
from boldstream.core.grid import Grid
from boldstream.decoding.roi import decode
from boldstream.decoding.roi.results import Decoding
from boldstream.decoding.task.names import find_estimator
from boldstream.io.masks import load_mask
from boldstream.io.writing import Outputs, write_json
from boldstream.plotting import plot_decoding
from boldstream.streaming.reductions import Labels as Atlas

_TABLE, _FOLDS, _CONFUSION, _PREDICTIONS, _FIGURE, _SIDECAR = (
    "decoding.tsv",
    "decoding_folds.tsv",
    "confusion.tsv",
    "predictions.tsv",
    "decoding.png",
    "decoding.json",
)
# Inches of a figure, and of a row in it; beyond the highest a PNG could not be made.
_WIDTH, _ROW, _HIGHEST = 7.2, 0.42, 400.0


@dataclass(frozen=True, kw_only=True)
class DecodeJob:
    """What is to be decoded and written; see the options of the command.

    Attributes
    ----------
    options : mapping
        Parameters of `boldstream.decoding.decode`, under its names.
    """

    data: Sequence[Path]
    labels: Path | None
    targets: Sequence[str]
    groups: str | None
    conditions: Sequence[str]
    blocks: str | None
    rois: Mapping[str, Path]
    atlas: Path | None
    atlas_names: Path | None
    resample: Literal["mask"] | None
    options: Mapping[str, Any]
    estimator_args: Mapping[str, Any]
    n_jobs: int
    memory_limit: str | None
    progress: bool

    def run(self, folder: Path, *, overwrite: bool) -> dict[str, str]:
        """Decode, write all files or none, and return what to say of each.

        Raises
        ------
        BoldstreamError
            Before a volume is read, if files, labels or options cannot be
            used; later, if an image turns out to be damaged.
        """
        started = perf_counter()
        data = open_data(self.data)
        asked = LabelOptions(
            file=data.labels_file(self.labels),
            targets=self.targets,
            groups=self.groups,
            conditions=self.conditions,
            blocks=self.blocks,
        )
        labels = read_labels(asked, data.n_samples, data.name)
        regions = self._regions(data.grid)
        given = [path for path in (self.atlas, self.atlas_names) if path is not None]
        inputs = [*data.inputs, asked.file, *self.rois.values(), *given]
        names = [_TABLE, _FOLDS, _CONFUSION, _PREDICTIONS, _FIGURE, _SIDECAR]
        with Outputs(folder, names, overwrite=overwrite, inputs=inputs) as outputs:
            found = self._decode(data, labels, regions)
            written = _write_tables(found, labels, outputs)
            _write_figure(found, outputs[_FIGURE])
            facts = {
                "Description": "Decoding of regions.",
                **data.facts,
                **asked.facts,
                **self._facts(found, labels),
                **describe_cost(started),
            }
            write_json(outputs[_SIDECAR], facts)
        return {str(folder / file): shown for file, shown in written.items()}

    def _regions(self, grid: Grid) -> dict[str, Any]:
        """Masks by name, and the atlas under none: its regions have names of their own."""
        regions: dict[str, Any] = {
            name: load_mask(path, grid, resample=self.resample, name=str(path)).array
            for name, path in self.rois.items()
        }
        if self.atlas is not None:
            regions[""] = Atlas(self.atlas, resample=self.resample, names=self.atlas_names)
        return regions

    def _decode(self, data: Data, labels: Labels, regions: Mapping[str, Any]) -> Decoding:
        options = dict(self.options)
        if self.estimator_args:
            options["estimator"] = {
                target: find_estimator(
                    name,
                    labels.targets[target],
                    random_state=options["random_state"],
                    estimator_args=self.estimator_args,
                )
                for target, name in options["estimator"].items()
            }
        return decode(
            data.volumes(labels.kept),
            labels.targets,
            labels.groups,
            rois=regions,
            permutation_blocks=labels.blocks,
            n_jobs=self.n_jobs,
            memory_limit=limit_beside_figures(self.memory_limit),
            progress=self.progress,
            **options,
        )

    def _facts(self, found: Decoding, labels: Labels) -> dict[str, Any]:
        of_classes = {target for _, target in found.confusion}
        chances = found.table.drop_duplicates("target").set_index("target")["chance"]
        return {
            "rois": {name: full_path(path) for name, path in self.rois.items()},
            "atlas": None if self.atlas is None else full_path(self.atlas),
            "resample": self.resample,
            **self.options,
            "estimator_args": dict(self.estimator_args),
            "cv": self.options["cv"] or ("logo" if self.groups else "5 folds"),
            "n_samples": len(labels.kept),
            "classes": {
                name: count_classes(values) if name in of_classes else None
                for name, values in labels.targets.items()
            },
            "chance": {name: None if np.isnan(x) else float(x) for name, x in chances.items()},
        }


def _write_tables(found: Decoding, labels: Labels, outputs: Mapping[str, Path]) -> dict[str, str]:
    predictions = found.predictions.copy()
    # Volumes of the data, and not of those that were taken.
    predictions["sample"] = labels.kept[predictions["sample"].to_numpy()]
    tables = {
        _TABLE: found.table,
        _FOLDS: found.folds,
        _CONFUSION: _confusion_table(found),
        _PREDICTIONS: predictions,
    }
    for name, table in tables.items():
        table.to_csv(outputs[name], sep="\t", index=False, na_rep="n/a", float_format="%.9g")
    written = {name: " × ".join(map(str, table.shape)) for name, table in tables.items()}
    return written | {_FIGURE: "figure"}


def _confusion_table(found: Decoding) -> pd.DataFrame:
    """A row for each region, target, class and predicted class."""
    columns = ["roi", "target", "truth", "predicted", "count"]
    rows = [
        (roi, target, truth, predicted, int(table.loc[truth, predicted]))
        for (roi, target), table in found.confusion.items()
        for truth in table.index
        for predicted in table.columns
    ]
    return pd.DataFrame(rows, columns=columns)


def _write_figure(found: Decoding, path: Path) -> None:
    """Draw all regions, a panel for each target."""
    rows = found.table.groupby("target", sort=False)["roi"].count()
    heights = 1.3 + _ROW * rows
    figure = Figure(figsize=(_WIDTH, min(heights.sum(), _HIGHEST)), layout="constrained")
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0]
    for panel, target in zip(panels, rows.index, strict=True):
        plot_decoding(found, target=target, ax=panel)
    figure.savefig(path)
