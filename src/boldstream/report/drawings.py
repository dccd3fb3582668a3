"""What `boldstream.plotting` has no function for: slices, motion, designs, choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boldstream.plotting.style import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_N_SLICES = 7
_N_BINS = 8
# As `boldstream.plotting` has them: dark enough on white, and told apart by everyone.
COLOURS = ("#0072b2", "#d55e00", "#009e73")
_STYLES = ("-", "--", ":")
MOTION = tuple(f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz")


def draw_slices(figure: Figure, images: dict[str, Any], limits: dict[str, float]) -> None:
    """Draw axial slices of images of one grid, a row for each, 0 black.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    images : dict of str to nibabel image
        By what is written above it.
    limits : dict of str to float
        Value of the brightest colour.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator
    from nilearn.plotting import plot_img

    figure.set_layout_engine("none")
    cuts = _heights(next(iter(images.values())))
    share = 1 / len(images)
    for i, (title, image) in enumerate(images.items()):
        bottom, colours = 1 - (i + 1) * share, ("gray", "viridis")[i > 0]
        figure.text(0.01, bottom + 0.97 * share, title, va="top", fontsize=10, color="#1a1a1a")
        plot_img(
            image,
            figure=figure,
            axes=figure.add_axes((0.01, bottom + 0.03 * share, 0.9, 0.8 * share)),
            display_mode="z",
            cut_coords=cuts,
            cmap=colours,
            vmin=0,
            vmax=limits[title],
            threshold=np.nextafter(np.float32(0), np.float32(1)),
            black_bg=True,
            colorbar=False,
        )
        bar = figure.add_axes((0.93, bottom + 0.1 * share, 0.012, 0.66 * share))
        values = ScalarMappable(Normalize(0, limits[title]), colours)
        figure.colorbar(values, cax=bar).locator = MaxNLocator(4)


def _heights(image: Any) -> list[float]:
    """Heights in mm of slices that are evenly spaced over what is not empty."""
    values = np.asarray(image.dataobj)
    places = np.argwhere(np.isfinite(values) & (values != 0))
    if not len(places):
        return [0.0] * _N_SLICES
    heights = places @ image.affine[2, :3] + image.affine[2, 3]
    cuts = np.linspace(heights.min(), heights.max(), _N_SLICES + 2)[1:-1]
    return [float(cut) for cut in cuts.round(1)]


def draw_motion(figure: Figure, volumes: DataFrame, t_r: float | None) -> None:
    """Draw how the head moved: translations in mm above, rotations in radians below."""
    seconds = np.arange(len(volumes)) * (t_r or 1)
    axes = figure.subplots(2, sharex=True)
    for ax, kind, unit in zip(axes, ("trans", "rot"), ("mm", "rad"), strict=True):
        for axis, colour, style in zip("xyz", COLOURS, _STYLES, strict=True):
            ax.plot(seconds, volumes[f"{kind}_{axis}"], style, color=colour, label=axis, lw=1.4)
        ax.set_ylabel(f"{'translation' if kind == 'trans' else 'rotation'} ({unit})")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(ncols=3, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    axes[1].set_xlabel("time (s)" if t_r else "volume")


def draw_design(figure: Figure, design: DataFrame) -> None:
    """Draw a design matrix, a column for each regressor."""
    from nilearn.plotting import plot_design_matrix

    named = design.rename(columns=lambda name: plain(str(name)))
    plot_design_matrix(named, axes=figure.add_subplot())


def draw_points(figure: Figure, points: DataFrame) -> None:
    """Draw conditions as points of a plane, with the share of the variance that each axis has.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    points : DataFrame
        ``condition``, ``dimension_1`` and ``explained_1``, and of two dimensions so on.
    """
    ax = figure.add_subplot()
    x = points["dimension_1"].to_numpy(float)
    has_two = "dimension_2" in points
    y = points["dimension_2"].to_numpy(float) if has_two else np.zeros(len(x))
    ax.plot(x, y, "o", color=COLOURS[0])
    for name, left, low in zip(points["condition"], x, y, strict=True):
        ax.annotate(
            plain(str(name)), (left, low), xytext=(5, 4), textcoords="offset points", fontsize=9
        )
    ax.margins(0.25)
    ax.set_xlabel(f"dimension 1 ({100 * points['explained_1'].iloc[0]:.0f} %)")
    if has_two:
        ax.set_ylabel(f"dimension 2 ({100 * points['explained_2'].iloc[0]:.0f} %)")
    ax.spines[["top", "right"]].set_visible(False)


def draw_choices(figure: Figure, trials: DataFrame, k: float, temperature: float) -> None:
    """Draw how value falls with delay, and how often the delayed amount was taken by its value.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    trials : DataFrame
        With ``delay``, ``value_difference`` and ``chose_delayed``.
    k, temperature : float
    """
    left, right = figure.subplots(1, 2)
    delays = np.linspace(0, float(trials["delay"].max()), 200)
    left.plot(delays, 1 / (1 + k * delays), color=COLOURS[0], lw=2)
    left.set(xlabel="delay", ylabel="value of 1 delayed", ylim=(0, 1.05))
    difference = trials["value_difference"].to_numpy(float)
    chosen = trials["chose_delayed"].to_numpy(float)
    grid = np.linspace(difference.min(), difference.max(), 200)
    curve = 1 / (1 + np.exp(-np.clip(temperature * grid, -500, 500)))
    right.plot(grid, curve, color=COLOURS[0], lw=2, label="model")
    for some in np.array_split(np.argsort(difference), min(_N_BINS, len(difference))):
        right.plot(difference[some].mean(), chosen[some].mean(), "o", color=COLOURS[1])
    right.plot([], [], "o", color=COLOURS[1], label="choices, in bins of equal size")
    right.set(
        xlabel="value of the delayed amount less the immediate one",
        ylabel="delayed amount taken",
        ylim=(-0.03, 1.03),
    )
    right.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(-0.02, 1))
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
