"""`plot_searchlight`: maps of scores over an image, drawn by nilearn."""

from __future__ import annotations

import inspect
import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from nilearn.plotting import plot_stat_map
from numpy.typing import NDArray

from boldstream.core.checks import as_number, did_you_mean, finite_number, one_of
from boldstream.core.errors import ParameterError
from boldstream.core.grid import Grid
from boldstream.io.opening import open_image
from boldstream.io.volume import read_volume
from boldstream.io.writing import as_image
from boldstream.plotting.style import DARK, Palette, check_axes, figure_of, palette_of, palette_on

# Dark to bright, and blue to red about the middle: both for all who see colours otherwise.
_ONE_SIDED, _TWO_SIDED = "inferno", "RdBu_r"
_N_COLOURS, _GREY = 512, (0.5, 0.5, 0.5, 1.0)
_MODES = ("ortho", "x", "y", "z", "xz", "yx", "yz", "mosaic", "tiled")
_OWN = ("stat_map_img", "bg_img", "threshold", "axes", "figure", "output_file", "kwargs")
# nilearn hides values up to the threshold it is given: here what is hidden is exactly 0.
_HIDDEN = 1e-12
_ROUNDING = 2e-7
_LEAST_RANGE = 0.1


@dataclass(frozen=True, eq=False)
class _Map:
    """Scores, where they lie, and which are seen.

    Attributes
    ----------
    values : ndarray, shape (x, y, z)
    grid : Grid
    visible : ndarray of bool, shape (x, y, z)
    centre : float
        Chance, which has the middle of the colours, or their low end.
    two_sided : bool
        Whether there may be scores below it.
    are_scores : bool
        Whether only what is above chance says something, unlike in a map of t.
    distance : float
        From chance; nearer scores are not seen.
    """

    values: NDArray[np.float64]
    grid: Grid
    visible: NDArray[np.bool_]
    centre: float
    two_sided: bool
    are_scores: bool
    distance: float

    @property
    def peak(self) -> tuple[int, int, int]:
        """The visible voxel that says most; the middle one if there is none."""
        if not self.visible.any():
            x, y, z = self.values.shape
            return x // 2, y // 2, z // 2
        effect = self.values - self.centre
        seen = np.where(self.visible, effect if self.are_scores else np.abs(effect), -np.inf)
        x, y, z = np.unravel_index(int(seen.argmax()), seen.shape)
        return int(x), int(y), int(z)


def plot_searchlight(
    scores: Any,
    *,
    background: Any = None,
    threshold: float | None = None,
    chance: float | None = None,
    shown: Any = None,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Draw a map of scores over an image, with chance in the middle of the colours.

    Parameters
    ----------
    scores : fitted SearchLight, FScores, path, nibabel image, or array (x, y, z)
        Of `FScores`, −log10 p. An array lies where the background does. NaN is
        not shown, nor is what lies outside of the process mask; of an image, 0
        is not shown.
    background : path or nibabel image, optional
        Such as the mean of the volumes; by default none.
    threshold : float, optional
        Show what is at least as far from chance as this score: with a chance
        of 0.5 and a threshold of 0.6, scores from 0.6 up and 0.4 down. For a
        map of t, whose chance is 0, it is a threshold of t.
    chance : float, optional
        By default what a `SearchLight` knows, else 0.
    shown : array of bool, shape (x, y, z), optional
        Show these voxels only, such as those with p below 0.05, and of these
        also scores of 0.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.
    **options
        Of `nilearn.plotting.plot_stat_map`: ``display_mode``, ``cut_coords``,
        ``title``, ``cmap``, ``vmin`` and ``vmax`` (scores), ``colorbar``, ...
        Cuts go through the highest score by default, and through the value
        farthest from 0 where no chance is known.

    Returns
    -------
    matplotlib.axes.Axes
        The frame of the planes, which are axes of the same figure.

    Raises
    ------
    ParameterError
        If an option is not known, `threshold` is below chance, or the scores
        are those of a surface.
    ImageFileError, MaskError
        If an image cannot be used.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import nibabel as nib
    >>> scores = np.random.default_rng(0).normal(0.5, 0.05, (8, 8, 8))
    >>> scores[3, 4, 5] = 0.9
    >>> mean = nib.Nifti1Image(np.ones((8, 8, 8), "f4"), np.eye(4))
    >>> ax = plot_searchlight(
    ...     scores, background=mean, chance=0.5, threshold=0.6, display_mode="z"
    ... )
    >>> plt.close(ax.figure)

    Searchlight and F scores over the mean image, as nilearn's example draws them:

    >>> import boldstream as bs
    >>> from boldstream.decoding import SearchLight, f_scores
    >>> data = np.random.default_rng(0).normal(100, 5, (6, 6, 6, 24)).astype("f4")
    >>> y = np.tile(["face", "house"], 12)
    >>> data[3, 3, 3, y == "house"] += 40
    >>> bold = nib.Nifti1Image(data, np.eye(4))
    >>> mask = nib.Nifti1Image(np.ones((6, 6, 6), "u1"), np.eye(4))
    >>> light = SearchLight(mask, radius=1.0, cv=4).fit(bold, y)
    >>> figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    >>> for ax, found in [(left, light), (right, f_scores(bold, y))]:
    ...     _ = plot_searchlight(
    ...         found, background=bs.mean_image(bold), ax=ax, display_mode="z", cut_coords=[3]
    ...     )
    >>> plt.close(figure)
    """
    check_axes(ax)
    _check_options(options)
    found = _map_of(scores, background, chance, shown, threshold)
    arguments = _arguments(found, options)
    if background is not None:
        open_image(background)
    return _draw(found, background, ax, arguments)


def _check_options(options: dict[str, Any]) -> None:
    known = [name for name in inspect.signature(plot_stat_map).parameters if name not in _OWN]
    for name in options:
        if name not in known:
            raise ParameterError(
                f"`options` must be those of nilearn.plotting.plot_stat_map, got {name!r}"
                f"{did_you_mean(name, known)}"
            )
    one_of("display_mode", options.get("display_mode", "ortho"), _MODES)


def _map_of(
    scores: Any, background: Any, chance: float | None, shown: Any, threshold: float | None
) -> _Map:
    values, grid, visible = _values_of(scores, background)
    if chance is None:
        chance = getattr(scores, "chance_", None)
    centre = 0.0 if chance is None else finite_number("chance", chance)
    if shown is not None:
        some = np.asarray(shown)
        if some.dtype != np.bool_ or some.shape != values.shape:
            raise ParameterError(
                f"`shown` must be an array of bool of the shape {values.shape} of the scores, "
                f"got {some.dtype} of shape {some.shape}"
            )
        visible = np.isfinite(values) & some
    are_scores = chance is not None
    two_sided = are_scores or bool((values[visible] < centre).any())
    distance = 0.0 if threshold is None else _distance(threshold, centre)
    visible = visible & (np.abs(values - centre) >= distance)
    return _Map(values, grid, visible, centre, two_sided, are_scores, distance)


def _values_of(scores: Any, background: Any) -> tuple[NDArray[np.float64], Grid, NDArray[np.bool_]]:
    """Scores, their grid, and where there are any."""
    image = getattr(scores, "neg_log10_p_img", getattr(scores, "scores_img_", scores))
    grid = None
    if isinstance(image, np.ndarray):
        if background is None:
            raise ParameterError(
                "`background` must be given with an array of scores, which does not know where it "
                "lies; or give an image"
            )
        grid = open_image(background).series.grid
    volume = read_volume(image, grid, name="scores")
    values = np.array(volume.values, dtype=np.float64)
    inside = getattr(scores, "process_mask_", None)
    visible = np.isfinite(values) & (values != 0 if inside is None else inside)
    return values, volume.grid, visible


def _distance(threshold: Any, centre: float) -> float:
    score = as_number(threshold)
    if not centre <= score < np.inf:
        raise ParameterError(
            f"`threshold` must be a score from chance ({centre:g}) up, got {threshold!r}"
        )
    return score - centre


def _arguments(found: _Map, options: dict[str, Any]) -> dict[str, Any]:
    """What nilearn is asked for: our defaults, and what the caller wants otherwise."""
    given = {name: value for name, value in options.items() if value is not None}
    low, high = _limits(found)
    low = finite_number("vmin", given.get("vmin", low))
    high = finite_number("vmax", given.get("vmax", high))
    if low >= high:
        raise ParameterError(f"`vmin` must be below `vmax`, got {low:g} and {high:g}")
    usual = _TWO_SIDED if found.two_sided else _ONE_SIDED
    mode = given.get("display_mode", _mode_of(found.grid))
    peak = (found.grid.affine @ [*found.peak, 1])[:3]
    return {
        "display_mode": mode,
        "cut_coords": _cuts(mode, peak),
        "symmetric_cbar": False,
        "resampling_interpolation": "nearest",
        "draw_cross": False,
        "cbar_tick_format": "%.3g",
        **given,
        "vmin": low,
        "vmax": high,
        "cmap": _greyed(given.get("cmap", usual), found, low, high),
    }


def _greyed(cmap: Any, found: _Map, low: float, high: float) -> Colormap:
    """Colours in which what is nearer to chance than the threshold is grey, as in nilearn."""
    if isinstance(cmap, str) and cmap not in mpl.colormaps:
        raise ParameterError(
            f"`cmap` must be a colour map of matplotlib, got {cmap!r}"
            f"{did_you_mean(cmap, mpl.colormaps)}"
        )
    whole = mpl.colormaps.get_cmap(cmap)
    colours = whole(np.linspace(0, 1, _N_COLOURS))
    at = np.linspace(low, high, _N_COLOURS)
    colours[np.abs(at - found.centre) < found.distance] = _GREY
    return ListedColormap(colours)


def _limits(found: _Map) -> tuple[float, float]:
    """Where colours begin and end: on both sides of all that is seen, chance in the middle."""
    inside, centre = found.values[found.visible], found.centre
    reach = float(np.abs(inside - centre).max()) if inside.size else 1.0
    # The ends of the colour bar are written with three digits, which must differ.
    reach = max(reach, _LEAST_RANGE * max(abs(centre), 0.01))
    low, high = (centre - reach if found.two_sided else centre), centre + reach
    return _widened(low, -reach), _widened(high, reach)


def _widened(end: float, outwards: float) -> float:
    """An end of the colours a little further out, as nilearn hides in float32 what is beyond."""
    # What is 0 but for rounding would be written as such.
    return (
        0.0
        if abs(end) < _ROUNDING * abs(outwards)
        else end + math.copysign(_ROUNDING * end, outwards)
    )


def _mode_of(grid: Grid) -> str:
    """Three planes, or the one there is of an image with a single slice."""
    return next((axis for axis, n in zip("xyz", grid.shape, strict=True) if n == 1), "ortho")


def _cuts(mode: str, peak: NDArray[np.float64]) -> Any:
    """Planes through the peak; nilearn chooses where there are several of a kind."""
    if mode == "mosaic":
        return None
    if mode in ("ortho", "tiled"):
        return peak.tolist()
    return [float(peak["xyz".index(axis)]) for axis in mode]


def _close_new(before: set[int]) -> None:
    """Close what nilearn opened."""
    for number in set(plt.get_fignums()) - before:
        plt.close(number)


def _settle(ax: Axes, title: str, palette: Palette) -> None:
    """Bring axes to their place, as nilearn puts its planes where they are now."""
    ax.axis("off")
    # Not by nilearn, which writes it over the planes.
    ax.set_title(title, color=palette.ink)
    if figure_of(ax).get_layout_engine() is not None:
        figure_of(ax).draw_without_rendering()


def _draw(found: _Map, background: Any, ax: Axes | None, arguments: dict[str, Any]) -> Axes:
    palette = palette_on(mpl.rcParams["figure.facecolor"]) if ax is None else palette_of(ax)
    if background is None:
        # nilearn looks at the background, and takes white paper where there is none.
        arguments = {"black_bg": palette is DARK, **arguments}
    if not found.visible.any():
        title = arguments.get("title")
        arguments["title"] = f"{title}: nothing to show" if title else "nothing to show"
    if ax is not None:
        _settle(ax, arguments.pop("title", ""), palette)
    # Exactly 0 may be a score: what is hidden is 0, and what is seen is not.
    drawn = np.where(found.visible, np.where(found.values == 0, 2 * _HIDDEN, found.values), 0.0)
    before = set(plt.get_fignums())
    with ExitStack() as undo, catch_warnings():
        # Of nilearn, where nothing is above the threshold: that is written into the title.
        filterwarnings("ignore", "empty mask", UserWarning)
        undo.callback(_close_new, before)
        try:
            display = plot_stat_map(
                as_image(drawn, found.grid, dtype=np.dtype(np.float64)),
                bg_img=background,
                threshold=_HIDDEN,
                axes=ax,
                **arguments,
            )
        except (TypeError, ValueError) as error:
            raise ParameterError(f"nilearn cannot draw the map: {error}") from error
        undo.pop_all()
    frame: Axes = display.frame_axes
    return frame
