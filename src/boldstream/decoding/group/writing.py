"""Group maps as files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np

from boldstream._version import __version__
from boldstream.decoding.group.result import GroupMaps
from boldstream.io.writing import Outputs, write_json, write_volume

_CLUSTERS, _TABLE, _MANIFEST = "clusters", "clusters.tsv", "group.json"
# Outside the mask p is 1: 0 would be taken for an effect.
_OUTSIDE = {
    "mean": 0.0,
    "t": 0.0,
    "p_t": 1.0,
    "p_t_fdr": 1.0,
    "p_sign_flip": 1.0,
    "p_fwe": 1.0,
    "p_fdr": 1.0,
    "tfce": 0.0,
    "p_tfce_fwe": 1.0,
}
_OF_TFCE = ("tfce", "p_tfce_fwe")


def open_outputs(
    folder: str | os.PathLike[str] | None,
    *,
    tfce: bool,
    clusters: bool,
    overwrite: bool,
    inputs: Iterable[str | os.PathLike[str]],
) -> AbstractContextManager[Mapping[str, Path]]:
    """Where to write each file, checked before the work; nowhere without a folder."""
    if folder is None:
        return nullcontext({})
    names = [f"{name}.nii.gz" for name in _OUTSIDE if tfce or name not in _OF_TFCE]
    names += [f"{_CLUSTERS}.nii.gz", _TABLE] if clusters else []
    return Outputs(folder, [*names, _MANIFEST], overwrite=overwrite, inputs=inputs)


def write_group(found: GroupMaps, outputs: Mapping[str, Path]) -> None:
    """Write every file that `open_outputs` named."""
    if found.grid is None or not outputs:
        return
    for name, outside in _OUTSIDE.items():
        values = getattr(found, name)
        if values is not None:
            image = found.img_of(values, outside=outside)
            write_volume(outputs[f"{name}.nii.gz"], np.asarray(image.dataobj), found.grid)
    _write_clusters(found, outputs)
    manifest = {
        "n_subjects": found.n_subjects,
        "chance": found.chance,
        "statistic": found.statistic,
        "permutations": found.inference.n_permutations,
        "exact": found.is_exact,
        "n_voxels": len(found.mean),
        "boldstream": __version__,
    }
    write_json(outputs[_MANIFEST], manifest)


def _write_clusters(found: GroupMaps, outputs: Mapping[str, Path]) -> None:
    """Clusters, with the place of their peak in mm in place of its number."""
    ids, table = found.inference.cluster_ids, found.clusters
    if ids is None or table is None or found.grid is None or found.mask is None:
        return
    image = np.asarray(found.img_of(ids).dataobj)
    write_volume(outputs[f"{_CLUSTERS}.nii.gz"], image, found.grid)
    peaks = np.argwhere(found.mask)[table["peak"].to_numpy()]
    table = table.drop(columns="peak")
    places = peaks @ found.grid.affine[:3, :3].T + found.grid.affine[:3, 3]
    for column, axis in enumerate("xyz"):
        table.insert(3 + column, axis, np.round(places[:, column], 3))
    table.to_csv(outputs[_TABLE], sep="\t", index=False, float_format="%.6g")
