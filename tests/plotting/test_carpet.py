"""Carpets: what is drawn is the run, at its times, whatever the figure."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from boldstream.core.errors import ParameterError
from boldstream.plotting import plot_carpet
from boldstream.plotting.style import DARK, dark
from boldstream.signal.quality import Carpet, carpet_of
from tests.plotting.drawn import texts_of


def y_of(trace: Any) -> np.ndarray:
    """What a trace shows."""
    return np.asarray(trace.lines[0].get_ydata())


def made_up(n_rows: int = 30, n_volumes: int = 12, t_r: float | None = 2.0) -> Carpet:
    rng = np.random.default_rng(0)
    moved = np.concatenate([[np.nan], rng.uniform(0, 0.4, n_volumes - 1)])
    moved[4] = 0.9
    dvars = np.concatenate([[np.nan], rng.uniform(10, 20, n_volumes - 1)])
    return Carpet(rng.normal(size=(n_rows, n_volumes)).astype("f4"), dvars, moved, t_r)


def test_the_image_and_its_traces() -> None:
    carpet = made_up()
    ax = plot_carpet(carpet)
    (image,) = ax.images
    np.testing.assert_array_equal(np.asarray(image.get_array()), carpet.values)
    assert image.get_clim() == (-2, 2)
    assert image.get_extent() == pytest.approx((-1, 23, 29.5, -0.5))
    dvars, moved = ax.child_axes[:2]
    times = np.arange(12) * 2.0
    for trace, values in ((dvars, carpet.dvars), (moved, carpet.framewise_displacement)):
        np.testing.assert_array_equal(trace.lines[0].get_xdata(), times)
        np.testing.assert_array_equal(trace.lines[0].get_ydata(), values)
        assert trace.get_xlim() == ax.get_xlim()
    assert [trace.get_ylabel() for trace in (dvars, moved)] == ["DVARS", "FD\n(mm)"]
    _, half, high = moved.lines
    assert set(half.get_ydata()) == {0.5}  # type: ignore[arg-type]
    assert (list(high.get_xdata()), list(high.get_ydata())) == ([8.0], [0.9])  # type: ignore[arg-type]
    assert "1 of 12 volumes above 0.5 mm" in texts_of(ax)
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "30 voxels"


def test_a_volume_that_stands_out_is_drawn_at_its_time() -> None:
    values = np.full((4, 10), -2, np.float32)
    values[:, 7] = 2
    ax = plot_carpet(Carpet(values, np.full(10, np.nan), None, 1.5))
    figure: Any = ax.figure
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[::-1, :, 0]
    for time, grey in ((7 * 1.5, 255), (6 * 1.5, 0), (8 * 1.5, 0)):
        x, y = ax.transData.transform((time, 1.5)).round().astype(int)
        assert abs(int(pixels[y, x]) - grey) < 3


def test_volumes_are_counted_where_the_repetition_time_is_not_known() -> None:
    ax = plot_carpet(made_up(t_r=None))
    assert ax.get_xlabel() == "volume"
    assert ax.get_xlim() == (-0.5, 11.5)
    ax = plot_carpet(made_up(t_r=None), t_r=3)
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_xlim() == (-1.5, 34.5)


def test_an_image_is_the_carpet_made_of_it(shared_data: Path) -> None:
    folder = shared_data / "small4d"
    image, mask = folder / "fsl_av_fmri.nii.gz", folder / "fsl_av_mask.nii.gz"
    motion = np.random.default_rng(0).normal(0, 0.1, (45, 6)).cumsum(axis=0)
    ax = plot_carpet(image, mask=mask, confounds=motion, t_r=3)
    # The changes, from nibabel and numpy alone.
    inside = nib.Nifti1Image.from_filename(mask).get_fdata() > 0
    data = nib.Nifti1Image.from_filename(image).get_fdata()[inside]
    expected = np.sqrt(np.mean(np.diff(data, axis=1) ** 2, axis=0))
    np.testing.assert_allclose(y_of(ax.child_axes[0])[1:], expected, rtol=1e-6)
    scaled = np.abs(np.diff(motion, axis=0)) * [1, 1, 1, 50, 50, 50]
    np.testing.assert_allclose(y_of(ax.child_axes[1])[1:], scaled.sum(axis=1))
    spread = data.std(axis=1, ddof=1, keepdims=True)
    z = (data - data.mean(axis=1, keepdims=True)) / np.where(spread == 0, 1, spread)
    drawn = np.asarray(ax.images[0].get_array())
    # Each row is one of the voxels.
    nearest = [np.abs(z - row).max(axis=1).min() for row in drawn]
    assert max(nearest) < 1e-3
    assert drawn.shape == carpet_of(image, mask).values.shape


def test_motion_of_fmriprep(shared_data: Path) -> None:
    folder = shared_data / "bids/srndna/derivatives/fmriprep/sub-105/func"
    (path,) = folder.glob("*confounds_regressors.tsv")
    table = pd.read_csv(path, sep="\t", na_values="n/a")
    rng = np.random.default_rng(0)
    image = nib.Nifti1Image(rng.normal(100, 1, (3, 3, 3, len(table))).astype("f4"), np.eye(4))
    ax = plot_carpet(image, mask=np.ones((3, 3, 3), bool), confounds=table, t_r=2)
    theirs = table["framewise_displacement"].to_numpy()
    moved = ax.child_axes[1]
    np.testing.assert_allclose(y_of(moved)[1:], theirs[1:], atol=1e-5)
    n_high = int((theirs > 0.5).sum())
    assert f"{n_high} of {len(table)} volumes above 0.5 mm" in texts_of(ax)


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_given_axes_are_shared_out(layout: Any) -> None:
    figure = Figure(layout=layout)
    left, right = figure.subplots(1, 2)
    before = left.get_position(original=True)
    assert plot_carpet(made_up(), ax=left) is left
    figure.draw_without_rendering()
    place = left.get_position(original=True)
    if layout is None:
        assert place.bounds == pytest.approx(before.bounds)
    parts = [left.get_position(), *(trace.get_position() for trace in left.child_axes[:2])]
    # One above the other, as wide as each other, in the place that the axes had.
    for lower, upper in itertools.pairwise(parts):
        assert upper.y0 > lower.y1
        assert upper.x0 == pytest.approx(lower.x0)
        assert upper.width == pytest.approx(lower.width)
    assert parts[0].y0 == pytest.approx(place.y0)
    assert parts[-1].y1 <= place.y1 + 1e-9
    if layout is not None:
        box = left.get_tightbbox()
        assert box is not None
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= right.get_tightbbox().x0
        assert box.y1 <= figure.bbox.y1
    assert plt.get_fignums() == []


def test_what_is_written_lies_in_the_figure() -> None:
    with dark():
        ax = plot_carpet(made_up())
    figure: Any = ax.figure
    figure.canvas.draw()
    box = ax.get_tightbbox()
    assert box is not None
    assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1
    assert ax.xaxis.label.get_color() == DARK.ink
    assert ax.child_axes[0].yaxis.label.get_color() == DARK.ink


@settings(max_examples=10)
@given(n_rows=st.integers(1, 20), n_volumes=st.integers(2, 30), t_r=st.floats(0.1, 10))
def test_any_size(n_rows: int, n_volumes: int, t_r: float) -> None:
    values = np.zeros((n_rows, n_volumes), np.float32)
    ax = plot_carpet(
        Carpet(values, np.full(n_volumes, np.nan), None, t_r), ax=Figure().add_subplot()
    )
    assert ax.get_xlim() == pytest.approx((-t_r / 2, (n_volumes - 0.5) * t_r))
    assert len(ax.images[0].get_array()) == n_rows  # type: ignore[arg-type]


def test_wrong_input_makes_no_figure() -> None:
    carpet = made_up()
    with pytest.raises(ParameterError, match="`mask` must be None where a Carpet is given"):
        plot_carpet(carpet, mask=np.ones((2, 2, 2), bool))
    with pytest.raises(ParameterError, match="`confounds` must be None"):
        plot_carpet(carpet, confounds=np.zeros((12, 6)))
    with pytest.raises(ParameterError, match="`t_r` must be a positive number of s, got -2"):
        plot_carpet(carpet, t_r=-2)
    with pytest.raises(ParameterError, match="`carpet` must hold values"):
        plot_carpet(Carpet(np.zeros((0, 5), np.float32), np.zeros(5), None, None))
    with pytest.raises(ParameterError, match="`image` must be a path"):
        plot_carpet(3)
    assert plt.get_fignums() == []
