"""Dissimilarities: the matrix that is drawn, beside scipy's and nilearn's."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from nilearn.plotting import plot_matrix
from scipy.spatial.distance import squareform

from boldstream.core.errors import NonFiniteError, ParameterError
from boldstream.geometry import RDM, rdm
from boldstream.plotting import plot_rdm
from boldstream.plotting.style import contrast
from tests.plotting.drawn import texts_of

FOUND = RDM(np.array([0.5, 2.0, 1.0]), ("cat", "dog", "tree"), "crossnobis")


def drawn(ax: Any) -> np.ndarray:
    (image,) = ax.images
    return np.ma.filled(image.get_array().astype(float), np.nan)


def labels(ax: Any) -> tuple[list[str], list[str]]:
    return (
        [label.get_text() for label in ax.get_xticklabels()],
        [label.get_text() for label in ax.get_yticklabels()],
    )


def test_the_matrix_with_its_names_and_metric() -> None:
    ax = plot_rdm(FOUND)
    nan = np.nan
    np.testing.assert_array_equal(drawn(ax), [[nan, 0.5, 2], [0.5, nan, 1], [2, 1, nan]])
    assert labels(ax) == (["cat", "dog", "tree"],) * 2
    assert ax.images[0].get_clim() == (0.5, 2.0)
    assert "crossnobis dissimilarity" in texts_of(ax)
    assert [text.get_text() for text in ax.texts] == ["0.5", "2", "0.5", "1", "2", "1"]


def test_it_is_the_matrix_that_nilearn_draws(rng: np.random.Generator) -> None:
    conditions = np.tile(list("abcde"), 6)
    found = rdm(rng.normal(size=(30, 12)), conditions, metric="correlation")
    ax = plot_rdm(found)
    theirs = np.array(plot_matrix(found.matrix(), labels=list("abcde")).get_array())
    np.fill_diagonal(theirs, np.nan)
    np.testing.assert_array_equal(drawn(ax), theirs)
    assert "1 − correlation" in texts_of(ax)


pairs = st.integers(2, 12).flatmap(
    lambda n: arrays(np.float64, n * (n - 1) // 2, elements=st.floats(-5, 5, width=32))
)


@settings(max_examples=8)
@given(values=pairs)
def test_whole_and_half_matrices_are_one(values: np.ndarray) -> None:
    whole = squareform(values, checks=False)
    first, second = Figure(figsize=(2, 1)).subplots(1, 2)
    half = drawn(plot_rdm(values, ax=first))
    np.testing.assert_array_equal(half, drawn(plot_rdm(whole, ax=second)))
    expected = whole.copy()
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_array_equal(half, expected)


def test_names_stay_in_the_order_they_have() -> None:
    whole = squareform([1.0, 2.0, 3.0])
    ax = plot_rdm(whole, ["z", "b", "a"])
    assert labels(ax)[1] == ["z", "b", "a"]
    assert drawn(ax)[0, 1:].tolist() == [1.0, 2.0]
    ax = plot_rdm(FOUND, ["tree", "cat"])
    assert labels(ax)[0] == ["tree", "cat"]
    assert drawn(ax)[0, 1] == 2.0
    assert labels(plot_rdm(np.ones(3)))[0] == ["1", "2", "3"]


def test_many_names_are_thinned_out(rng: np.random.Generator) -> None:
    n = 90
    ax = plot_rdm(rng.random(n * (n - 1) // 2), [f"trial {i}" for i in range(n)])
    figure: Any = ax.figure
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert len(boxes) == 30
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
    assert labels(ax)[0][:2] == ["trial 0", "trial 3"]
    assert not ax.texts


@pytest.mark.parametrize("paper", ["white", "black"])
def test_what_is_written_can_be_read(paper: str) -> None:
    n = 8
    ax = Figure(facecolor=paper).add_subplot(facecolor=paper)
    plot_rdm(np.linspace(0, 1, n * (n - 1) // 2), ax=ax)
    (image,) = ax.images
    for text in ax.texts:
        x, y = (round(at) for at in text.get_position())
        cell: Any = image.cmap(image.norm(np.asarray(image.get_array())[y, x]))
        assert contrast(cell, text.get_color()) >= 4.5
    assert len(ax.texts) == n * (n - 1)
    assert contrast(ax.get_xticklabels()[0].get_color(), paper) >= 4.5


@pytest.mark.parametrize("n", [3, 15, 60])
def test_what_is_written_lies_in_the_figure(n: int) -> None:
    ax = plot_rdm(np.arange(n * (n - 1) / 2), [f"condition {i}" for i in range(n)])
    figure: Any = ax.figure
    figure.canvas.draw()
    box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= figure.bbox.x1 + 1
    assert box.y1 <= figure.bbox.y1 + 1


def test_the_colour_bar_is_as_high_as_the_matrix() -> None:
    figure, (ax, _) = plt.subplots(1, 2, figsize=(9, 3))
    assert plot_rdm(FOUND, ax=ax) is ax
    figure.canvas.draw()
    (bar,) = ax.child_axes
    assert bar.get_position().height == pytest.approx(ax.get_position().height)
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("given_rdm", "conditions", "message"),
    [
        ([1.0, 2.0], None, r"`rdm` must have shape \(n, n\), or .* got shape \(2,\)"),
        ([], None, r"got shape \(0,\)"),
        (np.ones((2, 2, 2)), None, r"got shape \(2, 2, 2\)"),
        ([[0, 1], [2, 0]], None, "must be symmetric"),
        ([[0, 1, 2]], None, "must be square"),
        ("abc", None, "`rdm` must be an RDM or an array of numbers, got str"),
        ([1.0, 2.0, 3.0], ["a", "b"], "a name for each of the 3 rows, got 2"),
        ([1.0, 2.0, 3.0], ["a", "b", "a"], "different names"),
        (FOUND, ["cat", "dgo"], "did you mean 'dog'"),
    ],
)
def test_wrong_input_makes_no_figure(given_rdm: Any, conditions: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plot_rdm(given_rdm, conditions)
    assert plt.get_fignums() == []


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(NonFiniteError):
        plot_rdm([1.0, np.nan, 2.0])
    assert plt.get_fignums() == []
