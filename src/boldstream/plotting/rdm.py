"""`plot_rdm`: dissimilarities of conditions as a labelled matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from boldstream.core.errors import ParameterError
from boldstream.geometry import RDM
from boldstream.plotting.style import (
    NOTE_SIZE,
    axes_for,
    check_axes,
    contrast,
    dress,
    figure_of,
    plain,
)

_COLOURS = "viridis"
_METRICS = {
    "crossnobis": "crossnobis dissimilarity",
    "correlation": "1 − correlation",
    "euclidean": "squared distance per voxel",
    "model": "dissimilarity of the model",
}
# Values are written into matrices up to this size, and names thinned out above.
_WRITTEN, _NAMED = 8, 40
_LONGEST_NAME = 24
_UNKNOWN = "dissimilarity"


def plot_rdm(rdm: Any, conditions: Sequence[Any] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a representational dissimilarity matrix with its names and a colour bar.

    Parameters
    ----------
    rdm : RDM or array, shape (n, n) or (n * (n - 1) / 2,)
        A whole matrix, which is symmetric with zeros on its diagonal, or its
        upper triangle, row by row.
    conditions : sequence, shape (n,), optional
        Names of rows and columns of an array, by default numbers from 1; of an
        `RDM` those that are shown, in this order.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The diagonal, which is 0 by definition, is left empty, so that colours
        are those of the dissimilarities. With up to 8 conditions these are also
        written; of more than 40 some names are left out.

    Raises
    ------
    ParameterError
        If it is no such matrix, or names and rows are not equally many.
    NonFiniteError
        If there is NaN or infinity.

    References
    ----------
    Kriegeskorte, Mur, Bandettini (2008), Frontiers in Systems Neuroscience 2, 4.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_rdm([0.2, 0.9, 0.8], ["cat", "dog", "tree"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['cat', 'dog', 'tree']
    >>> ax.images[0].get_array()[0].tolist()
    [None, 0.2, 0.9]
    >>> plt.close(ax.figure)
    """
    check_axes(ax)
    found = _rdm_of(rdm, conditions)
    n = len(found.conditions)
    size = min(max(3.2, 1.6 + 0.28 * n), 9.0)
    with axes_for(ax, width=size + 1.2, height=size) as drawn:
        values = np.ma.masked_where(np.eye(n, dtype=np.bool_), found.matrix())
        image = drawn.imshow(values, cmap=_COLOURS, interpolation="nearest")
        palette = dress(drawn)
        drawn.spines[:].set_visible(False)
        _name_axes(drawn, found.conditions)
        if n <= _WRITTEN:
            _write_values(drawn, image)
        # In the axes, so that it is as high as the matrix wherever this is put.
        bar = drawn.figure.colorbar(image, cax=drawn.inset_axes((1.03, 0, 0.045, 1)))
        bar.ax.tick_params(colors=palette.ink, labelsize=NOTE_SIZE)
        bar.set_label(_METRICS.get(found.metric, found.metric), color=palette.ink)
        bar.outline.set_visible(False)
        if figure_of(drawn).get_layout_engine() is not None:
            # A layout finds the room beside square axes only when it has seen them once.
            figure_of(drawn).draw_without_rendering()
    return drawn


def _rdm_of(rdm: Any, conditions: Sequence[Any] | None) -> RDM:
    if isinstance(rdm, RDM):
        return rdm if conditions is None else rdm.of(map(str, conditions))
    try:
        values = np.asarray(rdm, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"`rdm` must be an RDM or an array of numbers, got {type(rdm).__name__}"
        ) from error
    if values.ndim == 2:
        names = _names(conditions, len(values))
        # It sorts names, and checks that the matrix is one of dissimilarities.
        return RDM.from_matrix(values, names, _UNKNOWN).of(names)
    n = round((1 + np.sqrt(1 + 8 * values.size)) / 2)
    if values.ndim != 1 or n < 2 or n * (n - 1) // 2 != values.size:
        raise ParameterError(
            "`rdm` must have shape (n, n), or n * (n - 1) / 2 values for the pairs of n "
            f"conditions, got shape {values.shape}"
        )
    return RDM(values, tuple(_names(conditions, n)), _UNKNOWN)


def _names(conditions: Sequence[Any] | None, n: int) -> list[str]:
    names = [str(name) for name in (range(1, n + 1) if conditions is None else conditions)]
    if len(names) != n:
        raise ParameterError(
            f"`conditions` must hold a name for each of the {n} rows, got {len(names)}"
        )
    return names


def _name_axes(ax: Axes, names: Sequence[str]) -> None:
    step = -(-len(names) // _NAMED)
    at = range(0, len(names), step)
    is_wide = len(names) > 12 or max(len(names[i]) for i in at) > 4
    shown = [plain(names[i], _LONGEST_NAME) for i in at]
    ax.set_yticks(at, shown)
    ax.set_xticks(at, shown, rotation=90 if is_wide else 0)
    ax.tick_params(length=0, labelsize=NOTE_SIZE)


def _write_values(ax: Axes, image: AxesImage) -> None:
    values: Any = np.ma.asarray(image.get_array())
    for row, column in np.argwhere(~values.mask):
        value = values[row, column]
        cell = image.cmap(image.norm(value))
        ax.text(
            *(column, row, f"{value:.2g}"),
            ha="center",
            va="center",
            fontsize=NOTE_SIZE,
            color=max(("black", "white"), key=lambda ink: contrast(ink, cell)),
        )
