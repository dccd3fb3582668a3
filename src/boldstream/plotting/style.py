"""What all plots share: colours that everyone can tell apart, and where they are drawn.

Colours are those of Okabe and Ito (2008), on light paper the darker ones and on
dark paper the brighter ones. Which it is, is seen from the axes; so the plots go
into any figure, and no setting of matplotlib is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, ScaledTranslation

from boldstream.core.errors import ParameterError

NOTE_SIZE = 9
"""Points; what is written into a plot, the smallest text there is."""

_LEGEND_BELOW = 38
_WHITE = (1.0, 1.0, 1.0)

LINE_HEIGHT = 14
"""Points from one line of notes to the next."""

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")


_LONGEST_NAME = 36


def plain(name: str, longest: int = _LONGEST_NAME) -> str:
    r"""A name as it is, not as a formula, and not so long that nothing of the plot is left.

    Examples
    --------
    >>> plain("V1"), plain("a$b$"), plain("somatosensory", longest=8)
    ('V1', 'a\\$b\\$', 'somatos…')
    """
    line = " ".join(name.split())
    short = line if len(line) <= longest else f"{line[: longest - 1]}…"
    return short.replace("$", r"\$")


@dataclass(frozen=True)
class Palette:
    """Colours that go with a paper.

    Attributes
    ----------
    paper : str
        What is drawn on.
    ink : str
        Text, and lines that are no data.
    faint : str
        Lines that help to read off values, and the wide part of a distribution.
    middle : str
        The middle part of a distribution.
    colours : tuple of str
        Data, in the order in which they are used.
    """

    paper: str
    ink: str
    faint: str
    middle: str
    colours: tuple[str, ...]


LIGHT = Palette(
    "#ffffff", "#1a1a1a", "#dcdcdc", "#a8a8a8", ("#0072b2", "#d55e00", "#009e73", "#b0588e")
)
DARK = Palette(
    "#16181c", "#f0f0f0", "#3c4048", "#6c727c", ("#56b4e9", "#e69f00", "#2bc49a", "#cc79a7")
)


def contrast(one: Any, other: Any) -> float:
    """How well two colours can be told apart: from 1 to 21 (WCAG 2.1, contrast ratio).

    Examples
    --------
    >>> contrast("black", "white"), contrast("#0072b2", "white") >= 4.5
    (21.0, True)
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def palette_of(ax: Axes) -> Palette:
    """The palette that can be read on axes as they are.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> palette_of(Figure(facecolor="black").add_subplot(facecolor="none")) is DARK
    True
    """
    return palette_on(_over(ax.get_facecolor(), _over(figure_of(ax).get_facecolor(), _WHITE)))


def palette_on(paper: Any) -> Palette:
    """The palette that can be read on a colour.

    Examples
    --------
    >>> palette_on("lightgrey") is LIGHT, palette_on("navy") is DARK
    (True, True)
    """
    return DARK if contrast(paper, "white") > contrast(paper, "black") else LIGHT


@contextmanager
def dark() -> Iterator[None]:
    """Make the new figures of a block dark; what matplotlib is set to comes back at its end.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from boldstream.plotting import plot_bars, style
    >>> with style.dark():
    ...     ax = plot_bars({"before": 8.0, "after": 1.0}, unit="GB")
    >>> style.palette_of(ax) is style.DARK
    True
    >>> plt.close(ax.figure)
    """
    colours: Any = {
        "figure.facecolor": DARK.paper,
        "axes.facecolor": DARK.paper,
        "savefig.facecolor": "auto",
        "text.color": DARK.ink,
    }
    with mpl.rc_context(colours):
        yield


@contextmanager
def axes_for(ax: Axes | None, *, width: float, height: float) -> Iterator[Axes]:
    """The axes that are given, or those of a new figure, which is closed if the block raises.

    Parameters
    ----------
    ax : Axes or None
    width, height : float
        Of a new figure, in inches.
    """
    if ax is not None:
        yield ax
        return
    figure = plt.figure(figsize=(width, height), layout="constrained")
    with ExitStack() as undo:
        undo.callback(plt.close, figure)
        yield figure.add_subplot()
        undo.pop_all()


def check_axes(ax: Any) -> None:
    """Raise `ParameterError` if `ax` is neither None nor axes of a figure."""
    if ax is not None and not isinstance(ax, Axes):
        raise ParameterError(
            f"`ax` must be matplotlib axes, such as those of plt.subplots(), "
            f"got {type(ax).__name__}"
        )
    if ax is not None:
        figure_of(ax)


def dress(ax: Axes, *, grid: Literal["x", "y"] | None = None) -> Palette:
    """Give axes the ink of their paper, no frame that says nothing, and a grid if asked."""
    palette = palette_of(ax)
    ax.tick_params(colors=palette.ink, which="both")
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set_color(palette.ink)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(palette.ink)
    if grid is not None:
        ax.grid(axis=grid, color=palette.faint, linewidth=0.6)
        ax.set_axisbelow(True)
    return palette


def reserve_above(ax: Axes, points: float, *, top: Axes | None = None) -> None:
    """Keep room above axes, or above the top of those in them: their title goes above it."""
    strip = ax.inset_axes((0, 1, 1, 0.1), xticks=[], yticks=[])
    strip.axis("off")
    strip.set_axes_locator(_Strip(ax if top is None else top, points))


@dataclass(frozen=True)
class _Strip:
    """A place as wide as axes, on top of them, of a height in points."""

    below: Axes
    points: float

    def __call__(self, ax: Any, renderer: Any) -> Bbox:
        del ax, renderer
        figure: Any = self.below.get_figure(root=False)
        x, y, width, height = self.below.get_position().bounds
        share = self.points * figure.dpi / 72 / figure.bbox.height
        return Bbox.from_bounds(x, y + height, width, share)


def write_note(ax: Axes, text: str, palette: Palette, *, at: tuple[float, float], va: str) -> None:
    """Write a small note that ends at a place, in shares of the width and height of axes."""
    ax.annotate(
        text,
        at,
        xycoords="axes fraction",
        ha="right",
        va=va,
        color=palette.ink,
        fontsize=NOTE_SIZE,
    )


def write_legend(
    ax: Axes,
    palette: Palette,
    labels: Sequence[str],
    *,
    below: bool = False,
    n_columns: int | None = None,
) -> None:
    """Write a legend above axes, or below the label of their x axis.

    Parameters
    ----------
    ax : Axes
    palette : Palette
    labels : sequence of str
        What is explained, in this order; what is not drawn is left out.
    below : bool
    n_columns : int, optional
        By default all in one line.
    """
    handles, names = ax.get_legend_handles_labels()
    kinds = dict(zip(names, handles, strict=True))
    shown = [label for label in labels if label in kinds]
    if not shown:
        return
    if not below:
        reserve_above(ax, LINE_HEIGHT * -(-len(shown) // (n_columns or len(shown))))
    # In points, so that it keeps its distance in axes of any height.
    down = ScaledTranslation(0, -_LEGEND_BELOW / 72, figure_of(ax).dpi_scale_trans)
    ax.legend(
        handles=[kinds[label] for label in shown],
        labels=shown,
        loc="upper left" if below else "lower left",
        bbox_to_anchor=(-0.01, 0 if below else 1),
        bbox_transform=ax.transAxes + down if below else ax.transAxes,
        ncols=n_columns or len(shown),
        frameon=False,
        fontsize=NOTE_SIZE,
        labelcolor=palette.ink,
        columnspacing=1.3,
        handletextpad=0.5,
        borderaxespad=0,
    )


def figure_of(ax: Axes) -> Figure:
    """The outermost figure of axes.

    Raises
    ------
    ParameterError
        If they were removed from theirs.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ParameterError(
            "`ax` must be axes of a figure, got some that were removed from theirs"
        )
    return figure


def _over(colour: Any, paper: tuple[float, ...]) -> tuple[float, ...]:
    """What is seen of a colour, which may be transparent, on paper."""
    *rgb, alpha = to_rgba(colour)
    return tuple(alpha * c + (1 - alpha) * p for c, p in zip(rgb, paper, strict=True))


def _luminance(colour: Any) -> float:
    """Relative luminance of WCAG 2.1, from 0 to 1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgba(colour)[:3]
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
