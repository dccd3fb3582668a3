"""`plot_carpet`: a run at a glance, with what moved and changed above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike, NDArray

from boldstream.core.checks import positive_number
from boldstream.core.errors import ParameterError
from boldstream.plotting.style import (
    LINE_HEIGHT,
    NOTE_SIZE,
    Palette,
    axes_for,
    check_axes,
    dress,
    reserve_above,
    write_note,
)
from boldstream.signal.quality import HIGH_MOTION, Carpet, carpet_of

# Standard deviations where grey ends, as Power (2017) draws them.
_GREY = 2.0
_FD = "FD\n(mm)"
# Of the height of the carpet: from one trace to the next, and what is empty of that.
_STEP, _GAP = 0.26, 0.035


def plot_carpet(
    carpet: Any,
    *,
    ax: Axes | None = None,
    mask: Any = None,
    confounds: Any = None,
    t_r: float | None = None,
) -> Axes:
    """Draw voxels over time in grey, with DVARS and framewise displacement above.

    Parameters
    ----------
    carpet : Carpet, path, nibabel image, or list of runs
        An image is read once.
    ax : matplotlib Axes, optional
        Where to draw, shared out among the parts; by default a new figure.
    mask : path, image or boolean array, optional
        Voxels of an image that are looked at.
    confounds : path, data frame, array, list of these, or "fmriprep", optional
        Motion of an image, as `boldstream.signal.quality.carpet_of` takes it.
    t_r : float, optional
        Repetition time in seconds; by default that of the carpet. Where it is
        not known, the axis counts volumes.

    Returns
    -------
    matplotlib.axes.Axes
        Of the carpet. The traces are its first ``child_axes``: DVARS, and
        above it framewise displacement, where volumes that moved by more than
        0.5 mm have a marker.

    Raises
    ------
    ParameterError
        If `mask` or `confounds` is given with a `Carpet`, which has them.
    ImageFileError, GridMismatchError, MaskError, TableError, MemoryBudgetError
        As of `carpet_of`.

    References
    ----------
    J. D. Power, "A simple but useful way to assess fMRI scan qualities",
    NeuroImage 154, 2017.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import nibabel as nib
    >>> data = np.random.default_rng(0).normal(100, 5, (6, 6, 6, 40)).astype("f4")
    >>> ax = plot_carpet(nib.Nifti1Image(data, np.eye(4)), mask=data[..., 0] > 100, t_r=2)
    >>> ax.get_xlabel(), ax.child_axes[0].get_ylabel()
    ('time (s)', 'DVARS')
    >>> plt.close(ax.figure)
    """
    check_axes(ax)
    found = _carpet_of(carpet, mask, confounds, t_r)
    seconds = found.t_r if t_r is None else positive_number("t_r", t_r, unit="s")
    traces = [(found.dvars, "DVARS")]
    if found.framewise_displacement is not None:
        traces.append((found.framewise_displacement, _FD))
    with axes_for(ax, width=9.0, height=4.0 + 0.9 * len(traces)) as drawn:
        _draw_traces(drawn, traces, np.arange(found.values.shape[1]) * (seconds or 1))
        _draw_carpet(drawn, found.values, seconds)
    return drawn


def _carpet_of(carpet: Any, mask: Any, confounds: Any, t_r: float | None) -> Carpet:
    if not isinstance(carpet, Carpet):
        return carpet_of(carpet, mask, confounds=confounds, t_r=t_r)
    for name, given in (("mask", mask), ("confounds", confounds)):
        if given is not None:
            raise ParameterError(
                f"`{name}` must be None where a Carpet is given, which is made of them; give the "
                "image to use others"
            )
    if carpet.values.ndim != 2 or not carpet.values.size:
        raise ParameterError(
            f"`carpet` must hold values (rows, volumes), got shape {carpet.values.shape}"
        )
    return carpet


def _draw_carpet(ax: Axes, values: NDArray[Any], seconds: float | None) -> None:
    n_rows, n_volumes = values.shape
    step = seconds or 1.0
    image = ax.imshow(
        values,
        cmap="gray",
        vmin=-_GREY,
        vmax=_GREY,
        aspect="auto",
        interpolation="nearest",
        # The middle of a volume lies at its time.
        extent=(-step / 2, (n_volumes - 0.5) * step, n_rows - 0.5, -0.5),
    )
    palette = dress(ax)
    ax.set_xlabel("time (s)" if seconds else "volume")
    ax.set_ylabel(f"{n_rows} voxels")
    ax.set_yticks([])
    # In the axes, so that they need no room beside them, where the traces have none.
    scale = ax.inset_axes((1.012, 0.0, 0.014, 1.0))
    bar = ax.figure.colorbar(image, cax=scale, ticks=[-_GREY, 0, _GREY])
    bar.ax.tick_params(colors=palette.ink, labelsize=NOTE_SIZE)
    bar.set_label("z", color=palette.ink, rotation=0, labelpad=0)
    bar.outline.set_visible(False)


def _draw_traces(ax: Axes, traces: list[tuple[Any, str]], times: NDArray[Any]) -> None:
    ax.set_axes_locator(_LowerPart(ax, 1 / (1 + _STEP * len(traces))))
    for i, (values, name) in enumerate(traces):
        trace = ax.inset_axes((0, 1 + _GAP + _STEP * i, 1, _STEP - _GAP), sharex=ax)
        palette = dress(trace, grid="y")
        colour = palette.colours[i]
        trace.plot(times, values, color=colour, linewidth=1.1)
        trace.tick_params(labelbottom=False, labelsize=NOTE_SIZE)
        trace.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
        trace.set_ylabel(name, fontsize=NOTE_SIZE)
        if name == _FD:
            _mark_motion(trace, times, values, palette, colour)
            reserve_above(ax, LINE_HEIGHT, top=trace)


@dataclass(frozen=True)
class _LowerPart:
    """Leaves the upper part of the place of axes free, wherever a layout puts them."""

    axes: Axes
    share: float

    def __call__(self, ax: Any, renderer: Any) -> Bbox:
        del renderer
        x, y, width, height = ax.get_position(original=True).bounds
        return Bbox.from_bounds(x, y, width, height * self.share)

    def get_subplotspec(self) -> Any:
        """What matplotlib's tight layout asks a locator for."""
        return self.axes.get_subplotspec()


def _mark_motion(
    ax: Axes, times: NDArray[Any], displacement: ArrayLike, palette: Palette, colour: str
) -> None:
    values = np.asarray(displacement, dtype=np.float64)
    high = values > HIGH_MOTION
    ax.axhline(HIGH_MOTION, color=palette.ink, linestyle="--", linewidth=0.9)
    ax.plot(
        *(times[high], values[high], "v"),
        color=colour,
        markeredgecolor=palette.ink,
        markeredgewidth=0.6,
        markersize=5,
    )
    ax.set_ylim(bottom=0)
    note = f"{high.sum()} of {len(values)} volumes above {HIGH_MOTION:g} mm"
    write_note(ax, note, palette, at=(1, 1), va="bottom")
