"""Figures of decoding: maps over the mean image, and bars of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from nilearn.plotting import plot_img
from numpy.typing import NDArray

from boldstream.core.checks import one_of
from boldstream.core.grid import Grid
from boldstream.decoding.f_scores import FScores
from boldstream.decoding.roi.results import Decoding
from boldstream.decoding.task.chance import score_of_guessing
from boldstream.io.opening import open_image
from boldstream.io.volume import read_volume
from boldstream.io.writing import as_image

# Dark to bright for everyone, whatever colours they tell apart.
_COLOURS = "inferno"
_MODES = ("ortho", "x", "y", "z")
# Below it nilearn shows the image behind; all that is hidden is 0 here.
_HIDDEN = 1e-12
_ROUNDING = 2e-7
_ALPHA = 0.05
_Volume = NDArray[np.float64]


def plot_scores(
    scores: Any,
    background: Any,
    *,
    chance: float | None = None,
    shown: Any = None,
    title: str = "Searchlight",
    display_mode: str | None = None,
    cut_coords: Sequence[float] | None = None,
    vmax: float | None = None,
) -> Figure:
    """Scores of a searchlight over an image, as nilearn's example draws them.

    Parameters
    ----------
    scores : fitted SearchLight, path, nibabel image or ndarray (x, y, z)
        NaN is not shown; nor is 0 where all values are positive, as outside
        of the process mask.
    background : path or nibabel image
        Such as the mean of the volumes.
    chance : float, optional
        The colours begin there, and what is not above it is not shown. By
        default ``chance_`` of a `SearchLight`, else the lowest score.
    shown : ndarray of bool, shape (x, y, z), optional
        Show these voxels only, such as those with p below 0.05.
    title : str
    display_mode : {"ortho", "x", "y", "z"}, optional
        By default three planes, or the one there is of an image with a single
        slice.
    cut_coords : sequence of float, optional
        In mm; by default through the highest score.
    vmax : float, optional
        Where colours end; by default at the highest score.

    Returns
    -------
    matplotlib.figure.Figure
        To be saved with ``savefig``; `pyplot` does not hold it.

    Examples
    --------
    >>> import nibabel as nib
    >>> scores = np.zeros((8, 8, 8), "f4")
    >>> scores[2:6, 2:6, 2:6] = 0.4 + np.random.default_rng(0).random((4, 4, 4)) / 2
    >>> mean = nib.Nifti1Image(np.ones((8, 8, 8), "f4"), np.eye(4))
    >>> figure = plot_scores(scores, mean, chance=0.5)
    """
    values, grid = _values_of(scores, background)
    if chance is None:
        chance = getattr(scores, "chance_", None)
    visible = np.isfinite(values) if shown is None else np.isfinite(values) & np.asarray(shown)
    visible &= values != 0 if chance is None else values > chance
    inside = values[visible] if visible.any() else np.array([0.0, 1.0])
    low = float(inside.min()) if chance is None else chance
    return _draw_map(
        values,
        visible,
        grid,
        background,
        title if visible.any() else f"{title}: nothing to show",
        limits=_limits(low, float(inside.max()) if vmax is None else vmax),
        mode=display_mode,
        cuts=cut_coords,
    )


def plot_f_scores(
    scores: Any,
    background: Any,
    *,
    shown: Any = None,
    title: str = "F scores: −log10 p",
    display_mode: str | None = None,
    cut_coords: Sequence[float] | None = None,
) -> Figure:
    """−log10 p of F scores over an image, as nilearn's example draws them.

    Parameters
    ----------
    scores : FScores, path, nibabel image or ndarray (x, y, z)
    background, shown, title, display_mode, cut_coords
        As for `plot_scores`; `shown` is for example the process mask.

    Returns
    -------
    matplotlib.figure.Figure
    """
    image = scores.neg_log10_p_img if isinstance(scores, FScores) else scores
    return plot_scores(
        image,
        background,
        chance=0.0,
        shown=shown,
        title=title,
        display_mode=display_mode,
        cut_coords=cut_coords,
    )


def plot_decoding(found: Decoding, *, title: str | None = None) -> Figure:
    """Scores of regions as bars, a panel for each target.

    A dot is a fold, a dashed line is chance where it is known, and a star is
    p < 0.05 of permutations, not corrected for the number of regions.

    Parameters
    ----------
    found : Decoding
        As `decode` gives it.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    targets = found.table["target"].unique()
    widest = found.table.groupby("target")["roi"].count().max()
    width = min(max(4.0, 1.5 + 0.6 * widest), 40.0)
    figure = Figure(figsize=(width, 3.2 * len(targets)), layout="constrained")
    panels = figure.subplots(len(targets), squeeze=False)[:, 0]
    for axes, target in zip(panels, targets, strict=True):
        _draw_bars(axes, found, target)
    if title:
        figure.suptitle(title)
    return figure


def chance_of(found: Decoding, roi: str, target: str) -> float | None:
    """`find_chance` of a region and target."""
    table = found.table
    scoring = table.loc[(table["roi"] == roi) & (table["target"] == target), "scoring"].iloc[0]
    confusion = found.confusion.get((roi, target))
    return score_of_guessing(scoring, [] if confusion is None else confusion.sum(axis=1))


def _draw_bars(axes: Any, found: Decoding, target: str) -> None:
    rows = found.table[found.table["target"] == target]
    places = np.arange(len(rows))
    axes.bar(places, rows["score"], color="#0072B2", width=0.65, zorder=1)
    folds = found.folds[found.folds["target"] == target]
    for place, roi, score, p in zip(places, rows["roi"], rows["score"], rows["p"], strict=True):
        each = folds.loc[folds["roi"] == roi, "score"].to_numpy()
        spread = np.linspace(-0.2, 0.2, len(each)) if len(each) > 1 else np.zeros(1)
        axes.plot(place + spread, each, "o", color="black", markersize=3, alpha=0.6, zorder=2)
        if p < _ALPHA:
            height = max(score, each.max(initial=score))
            axes.annotate("*", (place, height), ha="center", va="bottom", fontsize=14)
    chance = chance_of(found, rows["roi"].iloc[0], target)
    if chance is not None:
        axes.axhline(chance, color="#D55E00", linestyle="--", linewidth=1, zorder=3)
    names = list(rows["roi"])
    axes.set_xticks(places, names, rotation=45 if max(map(len, names)) > 6 else 0, ha="center")
    axes.set_title(target)
    axes.set_ylabel(rows["scoring"].iloc[0])
    axes.margins(y=0.12)


def _limits(low: float, high: float) -> tuple[float, float]:
    """Where colours begin and end, on both sides of all that is shown."""
    # nilearn hides what lies below them in float32, and writes two digits, which must differ.
    least = low + 0.1 * max(abs(low), abs(high), 0.01)
    return low - _ROUNDING * abs(low), max(high + _ROUNDING * abs(high), least)


def _values_of(scores: Any, background: Any) -> tuple[_Volume, Grid]:
    """A map and where it lies; an array lies where the background does."""
    given = scores.scores_img_ if hasattr(scores, "scores_img_") else scores
    grid = open_image(background).series.grid if isinstance(given, np.ndarray) else None
    volume = read_volume(given, grid, name="scores")
    return np.array(volume.values, np.float64), volume.grid


def _draw_map(
    values: _Volume,
    visible: NDArray[np.bool_],
    grid: Grid,
    background: Any,
    title: str,
    *,
    limits: tuple[float, float],
    mode: str | None,
    cuts: Sequence[float] | None,
) -> Figure:
    """Draw the visible voxels of a map over an image, through their highest value."""
    if mode is None:
        mode = next((axis for axis, n in zip("xyz", grid.shape, strict=True) if n == 1), "ortho")
    one_of("display_mode", mode, _MODES)
    if cuts is None:
        peak = grid.affine @ [*_peak_of(values, visible), 1]
        cuts = peak[:3].tolist() if mode == "ortho" else [float(peak["xyz".index(mode)])]
    figure = Figure(figsize=(7.2 if mode == "ortho" else 5.0, 3.2), facecolor="black")
    common = {"figure": figure, "title": title, "display_mode": mode, "cut_coords": cuts}
    if not visible.any():
        plot_img(background, cmap="gray", colorbar=False, black_bg=True, **common)
        return figure
    # Exactly 0 may be a score: what is hidden is 0, and what is shown is not.
    drawn = np.where(visible, np.where(values == 0, _HIDDEN * 2, values), 0.0)
    plot_img(
        as_image(drawn, grid, dtype=np.dtype(np.float64)),
        bg_img=background,
        vmin=limits[0],
        vmax=limits[1],
        cmap=_COLOURS,
        threshold=_HIDDEN,
        black_bg=True,
        colorbar=True,
        resampling_interpolation="nearest",
        **common,
    )
    return figure


def _peak_of(values: _Volume, visible: NDArray[np.bool_]) -> tuple[int, ...]:
    if not visible.any():
        return tuple(n // 2 for n in values.shape)
    peak = int(np.where(visible, values, -np.inf).argmax())
    return tuple(int(i) for i in np.unravel_index(peak, values.shape))
