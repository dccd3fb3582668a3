"""How good the images of a subject are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.core.errors import TableError
from boldstream.io.volume import Volume, read_volume
from boldstream.io.writing import as_image
from boldstream.plotting import plot_carpet
from boldstream.report.blocks import Block, Picture, listed, make_table, number, table_of
from boldstream.report.drawings import MOTION, draw_design, draw_motion, draw_slices
from boldstream.report.frames import gather, read_frame
from boldstream.report.pictures import as_picture, new_figure
from boldstream.report.results import Unit, read_json
from boldstream.signal.quality import HIGH_MOTION, Carpet

STEP = "quality"
_HEADINGS = ("run", "volumes", "mean tSNR", "mean DVARS", "mean FD (mm)", "volumes moved")
_COLUMNS = ("label", "n_volumes", "mean_tsnr", "mean_dvars", "mean_fd", "n_high_motion")
_BRIGHTEST = 99.0


def quality_blocks(units: list[Unit]) -> list[Block]:
    """Numbers of all runs, then pictures of each."""
    blocks: list[Block] = []
    for unit in units:
        summary = read_summary(unit)
        if summary is None:
            continue
        runs = summary["runs"]
        blocks.append(make_table(_explained(), _HEADINGS, [_row(run) for run in runs]))
        for run in runs:
            blocks += _pictures(unit, str(run.get("label") or ""), summary.get("t_r"))
    return blocks


def coverage_blocks(units: list[Unit]) -> list[Block]:
    """How much of each region has data."""
    table = gather(units, "coverage.tsv", "roi", "n_voxels", "n_with_data", "share")
    if table.empty:
        return []
    low = table.loc[table["share"] < 1, "roi"].tolist()
    told = f"{listed(low)} lack{'s' if len(low) == 1 else ''} some" if low else "none lacks any"
    names = {
        "roi": "region",
        "n_voxels": "voxels",
        "n_with_data": "with data",
        "share": "share with data",
    }
    caption = f"Voxels of each region that have data, and data that vary, in every run: {told}."
    return [table_of(table, caption, names)]


def read_summary(unit: Unit) -> Mapping[str, Any] | None:
    """Numbers of each run of a subject, if its quality was looked at."""
    for path in unit.find("_quality.json"):
        found = read_json(path)
        if not isinstance(found.get("runs"), list):
            raise TableError(f"{path} is damaged: it holds no runs")
        return found
    return None


def _explained() -> str:
    return (
        "Numbers of each run. tSNR is the mean over time by its standard deviation, over the mask; "
        "FD is framewise displacement, and volumes moved are those with more than "
        f"{HIGH_MOTION:g} mm of it."
    )


def _row(run: Mapping[str, Any]) -> list[Any]:
    label, *values = (run.get(name) for name in _COLUMNS)
    return [label or "the only run", *values]


def _pictures(unit: Unit, label: str, t_r: float | None) -> list[Block]:
    run = label or "the run"
    start = f"desc-quality_{label}_" if label else "desc-quality_"
    found: list[Block] = []
    mean, tsnr = (unit.find(f"{start}{name}.nii.gz") for name in ("mean", "tsnr"))
    if mean and tsnr:
        found.append(_slices(mean[0], tsnr[0], run))
    volumes = unit.find(f"{start}volumes.tsv")
    carpet = unit.find(f"{start}carpet.npy")
    if volumes and carpet:
        found += _over_time(volumes[0], carpet[0], run, t_r)
    for path in unit.find(f"{start}design.tsv"):
        found.append(_design(path, run))
    return found


def _slices(mean: Path, tsnr: Path, run: str) -> Picture:
    volumes = {
        f"mean image, {run}": read_volume(mean, None, name=str(mean)),
        f"tSNR, {run}": read_volume(tsnr, None, name=str(tsnr)),
    }
    images = {title: as_image(one.values, one.grid) for title, one in volumes.items()}
    middles = {title: _middle(one) for title, one in volumes.items()}
    limits = {title: high for title, (_, _, high) in middles.items()}
    (_, bright, _), (low, middle, high) = middles.values()
    alt = (
        f"Axial slices of the mean image and of the tSNR of {run}. Median of the mean image "
        f"{number(bright)}, of the tSNR {number(middle)}; the tSNR lies from {number(low)} to "
        f"{number(high)} in 98 % of voxels."
    )
    figure = new_figure(4.0)
    draw_slices(figure, images, limits)
    return as_picture(figure, alt, f"Mean over time and temporal signal-to-noise ratio, {run}.")


def _middle(volume: Volume) -> tuple[float, float, float]:
    """1st, 50th and 99th percentile of the voxels that are not empty."""
    values = np.asarray(volume.values, np.float64)
    some = values[np.isfinite(values) & (values != 0)]
    if not some.size:
        return 0.0, 0.0, 1.0
    low, middle, high = np.percentile(some, [100 - _BRIGHTEST, 50, _BRIGHTEST])
    return float(low), float(middle), float(high) or 1.0


def _over_time(volumes: Path, carpet: Path, run: str, t_r: float | None) -> list[Block]:
    table = read_frame(volumes, "dvars", "framewise_displacement")
    displacement = table["framewise_displacement"].to_numpy(np.float64)
    fd = None if np.isnan(displacement).all() else displacement
    found = Carpet(_array(carpet), table["dvars"].to_numpy(np.float64), fd, t_r)
    blocks: list[Block] = [_carpet(found, run)]
    if set(MOTION) <= set(table):
        figure = new_figure(3.6)
        draw_motion(figure, table, t_r)
        spans = [f"{name} {number(np.ptp(table[name].dropna()))}" for name in MOTION]
        alt = f"Motion of the head in {run}; ranges: {', '.join(spans)} (mm and rad)."
        blocks.append(as_picture(figure, alt, f"Motion of the head, {run}."))
    return blocks


def _array(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as an array: {error}") from error


def _carpet(carpet: Carpet, run: str) -> Picture:
    rows, n = carpet.values.shape
    dvars = carpet.dvars[np.isfinite(carpet.dvars)]
    told = f"DVARS of median {number(np.median(dvars))}, at most {number(dvars.max())}"
    fd = carpet.framewise_displacement
    if fd is not None:
        moved = int(np.count_nonzero(fd > HIGH_MOTION))
        told += (
            f"; framewise displacement of mean {number(np.nanmean(fd))} mm, at most "
            f"{number(np.nanmax(fd))} mm, above {HIGH_MOTION:g} mm in {moved} volumes"
        )
    alt = f"Carpet of {rows} voxels over {n} volumes of {run}; {told}."
    caption = (
        f"Carpet, {run}: each row is a voxel of the mask, grey its change over time (z-scores); "
        f"above it, what changed from volume to volume. {told[0].upper()}{told[1:]}."
    )
    figure = new_figure(4.6)
    plot_carpet(carpet, ax=figure.add_subplot())
    return as_picture(figure, alt, caption)


def _design(path: Path, run: str) -> Picture:
    design = read_frame(path)
    design = design.set_index("frame_time") if "frame_time" in design else design
    names = [str(name) for name in design]
    size = f"{len(design)} volumes by {len(names)} regressors"
    alt = f"Design matrix of {run}: {size}, {listed(names)}."
    figure = new_figure(5.0, width=min(8.6, 2.5 + 0.28 * len(names)))
    draw_design(figure, design)
    return as_picture(figure, alt, f"Design matrix, {run}: a row for each volume.")
