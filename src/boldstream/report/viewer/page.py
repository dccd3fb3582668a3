"""The page of a map: pictures, values and scripts in one file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from boldstream.report.viewer.canvas import TIE, Canvas
from boldstream.report.viewer.sprites import Sprites
from boldstream.report.viewer.stat_map import StatMap
from boldstream.report.viewer.texts import limits_of, note_of


@cache
def templates() -> Environment:
    """Templates of the viewer; they escape all that they are given."""
    return Environment(
        loader=PackageLoader("boldstream.report.viewer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_of(
    stat_map: StatMap,
    canvas: Canvas,
    sprites: Sprites,
    *,
    title: str,
    labels: list[str],
    unit: str,
) -> str:
    """HTML of a whole page.

    Parameters
    ----------
    stat_map, canvas, sprites
    title : str
    labels : list of str
        Of the thresholds, one for each overlay.
    unit : str
    """
    # It would read values back from colours, and draw lines as thick as voxels: the page's own
    # script does both.
    ours = {"nanValue": True, "title": False, "crosshair": False}
    view = {
        "params": {**sprites.params, **ours},
        "shape": canvas.grid.shape,
        "affine": canvas.grid.affine[:3].tolist(),
        "voxel": canvas.to_voxel.tolist(),
        "mapShape": canvas.map_shape,
        "tie": TIE,
        "unit": unit,
        **packed(canvas.take(stat_map.values, fill=np.nan)),
    }
    # The page may not hang on fonts, pictures or scripts of elsewhere.
    script = files("nilearn").joinpath("_assets", "js", "brainsprite.min.js").read_text("utf-8")
    return (
        templates()
        .get_template("page.html")
        .render(
            title=title,
            labels=labels,
            unit=unit,
            note=note_of(stat_map, canvas),
            view=view,
            sprites=sprites,
            space=stat_map.space,
            limits=limits_of(stat_map, unit),
            brainsprite=script,
        )
    )


def packed(values: NDArray[np.float32]) -> dict[str, str]:
    """Pack values so that those without, and zeros, take a bit each, as base64.

    Parameters
    ----------
    values : ndarray of float32, shape (x, y, z)

    Returns
    -------
    dict
        ``known`` and ``unknown``, bits in Fortran order with the lowest
        first: where there is a value other than 0, and where there is NaN;
        ``values``, the known ones as little-endian float32.
    """
    flat = values.ravel(order="F")
    unknown = np.isnan(flat)
    known = ~unknown & (flat != 0)
    return {
        "known": _base64(np.packbits(known, bitorder="little")),
        "unknown": _base64(np.packbits(unknown, bitorder="little")),
        "values": _base64(flat[known].astype("<f4")),
    }


def _base64(array: NDArray[Any]) -> str:
    return b64encode(array.tobytes()).decode("ascii")
