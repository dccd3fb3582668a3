"""The designs of the first-level model that a command asks for, written as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from boldstream.cli.glm_files import ModelFiles
from boldstream.glm.first_level.contrasts import Contrast, Floats
from boldstream.glm.first_level.designs import RunDesign
from boldstream.io.writing import write_json

# Inches of figures.
_WIDEST, _HIGHEST = 80.0, 10.0


def write_designs(
    designs: Sequence[RunDesign],
    weights: Mapping[Contrast, Sequence[Floats]],
    files: ModelFiles,
    outputs: Mapping[str, Path],
) -> None:
    """Write what each run's data are explained with: tables, figures, and contrasts as figures."""
    from nilearn.plotting import plot_contrast_matrix, plot_design_matrix

    for i, design in enumerate(designs):
        matrix = design.fitted
        matrix.to_csv(outputs[files.of_run(i, "design.tsv")], sep="\t", index=False)
        write_json(outputs[files.of_run(i, "design.json")], {"RepetitionTime": design.t_r})
        n_rows, n_columns = matrix.shape
        figure, axes = _canvas(1 + 0.23 * n_columns, 1 + 0.1 * n_rows)
        plot_design_matrix(matrix, axes=axes)
        figure.savefig(outputs[files.of_run(i, "design.png")])
        for contrast, of_runs in weights.items():
            figure, axes = _canvas(0.4 * n_columns, 2.5 + 0.5 * len(contrast.rows))
            plot_contrast_matrix(of_runs[i], matrix, axes=axes)
            axes.set_xlabel(contrast.name)
            figure.savefig(outputs[files.of_run(i, "design.png", contrast=contrast.label)])


def _canvas(width: float, height: float) -> tuple[Figure, Any]:
    """A figure that pyplot does not know, and so does not keep; inches, within reason."""
    size = min(max(width, 5), _WIDEST), min(max(height, 3), _HIGHEST)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()
