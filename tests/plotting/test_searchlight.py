"""Maps of scores: the voxels that are seen, their colours, and where planes lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nilearn.image import mean_img
from nilearn.plotting import plot_stat_map

from boldstream.core.errors import ImageFileError, MaskError, ParameterError
from boldstream.decoding import SearchLight, f_scores
from boldstream.plotting import plot_searchlight
from boldstream.plotting.style import dark
from tests.plotting.drawn import texts_of

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


def image_of(values: np.ndarray) -> nib.Nifti1Image:
    return nib.Nifti1Image(values.astype("f4"), AFFINE)


def axes_of(ax: Axes) -> list[Any]:
    """All axes of the figure, also those inside others."""
    figure: Any = ax.get_figure(root=True)
    found: list[Any] = figure.findobj(lambda artist: isinstance(artist, Axes))
    return found


def cuts_of(ax: Axes) -> set[str]:
    """What is written on the planes, as "x=15"."""
    texts = [text.get_text() for one in axes_of(ax) for text in one.texts]
    return {text for text in texts if text[1:2] == "="}


def overlay_of(ax: Axes, plane: str) -> Any:
    """The image of scores in a plane."""
    for one in axes_of(ax):
        if any(text.get_text().startswith(f"{plane}=") for text in one.texts):
            return one.get_images()[-1]
    raise AssertionError(f"no plane {plane}")


def seen_in(ax: Axes, plane: str) -> np.ndarray:
    """Scores that are seen in a plane, sorted."""
    return np.sort(np.ma.compressed(np.ma.masked_invalid(overlay_of(ax, plane).get_array())))


def test_what_is_seen_are_the_scores(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    ax = plot_searchlight(image_of(scores), background=mean, chance=0.5, display_mode="z")
    assert cuts_of(ax) == {"z=14"}
    plane = scores[:, :, 4]
    np.testing.assert_allclose(seen_in(ax, "z"), np.sort(plane[plane != 0]), atol=1e-6)
    # Chance in the middle of the colours, which reach the score farthest from it.
    low, high = overlay_of(ax, "z").get_clim()
    assert (low, high) == pytest.approx((0.05, 0.95), abs=1e-6)
    white = np.array(overlay_of(ax, "z").cmap(0.5))
    assert white[:3].min() > 0.9


def test_planes_cut_through_the_highest_score(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    assert cuts_of(plot_searchlight(scores, background=mean, chance=0.5)) == {
        "x=15",
        "y=9",
        "z=14",
    }
    scores[3, 6, 2] = -5
    ax = plot_searchlight(scores, background=mean, chance=0.5, display_mode="z")
    assert cuts_of(ax) == {"z=14"}
    # Of a map of t low values count as much as high ones.
    ax = plot_searchlight(scores, background=mean, display_mode="z")
    assert cuts_of(ax) == {"z=7"}
    ax = plot_searchlight(
        scores, background=mean, chance=0.5, display_mode="z", cut_coords=[7.0, 14.0]
    )
    assert cuts_of(ax) == {"z=7", "z=14"}


def test_a_threshold_is_a_score(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    scores[6, 3, 4] = 0.0  # as far from chance as 1
    shown = scores > 0
    shown[6, 3, 4] = True
    ax = plot_searchlight(
        scores, background=mean, chance=0.5, threshold=0.65, shown=shown, display_mode="z"
    )
    plane = scores[:, :, 4][shown[:, :, 4]]
    expected = np.sort(plane[np.abs(plane - 0.5) >= 0.15])
    np.testing.assert_allclose(seen_in(ax, "z"), expected, atol=1e-6)
    assert expected[0] == 0
    # In the colour bar what is hidden is grey.
    image = overlay_of(ax, "z")
    for score, is_grey in ((0.5, True), (0.6, True), (0.4, True), (0.7, False), (0.3, False)):
        assert bool(np.ptp(image.cmap(image.norm(score))[:3]) == 0) == is_grey


def test_a_map_of_t_is_what_nilearn_draws(shared_data: Path) -> None:
    path = shared_data / "odd" / "narps_tmap.nii.gz"
    cuts = [-50, -58, 38]
    ours = plot_searchlight(path, threshold=2.5, cut_coords=cuts)
    theirs = plot_stat_map(path, bg_img=None, threshold=2.5, cut_coords=cuts).frame_axes
    assert cuts_of(ours) == cuts_of(theirs)
    for plane in "xyz":
        a, b = overlay_of(ours, plane), overlay_of(theirs, plane)
        np.testing.assert_allclose(seen_in(ours, plane), seen_in(theirs, plane), rtol=1e-6)
        assert a.get_clim() == pytest.approx(b.get_clim(), rel=1e-5)
        assert a.get_extent() == pytest.approx(b.get_extent())
        # The same colours, but for steps of the table.
        for value in (-6.0, -3.0, 3.0, 6.0):
            np.testing.assert_allclose(a.cmap(a.norm(value)), b.cmap(b.norm(value)), atol=0.02)


def test_both_maps_of_the_searchlight_example(rng: np.random.Generator) -> None:
    data = rng.normal(100, 5, (*SHAPE, 24)).astype("f4")
    y = np.tile(["face", "house"], 12)
    data[5, 3, 4, y == "house"] += 40
    bold = nib.Nifti1Image(data, AFFINE)
    mask = image_of(np.ones(SHAPE))
    process = np.zeros(SHAPE)
    process[:, :5, 4] = 1
    light = SearchLight(mask, image_of(process), radius=3.0, estimator="gnb", cv=4).fit(bold, y)
    ax = plot_searchlight(light, background=mean_img(bold), display_mode="z", cut_coords=[14.0])
    inside = light.scores_[:, :, 4][process[:, :, 4] > 0]
    np.testing.assert_allclose(seen_in(ax, "z"), np.sort(inside), atol=1e-6)
    assert sum(overlay_of(ax, "z").get_clim()) / 2 == pytest.approx(light.chance_)
    found = f_scores(bold, y)
    ax = plot_searchlight(found, background=mean_img(bold), shown=process > 0)
    assert cuts_of(ax) == {"x=15", "y=9", "z=14"}
    image = overlay_of(ax, "z")
    assert image.get_clim() == pytest.approx((0, 10))
    expected = found.neg_log10_p.reshape(SHAPE)[process > 0]
    np.testing.assert_allclose(seen_in(ax, "z"), np.sort(expected[expected > 0]), rtol=1e-5)


def test_the_ends_of_the_colour_bar_are_written_as_scores(mean: nib.Nifti1Image) -> None:
    scores = np.full(SHAPE, 0.5)
    scores[2, 2, 2] = 1.0
    ax = plot_searchlight(scores, background=mean, chance=0.5)
    written = texts_of(ax)
    assert {"0", "0.25", "0.5", "0.75", "1"} <= set(written)
    assert not any("e-" in text for text in written)


def test_nothing_to_see(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    ax = plot_searchlight(scores, background=mean, chance=0.5, threshold=0.99, display_mode="z")
    assert seen_in(ax, "z").size == 0
    assert "nothing to show" in texts_of(ax)
    ax = plot_searchlight(scores * np.nan, background=mean, chance=0.5, title="Faces")
    assert seen_in(ax, "x").size == 0
    assert "Faces: nothing to show" in texts_of(ax)


@pytest.mark.parametrize("value", [0.5, 1e-4, -1234.0, 7e5])
def test_scores_that_are_all_alike(value: float, mean: nib.Nifti1Image) -> None:
    ax = plot_searchlight(np.full(SHAPE, value), background=mean, chance=value)
    low, high = overlay_of(ax, "z").get_clim()
    assert low < value < high
    assert seen_in(ax, "z").size == SHAPE[0] * SHAPE[1]


@pytest.mark.parametrize("axis", range(3))
def test_an_image_of_one_slice(scores: np.ndarray, axis: int, mean: nib.Nifti1Image) -> None:
    one = np.take(scores, [(5, 3, 4)[axis]], axis)
    background = nib.Nifti1Image(np.take(mean.get_fdata(), [0], axis), AFFINE)
    ax = plot_searchlight(one, background=background, chance=0.5)
    assert cuts_of(ax) == {f"{'xyz'[axis]}=0"}


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_planes_lie_in_the_axes_that_are_given(scores: np.ndarray, layout: Any) -> None:
    figure = Figure(figsize=(8, 4), layout=layout)
    left, right = figure.subplots(1, 2)
    right.set_ylabel("another")
    assert plot_searchlight(image_of(scores), chance=0.5, ax=left, title="Faces") is left
    assert left.get_title() == "Faces"
    figure.draw_without_rendering()
    others = [one for one in axes_of(left) if one not in (left, right)]
    assert len(others) == 4  # three planes and the colour bar
    place = left.get_position()
    for one in others:
        bounds = one.get_position()
        assert bounds.x0 >= place.x0 - 0.01
        assert bounds.x1 <= place.x1 + 0.01
    assert plt.get_fignums() == []


def test_paper_is_dark_where_the_figure_is(scores: np.ndarray) -> None:
    texts = {}
    for paper in ("white", "black"):
        ax = Figure(facecolor=paper).add_subplot(facecolor=paper)
        plot_searchlight(image_of(scores), chance=0.5, ax=ax)
        texts[paper] = {
            text.get_color() for one in axes_of(ax) for text in one.texts if text.get_text() == "L"
        }
    assert texts == {"white": {"k"}, "black": {"w"}}
    with dark():
        ax = plot_searchlight(image_of(scores), chance=0.5)
    assert ax.get_figure(root=True).get_facecolor() == (0, 0, 0, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"display_mode": "ortoh"}, "`display_mode` must be one of"),
        ({"cmpa": "hot"}, "`options` must be those of .* got 'cmpa'; did you mean 'cmap'"),
        ({"output_file": "x.png"}, "`options` must be those of"),
        ({"cmap": "infernal"}, "`cmap` must be a colour map.*did you mean 'inferno'"),
        ({"threshold": 0.4}, r"`threshold` must be a score from chance \(0.5\) up, got 0.4"),
        ({"threshold": "auto"}, "`threshold` must be a score"),
        ({"threshold": np.nan}, "`threshold` must be a score"),
        ({"threshold": np.complex128(1)}, "`threshold` must be a score"),
        ({"chance": "half"}, "`chance` must be a finite number, got 'half'"),
        ({"shown": np.ones((2, 2, 2), bool)}, "`shown` must be an array of bool of the shape"),
        ({"cut_coords": [1000.0], "display_mode": "z"}, "nilearn cannot draw the map"),
        ({"colorbar": "yes"}, "nilearn cannot draw the map"),
        ({"vmax": 0.0}, "`vmin` must be below `vmax`"),
    ],
)
def test_wrong_options_leave_no_figure(
    scores: np.ndarray, mean: nib.Nifti1Image, options: dict[str, Any], message: str
) -> None:
    given = {"background": mean, "chance": 0.5, **options}
    with pytest.raises(ParameterError, match=message):
        plot_searchlight(scores, **given)
    assert plt.get_fignums() == []


def test_wrong_images_leave_no_figure(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    with pytest.raises(ParameterError, match="`background` must be given with an array"):
        plot_searchlight(scores)
    with pytest.raises(MaskError, match="`scores` must hold one volume"):
        plot_searchlight(nib.Nifti1Image(np.zeros((*SHAPE, 2), "f4"), AFFINE))
    with pytest.raises(ImageFileError):
        plot_searchlight(scores, background="missing.nii")
    with pytest.raises(ParameterError, match="must be a path"):
        plot_searchlight(3, background=mean)
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    surface = (vertices, np.array([[0, 1, 2], [1, 3, 2]]))
    data = np.random.default_rng(0).normal(size=(20, 4)).astype("f4")
    light = SearchLight(radius=2.0, estimator="gnb", cv=4, surface=surface)
    light.fit(data, np.tile(["a", "b"], 10))
    with pytest.raises(ParameterError, match="surface"):
        plot_searchlight(light, background=mean)
    assert plt.get_fignums() == []


def test_settings_of_matplotlib_stay(scores: np.ndarray, mean: nib.Nifti1Image) -> None:
    before = dict(mpl.rcParams)
    ax = plot_searchlight(scores, background=mean, chance=0.5)
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == [ax.get_figure(root=True).number]  # type: ignore[union-attr]
