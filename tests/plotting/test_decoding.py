"""Scores of regions: marks are where the tables say, and p is written."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from boldstream.core.errors import ParameterError
from boldstream.decoding import Decoding, decode
from boldstream.plotting import plot_decoding
from boldstream.plotting.style import LIGHT
from tests.plotting.drawn import texts_of

TABLE = pd.DataFrame(
    {
        "roi": ["V1", "V2", "IT"],
        "target": "choice",
        "score": [0.8, 0.55, np.nan],
        "p": [0.0004, 0.4, np.nan],
        "chance": [0.5, 0.5, 0.5],
        "scoring": "balanced_accuracy",
        "note": [None, None, "no voxels"],
    }
)


@pytest.fixture(scope="module")
def found() -> Decoding:
    rng = np.random.default_rng(0)
    runs = np.repeat([1, 2, 3, 4], 10)
    choice = np.tile(["left", "right", "right", "left", "right"], 8)
    near, far = rng.normal(size=(2, 40, 6))
    near[choice == "left"] += 3
    return decode(
        {"near": near, "far": far},
        {"choice": choice, "value": near[:, 0] * 2 + rng.normal(size=40)},
        runs,
        estimator={"choice": "gnb", "value": "ridge"},
        permutations=30,
    )


def marks(ax: Axes, label: str) -> list[tuple[list[float], list[float]]]:
    """x and y of all marks of a kind."""
    lines = [line for line in ax.lines if line.get_label() == label]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]  # type: ignore[arg-type]


def bands(ax: Axes, colour: str) -> list[tuple[float, float]]:
    """From where to where bars of a colour go."""
    bars: list[Any] = [bar for bar in ax.patches if to_hex(bar.get_facecolor()) == colour]
    return [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]


@pytest.mark.parametrize("target", ["choice", "value"])
def test_a_decoding_brings_all_there_is(found: Decoding, target: str) -> None:
    ax = plot_decoding(found, target=target)
    table = found.table[found.table["target"] == target]
    means = marks(ax, "mean")
    assert [x for x, _ in means] == [[score] for score in table["score"]]
    assert [y for _, y in means] == [[0], [1]]
    dots = marks(ax, "one fold")
    for place, roi in enumerate(["near", "far"]):
        scores = found.folds.query("roi == @roi and target == @target")["score"]
        x, y = dots[place]
        assert x == scores.tolist()
        assert np.abs(np.array(y) - place).max() < 0.31
        null = found.permuted[roi, target]
        assert bands(ax, LIGHT.faint)[place] == pytest.approx(np.quantile(null, (0.025, 0.975)))
        assert bands(ax, LIGHT.middle)[place] == pytest.approx(np.quantile(null, (0.25, 0.75)))
    (pieces,) = ax.collections
    chance = {"choice": 0.6, "value": 0.0}[target]
    ends = np.array(pieces.get_segments())  # type: ignore[attr-defined]
    np.testing.assert_allclose(ends[..., 0], chance)
    # Together they are one line through all rows.
    assert ends[..., 1].tolist() == [[-0.5, 0.5], [0.5, 1.5]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["near", "far"]
    assert ax.get_xlabel() == {"choice": "accuracy", "value": "R²"}[target]
    assert ax.get_title(loc="left") == target
    written = texts_of(ax)
    assert [f"p = {p:.3f}" in written for p in table["p"]] == [True, True]
    # The first region is at the top.
    assert ax.yaxis_inverted()


def test_tables_as_a_study_writes_them() -> None:
    folds = pd.DataFrame({"roi": ["V2", "V1", "V1"], "fold": [1, 1, 2], "score": [0.5, 0.7, 0.9]})
    permuted = pd.DataFrame(
        {"roi": "V1", "permutation": range(101), "score": np.linspace(0, 1, 101)}
    )
    ax = plot_decoding(TABLE, folds=folds, permuted=permuted)
    assert [x for x, _ in marks(ax, "one fold")] == [[0.7, 0.9], [0.5]]
    assert bands(ax, LIGHT.faint) == [pytest.approx((0.025, 0.975))]
    assert [x for x, _ in marks(ax, "mean")] == [[0.8], [0.55]]
    assert ax.get_xlabel() == "balanced accuracy"
    assert {"p < 0.001", "p = 0.400", "no voxels"} <= set(texts_of(ax))
    weights = {text.get_text(): text.get_fontweight() for text in ax.texts}
    assert weights == {"p < 0.001": "bold", "p = 0.400": "normal", "no voxels": "normal"}


def test_chance_of_each_region() -> None:
    ax = plot_decoding(TABLE.assign(chance=[0.5, 0.25, np.nan]))
    ends = np.array(ax.collections[0].get_segments())  # type: ignore[attr-defined]
    assert ends.tolist() == [[[0.5, -0.5], [0.5, 0.5]], [[0.25, 0.5], [0.25, 1.5]]]


def test_a_group_with_a_dot_for_each_subject() -> None:
    subjects = pd.DataFrame(
        {"roi": ["V1"] * 3, "subject": ["01", "02", "03"], "score": [0.6, 0.8, 1]}
    )
    ax = plot_decoding(TABLE, folds=subjects)
    assert [x for x, _ in marks(ax, "one subject")] == [[0.6, 0.8, 1.0]]
    assert "one subject" in texts_of(ax)


def test_a_table_of_names_and_scores_is_enough() -> None:
    table = pd.DataFrame({"roi": [1, 2], "score": [0.1, 0.2]})
    ax = plot_decoding(table)
    assert [x for x, _ in marks(ax, "mean")] == [[0.1], [0.2]]
    assert ax.get_xlabel() == "score"
    assert not ax.collections
    assert {text.get_text() for text in ax.texts} == {""}
    ax = plot_decoding(table.assign(score=np.nan))
    assert {text.get_text() for text in ax.texts} == {"no score"}


def test_many_regions_have_room_each() -> None:
    names = [f"region {i}" for i in range(60)]
    ax = plot_decoding(pd.DataFrame({"roi": names, "score": np.linspace(0, 1, 60)}))
    figure: Any = ax.figure
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0


def test_it_draws_where_it_is_told(found: Decoding) -> None:
    ax = Figure().add_subplot()
    assert plot_decoding(found, target="value", ax=ax) is ax
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": TABLE.rename(columns={"score": "scores"})}, "no score; did you mean 'scores'"),
        ({"table": TABLE[:0]}, "`table` must have at least one row"),
        ({"table": 3}, "`table` must be what .* got int"),
        ({"table": pd.concat([TABLE, TABLE])}, "one row for each region, got more of 'V1'"),
        ({"target": "chioce"}, "`target` must be one of 'choice'.*did you mean 'choice'"),
        ({"table": TABLE.drop(columns="target"), "target": "choice"}, "must have a column target"),
        ({"folds": TABLE[["roi"]]}, "`folds` must be a data frame with the columns roi and score"),
        ({"table": TABLE.assign(p="low")}, "`table` must hold numbers in p, got 'low'"),
        ({"folds": TABLE[["roi"]].assign(score="x")}, "`folds` must hold numbers in score"),
        ({"permuted": 3}, "`permuted` must be a data frame"),
    ],
)
def test_wrong_input_makes_no_figure(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plot_decoding(options.pop("table", TABLE), **options)
    assert plt.get_fignums() == []


def test_a_decoding_has_its_own_parts(found: Decoding) -> None:
    with pytest.raises(ParameterError, match="`target` must be given, as there are choice, value"):
        plot_decoding(found)
    with pytest.raises(ParameterError, match="`folds` must be None"):
        plot_decoding(found, folds=found.folds, target="value")


def test_names_are_no_formulas_and_leave_room_for_the_scores() -> None:
    names = ["$x^2$", r"$\frac", "v" * 200]
    long = TABLE.assign(roi=names, target="a$_b$")
    figure = Figure(figsize=(8.6, 2.4), layout="constrained")
    ax = plot_decoding(long, ax=figure.add_subplot())
    figure.draw_without_rendering()
    # Without a formula, it is drawn letter by letter as it is.
    assert all(not cbook.is_math_text(label.get_text()) for label in ax.get_yticklabels())
    assert not cbook.is_math_text(ax.get_title(loc="left"))
    box = ax.get_window_extent()
    assert box.width > 0.4 * figure.bbox.width
    assert min(label.get_window_extent().x0 for label in ax.get_yticklabels()) >= 0
