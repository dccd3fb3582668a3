"""What tests of plots share: what is seen of axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def texts_of(ax: Axes) -> list[str]:
    """All that is written in the figure, and seen."""
    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()
    found = figure.findobj(lambda one: isinstance(one, Text) and one.get_visible())
    return [text.get_text() for text in found if text.get_text()]


def line_of(ax: Axes, label: str) -> Any:
    """The one line of a label."""
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def boxes_of(ax: Axes, names: list[str]) -> list[Any]:
    """Where texts lie, in pixels."""
    figure: Any = ax.get_figure(root=True)
    figure.canvas.draw()
    # Of an annotation it would be that of its arrow too.
    return [Text.get_window_extent(text) for text in ax.texts if text.get_text() in names]


def pixels_of(ax: Axes) -> np.ndarray:
    """The figure as it is rendered: (height, width, 4)."""
    figure: Any = ax.get_figure(root=True)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
