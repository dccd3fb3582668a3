"""The searchlight that a command asks for, from headers to files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.api import stream
from boldstream.cli.decoding.data import Data, SurfaceData, open_data, open_surface
from boldstream.cli.decoding.facts import count_classes, describe_cost, describe_folds, one_line
from boldstream.cli.decoding.labels import LabelOptions, Labels, read_labels
from boldstream.cli.decoding.limits import limit_beside_figures
from boldstream.cli.decoding.searchlight_files import SIDECAR, SearchlightFiles
from boldstream.cli.jobs import full_path
from boldstream.decoding import SearchLight
from boldstream.decoding.f_scores import FScores, f_scores
from boldstream.decoding.inference.null_maps import ARRAY, names_of_maps
from boldstream.decoding.task.problem import Targets
from boldstream.decoding.task.task import Task, make_task
from boldstream.io.writing import Outputs, as_image, write_json
from boldstream.streaming.reductions import Mean


@dataclass(frozen=True, kw_only=True)
class SearchlightOptions:
    """Parameters of `boldstream.decoding.SearchLight`, under its names."""

    radius: float
    n_neighbours: int | None
    estimator: str
    estimator_args: Mapping[str, Any] | None
    scoring: str | None
    cv: str | None
    permutations: int
    tfce: bool
    forming_threshold: float | None
    chance: float | None
    random_state: int
    keep: Sequence[str]
    nan_policy: Literal["raise", "exclude", "zero"]


@dataclass(frozen=True, kw_only=True)
class SearchlightJob:
    """What is to be decoded and written; see the options of the command."""

    data: Sequence[Path]
    labels: Path | None
    target: str
    groups: str | None
    conditions: Sequence[str]
    blocks: str | None
    mask: Path | None
    process_mask: Path | None
    resample: Literal["mask"] | None
    surface: Path | None
    null_maps: Path | None
    options: SearchlightOptions
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
        data = open_data(self.data) if self.surface is None else open_surface(self.data)
        asked = LabelOptions(
            file=data.labels_file(self.labels),
            targets=[self.target],
            groups=self.groups,
            conditions=self.conditions,
            blocks=self.blocks,
        )
        labels = read_labels(asked, data.n_samples, data.name)
        task = self._check(labels)
        targets, masks = task.targets, self._masks(data)
        files = self._files(data, targets)
        given = [self.mask, self.process_mask, self.surface]
        inputs = [*data.inputs, asked.file, *(path for path in given if path is not None)]
        with (
            Outputs(folder, files.names, overwrite=overwrite, inputs=inputs) as outputs,
            self._null_maps(inputs, overwrite=overwrite) as null_maps,
        ):
            # First, so that what does not fit memory is not found after hours of spheres.
            volumes = self._map_volumes(data, labels, targets) if isinstance(data, Data) else None
            light = self._fit(data, labels, masks, null_maps)
            written = files.write_maps(light, outputs)
            if volumes is not None:
                written |= files.write_figures(light, *volumes, light.chance_, outputs)
            facts = {
                "Description": "Scores of a searchlight.",
                **data.facts,
                **asked.facts,
                **self._facts(light, labels, targets),
                "estimator": one_line(task.estimator),
                "chance": light.chance_,
                **describe_cost(started),
            }
            write_json(outputs[SIDECAR], facts)
        return {str(folder / file): shown for file, shown in written.items()}

    def _check(self, labels: Labels) -> Task:
        """Make the task as the searchlight will: what is wrong is found before images are read."""
        options = self.options
        return make_task(
            labels.targets[self.target],
            labels.groups,
            estimator=options.estimator,
            cv=options.cv,
            scoring=options.scoring,
            permutations=min(1, options.permutations),
            permutation_blocks=labels.blocks,
            random_state=options.random_state,
            estimator_args=options.estimator_args,
        )

    def _files(self, data: Data | SurfaceData, targets: Targets) -> SearchlightFiles:
        options = self.options
        return SearchlightFiles(
            permuted=options.permutations > 0,
            tfce=options.tfce,
            clusters=options.forming_threshold is not None,
            of_classes=targets.classes is not None,
            kept=[name for name in options.keep if name != "scores"],
            grid=data.grid if isinstance(data, Data) else None,
        )

    @contextmanager
    def _null_maps(self, inputs: Sequence[Path], *, overwrite: bool) -> Iterator[Path | None]:
        """Where to write maps of permutations; they get their place when all went well."""
        if self.null_maps is None:
            yield None
            return
        names = names_of_maps(in_volume=self.surface is None)
        with Outputs(self.null_maps, names, overwrite=overwrite, inputs=inputs) as outputs:
            yield outputs[ARRAY].parent

    def _fit(
        self,
        data: Data | SurfaceData,
        labels: Labels,
        masks: Mapping[str, Any],
        null_maps: Path | None,
    ) -> SearchLight:
        light = SearchLight(
            **masks,
            surface=None if self.surface is None else str(self.surface),
            permutation_blocks=labels.blocks,
            null_maps=null_maps,
            n_jobs=self.n_jobs,
            memory_limit=self._limit(data),
            progress=self.progress,
            **vars(self.options),
        )
        return light.fit(data.imgs(labels.kept), labels.targets[self.target], labels.groups)

    def _limit(self, data: Data | SurfaceData) -> int | str | None:
        if isinstance(data, SurfaceData):
            return self.memory_limit
        return limit_beside_figures(self.memory_limit, data.grid.n_voxels)

    def _masks(self, data: Data | SurfaceData) -> dict[str, Any]:
        """Masks that were found to fit the data."""
        given = {"mask_img": self.mask, "process_mask_img": self.process_mask}
        if isinstance(data, SurfaceData):
            return {name: data.mask(path) for name, path in given.items()}
        found = {
            name: data.mask(path, self.resample) for name, path in given.items() if path is not None
        }
        return {
            name: as_image(inside.array, data.grid, dtype=np.dtype(np.uint8))
            for name, inside in found.items()
            if inside is not None
        }

    def _map_volumes(
        self, data: Data, labels: Labels, targets: Targets
    ) -> tuple[NDArray[np.float32], FScores | None]:
        """The mean of the volumes, and F scores of their classes."""
        volumes = data.volumes(labels.kept)
        limit = self._limit(data)
        (mean,) = stream(volumes, Mean(), memory_limit=limit)
        if targets.classes is None:
            return mean, None
        inside = data.mask(self.mask, self.resample)
        runs = _runs_of(labels, volumes.series.run_lengths)
        found = f_scores(
            volumes,
            labels.targets[self.target],
            mask=None if inside is None else inside.array,
            runs=runs,
            nan_policy="zero" if self.options.nan_policy == "zero" else "propagate",
            n_jobs=self.n_jobs,
            memory_limit=limit,
        )
        return mean, found

    def _facts(self, light: SearchLight, labels: Labels, targets: Targets) -> dict[str, Any]:
        options = asdict(self.options)
        of_classes = targets.classes is not None
        paths = {"mask": self.mask, "process_mask": self.process_mask, "surface": self.surface}
        return {
            **{name: None if path is None else full_path(path) for name, path in paths.items()},
            "resample": self.resample,
            **{name: options[name] for name in options if name not in ("estimator_args", "chance")},
            "estimator_name": self.options.estimator,
            "engine": light.engine_,
            "scoring": self.options.scoring or ("accuracy" if of_classes else "r2"),
            "cv": self.options.cv or ("stratified:5" if of_classes else "kfold:5"),
            "n_samples": len(labels.kept),
            "classes": count_classes(labels.targets[self.target]) if of_classes else None,
            "folds": describe_folds(light.folds_, labels.groups),
            "n_spheres": light.n_elements_,
            "n_spheres_without_voxels": int(np.isnan(light.masked_scores_).sum()),
            "null_maps": None if self.null_maps is None else full_path(self.null_maps),
        }


def _runs_of(labels: Labels, run_lengths: Sequence[int]) -> NDArray[Any] | None:
    """Runs to standardise in: none where one of them has a single volume."""
    runs = labels.groups
    if runs is None:
        runs = np.repeat(np.arange(len(run_lengths)), run_lengths)
    _, counts = np.unique(runs, return_counts=True)
    return runs if counts.min() > 1 else np.zeros(len(runs), np.intp)
