"""The files of a searchlight: maps, tables, arrays, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from boldstream.core.grid import Grid
from boldstream.decoding import SearchLight
from boldstream.decoding.f_scores import FScores
from boldstream.io.surface_writing import write_surface_data
from boldstream.io.writing import as_image, write_array, write_volume
from boldstream.plotting import plot_searchlight

SIDECAR = "searchlight.json"
_F, _CLUSTERS = "f_scores", "clusters"
_SCORES_FIGURE, _FWE_FIGURE, _F_FIGURE = "scores.png", "scores_fwe.png", "f_scores.png"
_ALPHA = 0.05
# Inches, of three planes side by side.
_FIGURE_SIZE = (7.2, 3.2)
# Outside of the process mask p is 1: 0 would be taken for an effect.
_OUTSIDE = {"p_uncorrected": 1.0, "p_fwe": 1.0, "p_fdr": 1.0, "p_tfce_fwe": 1.0}


@dataclass(frozen=True, kw_only=True)
class SearchlightFiles:
    """Which files there are.

    Attributes
    ----------
    permuted, tfce, clusters : bool
        What permutations are asked for.
    of_classes : bool
        Whether F scores are possible.
    kept : sequence of str
        What is kept of each sphere beside its score.
    grid : Grid or None
        None on a surface, of which there are no figures and no F scores.
    """

    permuted: bool
    tfce: bool
    clusters: bool
    of_classes: bool
    kept: Sequence[str]
    grid: Grid | None

    @property
    def names(self) -> list[str]:
        """All of them."""
        names = [self.map_name(name) for name in self._maps]
        names += [f"{name}.npy" for name in self.kept]
        names += ["clusters.tsv"] * self.clusters
        if self.grid is not None:
            names += [_SCORES_FIGURE] + [_FWE_FIGURE] * self.permuted
            names += [self.map_name(_F), _F_FIGURE] * self.of_classes
        return [*names, SIDECAR]

    @property
    def _maps(self) -> list[str]:
        maps = ["scores"]
        maps += ["p_uncorrected", "p_fwe", "p_fdr"] * self.permuted
        maps += ["tfce", "p_tfce_fwe"] * self.tfce
        return maps + [_CLUSTERS] * self.clusters

    def map_name(self, name: str) -> str:
        """The file of a map."""
        return name + (".func.gii" if self.grid is None else ".nii.gz")

    def write_maps(self, light: SearchLight, outputs: Mapping[str, Path]) -> dict[str, str]:
        """Write maps, clusters and what is kept of spheres; return the shape of each."""
        written: dict[str, str] = {}
        for name in self._maps:
            values = _values_of(light, name)
            whole = _whole(light, values, _OUTSIDE.get(name, 0.0))
            path = outputs[self.map_name(name)]
            if self.grid is None:
                write_surface_data(path, whole)
            else:
                write_volume(path, whole, self.grid)
            written[self.map_name(name)] = _shown(whole.shape)
        if self.clusters:
            table = self._table_of_clusters(light)
            table.to_csv(outputs["clusters.tsv"], sep="\t", index=False, float_format="%.6g")
            written["clusters.tsv"] = _shown(table.shape)
        for name in self.kept:
            array = getattr(light, f"{name}_")
            write_array(outputs[f"{name}.npy"], array)
            written[f"{name}.npy"] = _shown(array.shape)
        return written

    def write_figures(
        self,
        light: SearchLight,
        mean: NDArray[np.float32],
        found: FScores | None,
        chance: float | None,
        outputs: Mapping[str, Path],
    ) -> dict[str, str]:
        """Write figures over the mean of the volumes, and F scores."""
        assert self.grid is not None
        background = as_image(np.nan_to_num(mean), self.grid)
        scores: dict[str, Any] = {"scores": light, "chance": chance, "title": "Searchlight"}
        figures = {_SCORES_FIGURE: scores}
        if self.permuted:
            name = "p_tfce_fwe" if self.tfce else "p_fwe"
            p = _whole(light, _values_of(light, name), 1.0)
            how = "TFCE, FWE" if self.tfce else "FWE"
            title = f"Searchlight, p < {_ALPHA} ({how})"
            figures[_FWE_FIGURE] = {**scores, "shown": p < _ALPHA, "title": title}
        if found is not None:
            shown = np.asarray(light.process_mask_)
            title = "F scores: −log10 p"
            figures[_F_FIGURE] = {"scores": found, "shown": shown, "title": title}
        for name, drawn in figures.items():
            figure = Figure(figsize=_FIGURE_SIZE, layout="constrained")
            plot_searchlight(**drawn, background=background, ax=figure.add_subplot())
            figure.savefig(outputs[name])
        written = dict.fromkeys(figures, "figure")
        if found is not None:
            path = self.map_name(_F)
            found.neg_log10_p_img.to_filename(outputs[path])
            written[path] = _shown(self.grid.shape)
        return written

    def _table_of_clusters(self, light: SearchLight) -> Any:
        """Clusters, with the place of their peak in place of its number."""
        found = light.inference_
        assert found is not None
        assert found.clusters is not None
        table = found.clusters
        peaks = np.argwhere(light.process_mask_)[table["peak"].to_numpy()]
        table = table.drop(columns="peak")
        if self.grid is None:
            table.insert(3, "vertex", peaks[:, 0])
            return table
        affine = self.grid.affine
        places = peaks @ affine[:3, :3].T + affine[:3, 3]
        for column, axis in enumerate("xyz"):
            table.insert(3 + column, axis, np.round(places[:, column], 3))
        return table


def _values_of(light: SearchLight, name: str) -> NDArray[Any]:
    if name == "scores":
        return np.asarray(light.masked_scores_)
    found = light.inference_
    assert found is not None
    return np.asarray(found.cluster_ids if name == _CLUSTERS else getattr(found, name))


def _whole(light: SearchLight, values: NDArray[Any], elsewhere: float) -> NDArray[np.float32]:
    inside = np.asarray(light.process_mask_)
    whole = np.full(inside.shape, elsewhere, np.float32)
    whole[inside] = values
    return whole


def _shown(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
