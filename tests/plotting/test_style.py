"""Colours: contrast as WCAG defines it, told apart by all, and seen from the axes."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import cbook
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from boldstream.core.errors import ParameterError
from boldstream.plotting.style import (
    DARK,
    HATCHES,
    LIGHT,
    Palette,
    axes_for,
    check_axes,
    contrast,
    dark,
    palette_of,
    plain,
)

# Machado, Oliveira and Fernandes (2009), severity 1, of linear RGB.
DEFICIENCIES = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def linear_of(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab_of(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of D65, from the definition."""
    xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ np.clip(linear, 0, 1)
    t = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_of_known_pairs() -> None:
    # Of the understanding documents of WCAG 2: #767676 is the lightest grey for text on white.
    assert contrast("#767676", "white") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)
    assert contrast("red", "white") == contrast("white", "red") == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_what_is_drawn_can_be_seen(palette: Palette) -> None:
    assert contrast(palette.ink, palette.paper) >= 7
    # Text is written over distributions too.
    assert contrast(palette.ink, palette.middle) >= 3
    for colour in palette.colours:
        assert contrast(colour, palette.paper) >= 3, colour


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_colours_are_told_apart(palette: Palette, deficiency: str | None) -> None:
    matrix = np.eye(3) if deficiency is None else np.array(DEFICIENCIES[deficiency])
    seen = [lab_of(matrix @ linear_of(colour)) for colour in palette.colours]
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    # The pair that every plot uses must differ most.
    assert apart[0] > 30
    assert min(apart) > 8
    assert len(set(HATCHES)) >= len(palette.colours)


def test_the_palette_is_seen_from_the_axes() -> None:
    assert palette_of(Figure().add_subplot()) is LIGHT
    assert palette_of(Figure(facecolor="black").add_subplot(facecolor="none")) is DARK
    assert palette_of(Figure(facecolor="black").add_subplot(facecolor="white")) is LIGHT
    assert palette_of(Figure(facecolor="none").add_subplot(facecolor=(0, 0, 0, 0.1))) is LIGHT
    inner: Any = Figure(facecolor="black").subfigures()
    inner.set_facecolor("none")
    assert palette_of(inner.add_subplot(facecolor="none")) is DARK
    with plt.style.context("dark_background"):
        assert palette_of(Figure().add_subplot()) is DARK


def test_dark_ends_with_its_block() -> None:
    before = dict(mpl.rcParams)
    with dark():
        assert palette_of(plt.figure().add_subplot()) is DARK
    assert dict(mpl.rcParams) == before
    with pytest.raises(KeyError), dark():
        raise KeyError
    assert dict(mpl.rcParams) == before


def test_a_new_figure_is_closed_by_an_error_and_others_are_not() -> None:
    mine = Figure().add_subplot()
    with axes_for(mine, width=1, height=1) as ax:
        assert ax is mine
    assert plt.get_fignums() == []
    kept = plt.figure()
    seen = []
    with pytest.raises(ZeroDivisionError), axes_for(None, width=4, height=3):
        seen.append(1 / (len(plt.get_fignums()) - 2))
    assert plt.get_fignums() == [kept.number]


def test_what_is_no_axes_is_refused() -> None:
    check_axes(None)
    with pytest.raises(ParameterError, match=r"`ax` must be matplotlib axes.* got Figure"):
        check_axes(Figure())
    removed = Figure().add_subplot()
    removed.remove()
    with pytest.raises(ParameterError, match="removed"):
        check_axes(removed)


def test_a_plain_name_is_no_formula_and_has_one_line() -> None:
    assert not cbook.is_math_text(plain("$x^2$"))
    assert plain("a\n b") == "a b"
    assert len(plain("v" * 200)) == 36
