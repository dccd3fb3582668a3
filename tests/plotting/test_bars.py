"""Bars: their lengths, what is written on them, and when the scale is logarithmic."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from boldstream.core.errors import ParameterError
from boldstream.plotting import plot_bars
from boldstream.plotting.bars import write_quantity
from boldstream.plotting.style import LIGHT
from tests.plotting.drawn import texts_of

# MiB that nilearn's example of masking large images measured.
SEED = {
    "NiftiMasker,\nwith path": 15890.93,
    "NiftiMasker,\nwith in-memory\nimage": 14184.52,
    "Numpy indexing": 7872.0,
    "Numpy indexing,\nwith\nSharedMemory": 8634.19,
}


def bars_of(ax: Axes) -> list[Any]:
    return list(ax.patches)


def names_of(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_bars_are_the_values_from_the_top() -> None:
    ax = plot_bars(SEED, unit="MiB", label="peak memory")
    bars = bars_of(ax)
    assert [bar.get_width() for bar in bars] == list(SEED.values())
    assert names_of(ax) == list(SEED)
    assert [text.get_text() for text in ax.texts] == [
        *("1.59e+04 MiB", "1.42e+04 MiB", "7.87e+03 MiB", "8.63e+03 MiB")
    ]
    assert ax.yaxis_inverted()
    assert ax.get_xscale() == "linear"
    assert ax.get_xlabel() == "peak memory"
    assert ax.get_xlim()[0] == 0
    # Each text begins where its bar ends.
    for text, bar, place in zip(ax.texts, bars, ax.get_yticks(), strict=True):
        assert text.xy == (bar.get_width(), place)  # type: ignore[attr-defined]
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(place)


def test_repeats_are_a_median_and_dots() -> None:
    ax = plot_bars({"a": [3.0, 1.0, 2.0, 10.0], "b": 4}, unit="seconds")
    assert [bar.get_width() for bar in bars_of(ax)] == [2.5, 4.0]
    (dots,) = ax.lines
    assert list(dots.get_xdata()) == [3.0, 1.0, 2.0, 10.0]  # type: ignore[arg-type]
    assert [text.get_text() for text in ax.texts] == ["2.5 s", "4 s"]
    # Beside the last dot, so that none is written over.
    assert ax.texts[0].xy == (10.0, 0)  # type: ignore[attr-defined]


def test_a_way_without_a_value_says_why() -> None:
    ax = plot_bars({"whole": "out of memory", "streamed": 3e8}, unit="bytes")
    assert len(bars_of(ax)) == 1
    assert [text.get_text() for text in ax.texts] == ["out of memory", "286.1 MiB"]
    assert names_of(ax) == ["whole", "streamed"]
    ax = plot_bars({"whole": "out of memory"}, unit="bytes")
    assert names_of(ax) == ["whole"]


def test_the_scale_is_logarithmic_where_bars_would_vanish() -> None:
    ax = plot_bars({"nib.load": 0.005, "load_img": 7.4}, unit="seconds", label="time")
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "time (log scale)"
    low, high = ax.get_xlim()
    assert 0.0005 <= low < 0.005 / 1.5
    assert high > 7.4
    assert plot_bars({"a": 1, "b": 49.9}, unit="s").get_xscale() == "linear"
    assert plot_bars({"a": 1, "b": 50}, unit="s").get_xscale() == "log"
    assert plot_bars({"a": 0, "b": 50}, unit="s").get_xscale() == "linear"
    assert plot_bars({"a": 1, "b": 90}, unit="s", log=False).get_xscale() == "linear"
    assert plot_bars({"a": 1, "b": 2}, unit="s", log=True).get_xscale() == "log"


def test_groups_have_the_same_colours_and_hatches() -> None:
    ax = plot_bars(
        {
            "1.2 GB": {"whole": 3e9, "streamed": 2e8},
            "4.8 GB": {"whole": "out of memory", "streamed": 3e8},
        },
        unit="bytes",
    )
    whole, first, second = bars_of(ax)
    assert [bar.get_width() for bar in (whole, first, second)] == [3e9, 2e8, 3e8]
    assert to_hex(first.get_facecolor()) == to_hex(second.get_facecolor()) == LIGHT.colours[1]
    assert first.get_hatch() == second.get_hatch() != whole.get_hatch()
    assert names_of(ax) == ["1.2 GB", "4.8 GB"]
    legend: Any = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["whole", "streamed"]
    places = [bar.get_y() for bar in (whole, first, second)]
    assert places[1] - places[0] < (places[2] - places[1]) / 2


def test_what_is_set_off_differs_by_more_than_colour() -> None:
    ax = plot_bars({"theirs": 2, "ours": 1}, unit="s", highlight="ours")
    theirs, ours = bars_of(ax)
    assert to_hex(theirs.get_facecolor()) != to_hex(ours.get_facecolor())
    assert theirs.get_hatch() != ours.get_hatch()
    assert [text.get_fontweight() for text in ax.texts] == ["normal", "bold"]


@pytest.mark.parametrize("log", [True, False])
def test_what_is_written_lies_in_the_figure_and_ticks_are_round(log: bool) -> None:
    ax = plot_bars({"a": 5.1e9, "b": 1.1e8}, unit="bytes", log=log)
    figure: Any = ax.figure
    figure.canvas.draw()
    right = ax.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= right for text in ax.texts)
    ticks = [label.get_text() for label in ax.get_xticklabels() if label.get_text()]
    assert len(ticks) >= 2
    assert all("." not in tick for tick in ticks)
    assert "5.1" not in " ".join(ticks)
    assert "4.7 GiB" in texts_of(ax)


@given(st.floats(1e-4, 1e5))
def test_seconds_are_written_to_three_digits(seconds: float) -> None:
    text = write_quantity(seconds, "seconds")
    parts = text.split()
    units = {"ms": 1e-3, "s": 1.0, "min": 60.0}
    pairs = zip(parts[::2], parts[1::2], strict=True)
    assert sum(float(n) * units[unit] for n, unit in pairs) == pytest.approx(
        seconds, rel=0.0051, abs=1e-6
    )


def test_bytes_are_written_as_elsewhere() -> None:
    assert write_quantity(15890.93 * 2**20, "bytes") == "15.5 GiB"
    assert write_quantity(59.7, "seconds") == "59.7 s"
    assert write_quantity(3600, "seconds") == "60 min"
    assert write_quantity(0, "seconds") == "0 s"


def test_it_draws_where_it_is_told() -> None:
    ax = Figure().add_subplot()
    assert plot_bars(SEED, unit="MiB", ax=ax) is ax
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({}, {}, "`values` must be a mapping .* with at least one"),
        ([1, 2], {}, "`values` must be a mapping"),
        ({"a": -1}, {}, "numbers from 0 up, or texts, got -1 of 'a'"),
        ({"a": np.nan}, {}, "got nan of 'a'"),
        ({"a": [1, None]}, {}, "of 'a'"),
        ({"a": []}, {}, r"got \[\] of 'a'"),
        ({"a": object}, {}, "of 'a'"),
        ({"g": {"a": 1}, "b": 2}, {}, "groups of at least one way each, or ways alone"),
        ({"g": {}}, {}, "groups of at least one way"),
        ({"ours": 1}, {"highlight": "our"}, "got 'our'; did you mean 'ours'"),
        ({"a": 0, "b": 1}, {"log": True}, "`log` must be False where a value is 0"),
        ({"a": "out of memory"}, {"log": True}, "`log` must be False"),
    ],
)
def test_wrong_input_makes_no_figure(values: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plot_bars(values, unit="s", **options)
    assert plt.get_fignums() == []
