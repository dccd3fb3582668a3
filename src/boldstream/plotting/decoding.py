"""`plot_decoding`: scores of regions, of their folds, and of permuted labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean, one_of
from boldstream.core.errors import ParameterError
from boldstream.decoding import Decoding
from boldstream.plotting.style import (
    NOTE_SIZE,
    Palette,
    axes_for,
    check_axes,
    dress,
    plain,
    write_legend,
)

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]

_ALPHA = 0.05
_ROW_INCHES = 0.42
_HIGHEST_INCHES = 60.0
_PERCENTILES = (2.5, 25.0, 75.0, 97.5)
_WIDE, _NARROW = "permuted: 95 %", "50 %"
_SCORINGS = {"r2": "R²", "roc_auc": "area under the ROC curve"}


@dataclass(frozen=True, eq=False)
class _Region:
    """What is drawn in one row."""

    name: str
    score: float
    p: float
    chance: float
    note: str
    folds: Floats
    permuted: Floats


def plot_decoding(
    table: Any,
    *,
    folds: DataFrame | None = None,
    permuted: Any = None,
    target: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the scores of regions: means, folds, permuted labels, chance, and p.

    Parameters
    ----------
    table : Decoding or DataFrame
        What `boldstream.decoding.decode` gives, which has folds and permuted
        scores; or one row for each region with the columns ``roi`` and
        ``score``, and where they are known ``target``, ``p``, ``chance``,
        ``scoring`` and ``note`` (why a region has no score), as a study writes
        them.
    folds : DataFrame, optional
        ``roi``, ``score`` and, of several targets, ``target``: a dot each. For a
        group, the tables of all subjects.
    permuted : DataFrame or mapping of (roi, target) to scores, optional
        Scores of permuted labels, with the columns of `folds`: grey from their
        2.5 % to their 97.5 % quantile, darker from 25 % to 75 %.
    target : str, optional
        Which one to draw, if there are several.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        A row for each region in the order of the table, from the top. p is
        written beside it, in bold below 0.05, and not corrected for their
        number.

    Raises
    ------
    ParameterError
        If a column is missing, there are several targets and none is chosen, or
        a region has more than one row.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from boldstream.decoding import decode
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile(["face", "house"], 12)
    >>> v1, ffa = rng.normal(size=(2, 24, 5))
    >>> ffa[y == "face"] += 1
    >>> found = decode({"V1": v1, "FFA": ffa}, y, cv=4, permutations=30)
    >>> ax = plot_decoding(found)
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xlabel()
    (['V1', 'FFA'], 'accuracy')
    >>> plt.close(ax.figure)
    """
    check_axes(ax)
    if not hasattr(table, "columns"):
        table, folds, permuted = _parts_of(table, folds, permuted)
    rows, name = _rows_of(table, target)
    regions = _regions_of(rows, _by_region("folds", folds, name), _nulls(permuted, name))
    height = min(1.3 + _ROW_INCHES * len(regions), _HIGHEST_INCHES)
    with axes_for(ax, width=7.2, height=height) as drawn:
        palette = dress(drawn, grid="x")
        _draw(drawn, regions, _dot_of(folds), palette)
        drawn.set_xlabel(_scoring_of(rows))
        if name is not None:
            drawn.set_title(plain(name), loc="left", color=palette.ink)
    return drawn


def _parts_of(found: Any, folds: Any, permuted: Any) -> tuple[DataFrame, DataFrame, Any]:
    if not isinstance(found, Decoding):
        raise ParameterError(
            "`table` must be what boldstream.decoding.decode gives or a data frame, "
            f"got {type(found).__name__}"
        )
    for name, given in (("folds", folds), ("permuted", permuted)):
        if given is not None:
            raise ParameterError(f"`{name}` must be None where `table` is a Decoding, which has it")
    return found.table, found.folds, found.permuted


def _rows_of(table: DataFrame, target: str | None) -> tuple[DataFrame, str | None]:
    """Rows of one target, and its name if it has one."""
    _check_columns("table", table, ("roi", "score"))
    if not len(table):
        raise ParameterError("`table` must have at least one row, got none")
    if "target" in table.columns:
        names = list(dict.fromkeys(table["target"].astype(str)))
        if target is None and len(names) > 1:
            raise ParameterError(f"`target` must be given, as there are {', '.join(names)}")
        target = names[0] if target is None else one_of("target", target, names)
        table = table[table["target"].astype(str) == target]
    elif target is not None:
        raise ParameterError(f"`table` must have a column target to choose {target!r} from")
    twice = table["roi"][table["roi"].duplicated()]
    if len(twice):
        raise ParameterError(
            f"`table` must have one row for each region, got more of {twice.iloc[0]!r}; choose one "
            "subject or one analysis first"
        )
    return table, target


def _by_region(name: str, table: DataFrame | None, target: str | None) -> dict[str, Floats]:
    """Scores of each region, of one target."""
    if table is None:
        return {}
    _check_columns(name, table, ("roi", "score"))
    if target is not None and "target" in table.columns:
        table = table[table["target"].astype(str) == target]
    try:
        return {
            str(roi): scores.to_numpy(np.float64)
            for roi, scores in table.groupby("roi", sort=False)["score"]
        }
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`{name}` must hold numbers in score: {error}") from error


def _nulls(permuted: Any, target: str | None) -> dict[str, Floats]:
    if not isinstance(permuted, Mapping):
        return _by_region("permuted", permuted, target)
    return {
        str(roi): np.asarray(scores, np.float64)
        for (roi, of), scores in permuted.items()
        if target is None or str(of) == target
    }


def _check_columns(name: str, table: Any, needed: tuple[str, ...]) -> None:
    present = [str(column) for column in getattr(table, "columns", ())]
    for column in needed:
        if column not in present:
            raise ParameterError(
                f"`{name}` must be a data frame with the columns {' and '.join(needed)}, "
                f"got no {column}{did_you_mean(column, present)}"
            )


def _regions_of(
    rows: DataFrame, folds: Mapping[str, Floats], permuted: Mapping[str, Floats]
) -> list[_Region]:
    nothing = np.empty(0)
    return [
        _Region(
            roi := str(row["roi"]),
            _number("score", row["score"]),
            _number("p", row.get("p")),
            _number("chance", row.get("chance")),
            row["note"] if isinstance(row.get("note"), str) else "",
            _finite(folds.get(roi, nothing)),
            _finite(permuted.get(roi, nothing)),
        )
        for row in rows.to_dict("records")
    ]


def _dot_of(folds: DataFrame | None) -> str:
    """What one of the dots is: a fold, or in a table of a group a subject."""
    columns = ["fold"] if folds is None else list(folds.columns)
    kind = next((one for one in ("fold", "subject") if one in columns), "score")
    return f"one {kind}"


def _number(name: str, value: Any) -> float:
    try:
        return np.nan if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"`table` must hold numbers in {name}, got {value!r}") from error


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _scoring_of(rows: DataFrame) -> str:
    """What the scores are: a name that all rows share, or just scores."""
    names = set(rows["scoring"]) if "scoring" in rows.columns else set()
    name = str(names.pop()) if len(names) == 1 else "score"
    return _SCORINGS.get(name, name.replace("_", " "))


def _draw(ax: Axes, regions: Sequence[_Region], dot: str, palette: Palette) -> None:
    for y, region in enumerate(regions):
        _draw_null(ax, y, region.permuted, palette)
        _draw_scores(ax, y, region, dot, palette)
        _write_p(ax, y, region, palette)
    _draw_chance(ax, regions, palette)
    ax.set_yticks(range(len(regions)), [plain(region.name) for region in regions])
    ax.set_ylim(len(regions) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    write_legend(ax, palette, ("mean", dot, "chance", _WIDE, _NARROW))


def _draw_null(ax: Axes, y: int, permuted: Floats, palette: Palette) -> None:
    """The middle 95 % of the permuted scores, and in it the middle half."""
    if not permuted.size:
        return
    low, first, third, high = np.percentile(permuted, _PERCENTILES)
    height: Any = {"height": 0.62, "zorder": 1.5}
    ax.barh(y, high - low, left=low, color=palette.faint, label=_WIDE, **height)
    ax.barh(y, third - first, left=first, color=palette.middle, label=_NARROW, **height)


def _draw_scores(ax: Axes, y: int, region: _Region, dot: str, palette: Palette) -> None:
    dots, mean = palette.colours[:2]
    n = len(region.folds)
    if n:
        places = y + (np.linspace(-0.2, 0.2, n) if n > 1 else np.zeros(1))
        ax.plot(*(region.folds, places, "o"), color=dots, markersize=4, label=dot, zorder=3)
    if np.isfinite(region.score):
        style: Any = {"markersize": 9, "markeredgecolor": palette.ink, "zorder": 4}
        ax.plot(*(region.score, y, "D"), color=mean, label="mean", **style)


def _draw_chance(ax: Axes, regions: Sequence[_Region], palette: Palette) -> None:
    known = [(y, one.chance) for y, one in enumerate(regions) if np.isfinite(one.chance)]
    if known:
        at, chances = np.array(known).T
        # A piece in each row: they are one line where chance is the same.
        ax.vlines(
            *(chances, at - 0.5, at + 0.5),
            color=palette.ink,
            linestyle=(0, (4, 2)),
            linewidth=1.1,
            label="chance",
            zorder=2.5,
        )


def _write_p(ax: Axes, y: int, region: _Region, palette: Palette) -> None:
    text = region.note or "no score"
    if np.isfinite(region.score):
        text = _p_text(region.p) if np.isfinite(region.p) else ""
    ax.annotate(
        text,
        (1.02, y),
        xycoords=ax.get_yaxis_transform(),
        ha="left",
        va="center",
        color=palette.ink,
        fontsize=NOTE_SIZE,
        fontweight="bold" if region.p < _ALPHA else "normal",
        annotation_clip=False,
    )


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
