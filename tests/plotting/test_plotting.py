"""What holds for all plots: figures, settings, text that can be read, and light imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from boldstream import plotting
from boldstream.core.errors import ParameterError
from boldstream.memory.monitor import Sample
from boldstream.plotting.style import NOTE_SIZE, contrast, dark, palette_of
from boldstream.signal.quality import Carpet


def _map() -> nib.Nifti1Image:
    values = np.random.default_rng(0).normal(size=(6, 7, 5))
    return nib.Nifti1Image(values.astype("f4"), np.diag([3.0, 3, 3, 1]))


_RANDOM = np.random.default_rng(0)
DRAW: dict[str, Callable[..., Axes]] = {
    "bars": lambda **o: plotting.plot_bars({"a": [1.0, 2.0], "b": 3.0}, unit="s", **o),
    "groups": lambda **o: plotting.plot_bars({"g": {"a": 1, "b": "none"}}, unit="bytes", **o),
    "carpet": lambda **o: plotting.plot_carpet(
        Carpet(np.eye(9, dtype="f4"), np.arange(9.0), np.arange(9.0), 2.0), **o
    ),
    "decoding": lambda **o: plotting.plot_decoding(
        pd.DataFrame(
            {"roi": ["a", "b"], "target": "t", "score": [0.2, 0.3], "p": 0.01, "chance": 0}
        ),
        permuted={("a", "t"): _RANDOM.normal(size=30)},
        folds=pd.DataFrame({"roi": ["a", "a"], "score": [0.1, 0.3]}),
        **o,
    ),
    "memory": lambda **o: plotting.plot_memory(
        [Sample(0, 1, 2, "load"), Sample(1, 2, 3)], limit="4GB", **o
    ),
    "rdm": lambda **o: plotting.plot_rdm(np.arange(6.0), **o),
    "searchlight": lambda **o: plotting.plot_searchlight(_map(), threshold=1.0, **o),
}
every_plot = pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)


@every_plot
def test_one_new_figure_or_none(draw: Callable[..., Axes]) -> None:
    mine = plt.figure()
    ax = draw()
    assert isinstance(ax, Axes)
    figure: Any = ax.get_figure(root=True)
    assert plt.get_fignums() == [mine.number, figure.number]
    plt.figure(mine.number)
    given = Figure().add_subplot()
    assert draw(ax=given) is given
    assert plt.get_fignums() == [mine.number, figure.number]
    # What is drawn next by pyplot still goes where it would have gone.
    assert plt.gcf() is mine
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        buffer = BytesIO()
        figure.savefig(buffer, format=kind)
        assert buffer.getvalue().startswith(begins)


@every_plot
def test_no_axes_are_made_of_what_is_none(draw: Callable[..., Axes]) -> None:
    with pytest.raises(ParameterError, match="`ax` must be matplotlib axes"):
        draw(ax=Figure())
    assert plt.get_fignums() == []


@every_plot
@pytest.mark.parametrize("is_dark", [False, True])
def test_text_is_large_enough_and_can_be_read(draw: Callable[..., Axes], is_dark: bool) -> None:
    if is_dark:
        with dark():
            ax = draw()
    else:
        ax = draw()
    figure: Any = ax.get_figure(root=True)
    figure.canvas.draw()
    paper = palette_of(ax).paper
    texts = figure.findobj(
        lambda one: isinstance(one, Text) and one.get_visible() and one.get_text().strip()
    )
    assert texts
    for text in texts:
        assert text.get_fontsize() >= NOTE_SIZE
        if not is_on_colour(text, ax):
            assert contrast(text.get_color(), paper) >= 4.5, text


@every_plot
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_a_title_is_not_written_over_anything(draw: Callable[..., Axes], layout: Any) -> None:
    figure = Figure(figsize=(7, 5), layout=layout)
    FigureCanvasAgg(figure)
    ax = draw(ax=figure.add_subplot())
    ax.set_title("A title", loc="right")
    figure.draw_without_rendering()
    title: Any = next(text for text in figure.findobj(Text) if text.get_text() == "A title")
    others: list[Any] = figure.findobj(lambda one: isinstance(one, Text) and one.get_visible())
    place = title.get_window_extent()
    for text in others:
        if text is not title and text.get_text().strip():
            assert not Text.get_window_extent(text).overlaps(place), text
    if layout is not None:
        assert place.y1 <= figure.bbox.y1 + 1


def is_on_colour(text: Any, ax: Axes) -> bool:
    """Whether a text lies on cells or in a box of its own, where its contrast is another."""
    return (text in ax.texts and bool(ax.images)) or text.get_bbox_patch() is not None


def test_bars_load_matplotlib_alone() -> None:
    program = (
        "import json, sys; from boldstream import plotting; plotting.style.dark; "
        "plotting.plot_bars({'a': 1}, unit='s'); print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "matplotlib" in loaded
    assert not {"nilearn", "sklearn", "pandas", "numba", "nibabel"} & loaded


def test_names_are_loaded_when_they_are_used() -> None:
    assert set(plotting.__all__) < set(dir(plotting))
    for name in plotting.__all__:
        assert getattr(plotting, name).__module__ == f"boldstream.plotting.{name[5:]}"
    with pytest.raises(AttributeError, match="has no attribute 'plot_bar'"):
        _ = plotting.plot_bar
