"""Pictures: figures of matplotlib as PNG within the page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from boldstream.report.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A page is laid out for 96 pixels an inch; with more in the file, print and fine screens are sharp.
_PAGE_DPI, _FILE_DPI = 96, 150
# Figures have few colours, or greys: a palette takes a third of the bytes.
_COLOURS = 256
WIDTH = 8.6
"""Inches that the column of text is wide."""


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """A figure that pyplot does not know of.

    Parameters
    ----------
    height, width : float
        In inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_FILE_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def as_picture(figure: Figure, alt: str, caption: str) -> Picture:
    """A figure as a picture of the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What it shows, with numbers.
    caption : str
    """
    width, height = (round(inches * _PAGE_DPI) for inches in figure.get_size_inches())
    data = base64.b64encode(_png(figure)).decode("ascii")
    return Picture(f"data:image/png;base64,{data}", alt, caption, width, height)


def _png(figure: Figure) -> bytes:
    from PIL import Image

    # `savefig` would draw it twice, to find its layout first.
    canvas: Any = figure.canvas
    canvas.draw()
    image: Any = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    small = io.BytesIO()
    # Colours of thin lines are few among many greys: the palette must cover, not count.
    few = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(small, format="PNG")
    return small.getvalue()
