"""What is measured of the maskers, each in a process of its own.

``python -m benchmarks.masker_ways WAY LIBRARY JSON`` prints one line of JSON;
LIBRARY is nilearn or boldstream, whose classes have the same names.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import MaskerInputs
from benchmarks.ways import read_through
from boldstream.core.limits import process_memory

_CLEANING = {
    "standardize": "zscore_sample",
    "detrend": True,
    "low_pass": 0.1,
    "high_pass": 0.01,
    "t_r": 2.0,
}
_SEED_RADIUS = 5.0
_TOGETHER = ("labels", "fine_labels", "spheres", "maps")


def _labels(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    return maskers.NiftiLabelsMasker(str(inputs.atlas), **options)


def _fine_labels(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    return maskers.NiftiLabelsMasker(str(inputs.fine_atlas), **options)


def _spheres(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    seeds = np.loadtxt(inputs.seeds).tolist()
    return maskers.NiftiSpheresMasker(seeds, radius=_SEED_RADIUS, allow_overlap=True, **options)


def _maps(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    return maskers.NiftiMapsMasker(str(inputs.maps), **options)


def _brain(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    return maskers.NiftiMasker(str(inputs.brain), **options)


def _region(maskers: Any, inputs: MaskerInputs, options: dict[str, Any]) -> Any:
    return maskers.NiftiMasker(str(inputs.masks[0]), **options)


MASKERS = {
    "labels": _labels,
    "fine_labels": _fine_labels,
    "spheres": _spheres,
    "maps": _maps,
    "brain": _brain,
    "region": _region,
}


def one(
    maskers: Any,
    inputs: MaskerInputs,
    masker: str,
    cleaned: bool,
    smoothing_fwhm: float | None,
    exact: bool = False,
) -> Any:
    """One masker, fitted and applied; to the image in float64 where it shall be exact."""
    options = _CLEANING if cleaned else {"standardize": None}
    made = MASKERS[masker](maskers, inputs, options | {"smoothing_fwhm": smoothing_fwhm})
    confounds = np.loadtxt(inputs.confounds) if cleaned else None
    image = _in_float64(inputs.bold) if exact else str(inputs.bold)
    return made.fit_transform(image, confounds=confounds)


def _in_float64(bold: Path) -> Any:
    import nibabel as nib

    image: Any = nib.load(bold)
    return nib.Nifti1Image(image.get_fdata(), image.affine)


def in_turn(maskers: Any, inputs: MaskerInputs) -> Any:
    """Four maskers, each of which reads the image."""
    each = [one(maskers, inputs, masker, False, None) for masker in _TOGETHER]
    return np.hstack(each)


def together(maskers: Any, inputs: MaskerInputs) -> Any:
    """The same four maskers from one decode; of boldstream only."""
    each = [MASKERS[masker](maskers, inputs, {"standardize": None}) for masker in _TOGETHER]
    return np.hstack(maskers.fit_transform_many(each, str(inputs.bold)))


def several(maskers: Any, inputs: MaskerInputs, n_jobs: int) -> Any:
    """Two images by one Multi masker."""
    masker = maskers.MultiNiftiLabelsMasker(str(inputs.atlas), standardize=None, n_jobs=n_jobs)
    return np.hstack(masker.fit_transform([str(inputs.bold), str(inputs.second_bold)]))


WAYS: dict[str, Callable[..., Any]] = {
    "one": one,
    "in_turn": in_turn,
    "together": together,
    "several": several,
}


def _measured(work: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    began = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak": process_memory().peak_rss_bytes}, made


def measure_way(way: str, maskers: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run one way, save its signals, then time the read-through of the same image."""
    output = arguments.pop("output")
    inputs = MaskerInputs(Path(arguments.pop("folder")), Path(arguments.pop("bold")))
    figures, signals = _measured(lambda: WAYS[way](maskers, inputs, **arguments))
    np.save(output, signals)
    read, _ = _measured(lambda: read_through(inputs.bold))
    return figures | {"read": read["seconds"], "bytes": signals.nbytes}


def measure_spheres(
    maskers: Any, *, mask: str, n_spheres: int, radius: float, output: str
) -> dict[str, Any]:
    """Find the voxels of spheres around voxels of a mask; saved as one number for each pair."""
    import nibabel as nib

    image: Any = nib.load(mask)
    inside = np.asarray(image.dataobj) != 0
    voxels = np.random.default_rng(0).choice(np.argwhere(inside), n_spheres, replace=False)
    centres = voxels @ image.affine[:3, :3].T + image.affine[:3, 3]
    find = _boldstream_spheres if maskers.__name__.startswith("boldstream") else _nilearn_spheres
    figures, (spheres, rows) = _measured(lambda: find(image, inside, centres, radius))
    np.save(output, np.sort(spheres * inside.size + rows)[:, None])
    return figures | {"read": 0.0, "bytes": rows.nbytes}


def _boldstream_spheres(image: Any, inside: Any, centres: Any, radius: float) -> tuple[Any, Any]:
    from boldstream.kernels.spheres import sphere_neighbours

    rows, counts = sphere_neighbours(
        inside.shape, image.affine, centres, radius, inside=inside, nilearn_seed_voxel=True
    )
    return np.repeat(np.arange(len(counts)), counts), rows


def _nilearn_spheres(image: Any, inside: Any, centres: Any, radius: float) -> tuple[Any, Any]:
    from nilearn.maskers.nifti_spheres_masker import apply_mask_and_get_affinity

    _, members = apply_mask_and_get_affinity(centres.tolist(), None, radius, True, image)
    spheres, columns = members.nonzero()
    order = np.ravel_multi_index(np.nonzero(inside), inside.shape, order="F")
    return spheres, order[columns]


def load(library: str) -> Any:
    """The maskers of a library, before the clock runs."""
    return importlib.import_module(f"{library}.maskers")


def main() -> None:
    """Run one way and print what it measured."""
    way, library, text = sys.argv[1:]
    arguments, maskers = json.loads(text), load(library)
    if way == "imports":
        measured, _ = _measured(lambda: None)
    elif way == "sphere_setup":
        measured = measure_spheres(maskers, **arguments)
    else:
        measured = measure_way(way, maskers, arguments)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
