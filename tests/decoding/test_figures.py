"""Figures: what they show, where they cut, and that they need no display."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from nilearn.image import mean_img, new_img_like

from boldstream.core.errors import ParameterError
from boldstream.decoding import SearchLight
from boldstream.decoding.f_scores import f_scores
from boldstream.decoding.figures import chance_of, plot_decoding, plot_f_scores, plot_scores
from boldstream.decoding.roi import decode

AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
SHAPE = (8, 9, 7)


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    values = np.zeros(SHAPE)
    values[2:7, 2:8, 1:6] = rng.uniform(0.3, 0.7, (5, 6, 5))
    values[5, 3, 4] = 0.95
    return values


@pytest.fixture
def mean(rng: np.random.Generator) -> nib.Nifti1Image:
    return nib.Nifti1Image(rng.uniform(400, 600, SHAPE).astype("f4"), AFFINE)


def axes_of(figure: Figure) -> list[Any]:
    """All axes, also those inside others."""
    return figure.findobj(lambda artist: isinstance(artist, Axes))


def cuts_of(figure: Figure) -> set[str]:
    """What is written on the planes, as "x=15"."""
    return {
        text.get_text() for axes in axes_of(figure) for text in axes.texts if "=" in text.get_text()
    }


def overlay_of(figure: Figure, plane: str) -> np.ndarray:
    """Values that are seen in a plane, without those that are hidden."""
    for axes in axes_of(figure):
        if any(text.get_text().startswith(f"{plane}=") for text in axes.texts):
            shown = axes.get_images()[-1].get_array()
            return np.ma.compressed(np.ma.masked_invalid(shown))
    raise AssertionError(f"no plane {plane}")


def limits_of(figure: Figure) -> tuple[float, float]:
    images = [image for axes in axes_of(figure) for image in axes.get_images()]
    clim: tuple[float, float] = images[-1].get_clim()
    return clim


def test_cuts_go_through_the_peak(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    figure = plot_scores(scores, mean, chance=0.5)
    assert cuts_of(figure) == {"x=15", "y=9", "z=14"}
    assert limits_of(figure) == pytest.approx((0.5, 0.95))
    given = plot_scores(scores, mean, chance=0.5, display_mode="z", cut_coords=[7.0], vmax=1.0)
    assert cuts_of(given) == {"z=7"}
    assert limits_of(given) == pytest.approx((0.5, 1.0))


def test_what_is_not_above_chance_is_hidden(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    image = nib.Nifti1Image(scores.astype("f4"), AFFINE)
    plane = scores[:, :, 4]
    seen = overlay_of(plot_scores(image, mean, chance=0.5, display_mode="z"), "z")
    assert np.allclose(np.unique(seen), np.unique(plane[plane > 0.5]), atol=1e-6)
    low = np.where(scores > 0, scores - 0.5, 0)
    low[5, 4, 4] = 0.0
    seen = overlay_of(plot_scores(low, mean, chance=0.0, display_mode="z"), "z")
    assert seen.min() > 0
    shown = scores > 0.9
    seen = overlay_of(plot_scores(scores, mean, shown=shown, display_mode="z"), "z")
    assert np.unique(seen) == pytest.approx([0.95])


@pytest.mark.parametrize("value", [0.5, 1e-4, -1234.0, 7e5])
def test_scores_that_are_all_alike(value: float, mean: nib.Nifti1Image) -> None:
    figure = plot_scores(np.full(SHAPE, value), mean)
    low, high = limits_of(figure)
    assert low == pytest.approx(value)
    assert high > low
    slightly = np.full(SHAPE, value)
    slightly[5, 3, 4] += abs(value) * 1e-3
    figure = plot_scores(slightly, mean, chance=value)
    assert "z=14" in cuts_of(figure)
    assert len(overlay_of(figure, "z")) == 1


def test_nothing_to_show_is_said(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    figure = plot_scores(scores, mean, chance=0.99, title="Faces")
    texts = [text.get_text() for axes in axes_of(figure) for text in axes.texts]
    assert "Faces: nothing to show" in texts
    scores[:] = np.nan
    assert isinstance(plot_scores(scores, mean), Figure)


@pytest.mark.parametrize("axis", range(3))
def test_an_image_of_one_slice(scores: np.ndarray, axis: int, mean: nib.Nifti1Image) -> None:
    place = (5, 3, 4)[axis]
    scores = np.take(scores, [place], axis)
    background = nib.Nifti1Image(np.take(mean.get_fdata(), [place], axis), AFFINE)
    assert cuts_of(plot_scores(scores, background, chance=0.5)) == {f"{'xyz'[axis]}=0"}


def test_nothing_stays_with_pyplot(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    before = plt.get_fignums()
    buffer = BytesIO()
    plot_scores(scores, mean).savefig(buffer)
    assert buffer.getvalue().startswith(b"\x89PNG")
    assert plt.get_fignums() == before
    assert mean.get_fdata().min() >= 400


def test_wrong_planes_are_refused(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    with pytest.raises(ParameterError, match="`display_mode` must be one of"):
        plot_scores(scores, mean, display_mode="ortoh")


def test_both_maps_of_a_searchlight(rng: np.random.Generator) -> None:
    data = rng.normal(100, 5, (*SHAPE, 24)).astype("f4")
    y = np.tile(["face", "house"], 12)
    data[5, 3, 4, y == "house"] += 40
    image = nib.Nifti1Image(data, AFFINE)
    mask = new_img_like(image, np.ones(SHAPE, "u1"))
    mean = mean_img(image)
    light = SearchLight(mask, radius=3.0, estimator="gnb", cv=4, chance=0.5).fit(image, y)
    figure = plot_scores(light, mean)
    assert limits_of(figure) == pytest.approx((0.5, 1.0))
    found = f_scores(image, y)
    figure = plot_f_scores(found, mean)
    assert cuts_of(figure) == {"x=15", "y=9", "z=14"}
    assert limits_of(figure) == pytest.approx((0.0, 10.0))
    process = np.zeros(SHAPE, bool)
    process[2, 2, 2] = True
    assert cuts_of(plot_f_scores(found, mean, shown=process)) == {"x=6", "y=6", "z=7"}


def test_bars_of_regions(rng: np.random.Generator) -> None:
    runs = np.repeat([1, 2, 3, 4], 10)
    choice = np.tile(["left", "right", "right", "left", "right"], 8)
    near, far = rng.normal(size=(2, 40, 6))
    near[choice == "left"] += 3
    value = near[:, 0] * 2 + rng.normal(size=40)
    found = decode(
        {"near": near, "far": far},
        {"choice": choice, "value": value},
        runs,
        estimator={"choice": "gnb", "value": "ridge"},
        permutations=30,
    )
    figure = plot_decoding(found, title="Choices")
    first, second = axes_of(figure)
    assert [first.get_title(), second.get_title()] == ["choice", "value"]
    assert [first.get_ylabel(), second.get_ylabel()] == ["accuracy", "r2"]
    heights = [bar.get_height() for bar in first.patches]
    np.testing.assert_allclose(heights, found.table["score"][:2])
    assert [label.get_text() for label in first.get_xticklabels()] == ["near", "far"]
    dots = [line for line in first.lines if line.get_marker() == "o"]
    folds = found.folds.query("roi == 'near' and target == 'choice'")["score"]
    np.testing.assert_allclose(dots[0].get_ydata(), folds)
    (chance,) = [line for line in first.lines if line.get_linestyle() == "--"]
    assert set(chance.get_ydata()) == {0.6}
    assert to_hex(chance.get_color()) != to_hex(first.patches[0].get_facecolor())
    stars = [round(text.xy[0]) for text in first.texts if text.get_text() == "*"]
    significant = found.table["p"][:2] < 0.05
    assert stars == np.flatnonzero(significant).tolist()
    assert 0 in stars
    assert chance_of(found, "near", "value") == 0.0


def test_chance_is_not_known_of_every_scorer(rng: np.random.Generator) -> None:
    y = np.tile(["a", "b"], 12)
    x = rng.normal(size=(24, 3))
    for scoring, chance in [("f1_macro", None), ("balanced_accuracy", 0.5), ("roc_auc", 0.5)]:
        found = decode(x, y, estimator="lda", scoring=scoring, cv=4)
        assert chance_of(found, "all", "y") == chance
        assert isinstance(plot_decoding(found), Figure)
