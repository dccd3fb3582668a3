"""What is measured of first levels and trial betas, each in a process of its own.

``python -m benchmarks.glm_ways WAY LIBRARY JSON`` prints one line of JSON;
LIBRARY is nilearn or boldstream.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np

from benchmarks.inputs import CONDITIONS, T_R
from benchmarks.ways import read_through
from boldstream.core.limits import process_memory

# Loaded before the clock runs.
_MODULES = {
    "nilearn": ("nilearn.glm.first_level", "nilearn.maskers"),
    "boldstream": ("boldstream.glm.first_level", "boldstream.glm.betas"),
}
_CONTRAST = f"{CONDITIONS[0]} - {CONDITIONS[1]}"
_DEFAULT_HIGH_PASS = 0.01


@dataclass(frozen=True)
class Made:
    """Images on one grid and, of a first level, the labels of each run's voxels."""

    images: list[Any]
    labels: list[Any] = field(default_factory=list)


def first_level(
    library: str,
    runs: list[str],
    events: list[str],
    mask: str,
    noise_model: str = "ar1",
    high_pass: float = _DEFAULT_HIGH_PASS,
    exact: bool = False,
) -> Made:
    """A model of all runs, and the z and t maps of one contrast."""
    options = {"t_r": T_R, "mask_img": mask, "noise_model": noise_model, "high_pass": high_pass}
    model = _model_class(library)(**options)
    model.fit([_in_float64(run) for run in runs] if exact else runs, events)
    maps = model.compute_contrast(_CONTRAST, output_type="all")
    return Made([maps["z_score"], maps["stat"]], list(model.labels_))


def betas(
    library: str,
    runs: list[str],
    events: list[str],
    mask: str,
    folder: str = "",
    exact: bool = False,
) -> Made:
    """Least squares separate by boldstream: in memory, or into a folder."""
    del library
    import boldstream as bs

    (run,), (table,), output = runs, events, folder or None
    dtype: Literal["float32", "float64"] = "float64" if exact else "float32"
    made = bs.trial_betas(run, table, mask=mask, t_r=T_R, dtype=dtype, output=output)
    return Made([] if output else [made.image])


def refit(library: str, runs: list[str], events: list[str], mask: str, exact: bool = False) -> Made:
    """Least squares separate by nilearn, with signals that are masked once."""
    del library
    from nilearn.glm.first_level import make_first_level_design_matrix, run_glm
    from nilearn.maskers import NiftiMasker

    (run,), (table,) = runs, events
    masker = NiftiMasker(mask, standardize=None).fit()
    signals = masker.transform(_in_float64(run) if exact else run)
    times = T_R * np.arange(len(signals))
    made = []
    for name, trial in separate(table):
        design = make_first_level_design_matrix(times, trial, high_pass=_DEFAULT_HIGH_PASS)
        _, results = run_glm(signals, design.to_numpy(), noise_model="ols")
        made.append(results[0.0].theta[design.columns.get_loc(name)])
    return Made([masker.inverse_transform(np.array(made))])


def refit_from_image(
    library: str, runs: list[str], events: list[str], mask: str, n_trials: int
) -> Made:
    """The same for the first trials, each by a model that reads the image again."""
    made = []
    for _, (name, trial) in zip(range(n_trials), separate(events[0]), strict=False):
        model = _model_class(library)(
            t_r=T_R, mask_img=mask, noise_model="ols", signal_scaling=False
        )
        model.fit(runs[0], trial)
        made.append(model.compute_contrast(name, output_type="effect_size"))
    return Made(made)


def _model_class(library: str) -> Any:
    module = importlib.import_module(f"{library}.glm.first_level")
    return module.FirstLevelModel if library == "nilearn" else module.FirstLevel


def _in_float64(path: str) -> Any:
    image: Any = nib.load(path)
    return nib.Nifti1Image(image.get_fdata(), image.affine)


def separate(events: str) -> Iterator[tuple[str, Any]]:
    """Events in which one trial has a name of its own, as in nilearn's example of beta series."""
    import pandas as pd

    table = pd.read_csv(events, sep="\t")
    for row, condition in enumerate(table["trial_type"]):
        name = f"{condition}__{row:03d}"
        trial = table.copy()
        trial.loc[row, "trial_type"] = name
        yield name, trial


WAYS: dict[str, Callable[..., Made]] = {
    "first_level": first_level,
    "betas": betas,
    "refit": refit,
    "refit_from_image": refit_from_image,
}


def measure_way(way: str, library: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run one way, save its maps in the brain, then time the read-through of the same images."""
    output, brain = Path(arguments.pop("output")), _inside(arguments.pop("brain"))
    figures, made = _measured(lambda: WAYS[way](library, **arguments))
    columns = [_columns(image, brain) for image in made.images]
    if columns:
        np.save(output, np.column_stack(columns))
    if made.labels:
        in_mask = brain[_inside(arguments["mask"])]
        np.save(labels_path(output), np.column_stack([of[in_mask] for of in made.labels]))
    read, _ = _measured(lambda: _read_all(arguments["runs"]))
    n_bytes = sum(column.nbytes for column in columns)
    return figures | {"read": read["seconds"], "bytes": n_bytes}


def labels_path(output: Path) -> Path:
    """Where labels are saved beside the maps: an array (voxels of the brain, runs)."""
    return output.with_suffix(".labels.npy")


def _inside(mask: str) -> Any:
    image: Any = nib.load(mask)
    return np.asarray(image.dataobj) != 0


def _columns(image: Any, brain: Any) -> Any:
    """A column for each volume, voxels of the brain one below the other."""
    return np.asarray(image.dataobj)[brain]


def _read_all(runs: Sequence[str]) -> None:
    for run in runs:
        read_through(Path(run))


def _measured(work: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    began = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak": process_memory().peak_rss_bytes}, made


def load(library: str) -> None:
    """Load what a library has, before the clock runs."""
    for module in _MODULES[library]:
        importlib.import_module(module)


def main() -> None:
    """Run one way and print what it measured."""
    way, library, text = sys.argv[1:]
    load(library)
    if way == "imports":
        measured, _ = _measured(lambda: None)
    else:
        measured = measure_way(way, library, json.loads(text))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
