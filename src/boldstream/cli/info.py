"""``boldstream info``: what the headers of images say."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from boldstream.cli.console import say
from boldstream.cli.errors import report
from boldstream.core.budget import format_bytes
from boldstream.core.errors import BoldstreamError

if TYPE_CHECKING:
    from boldstream.io.describing import Description


def info(
    ctx: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Images.", show_default=False)
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list of objects, for other programs.")
    ] = False,
) -> None:
    """Say what images hold and how they would be read, from their headers alone.

    Example: boldstream info sub-01_task-rest_bold.nii.gz
    """
    from boldstream.io.describing import describe_image

    found = []
    for path in files:
        try:
            found.append(describe_image(path))
        except BoldstreamError as error:
            report(error, ctx)
            continue
        if not as_json:
            _show(found[-1])
    if as_json:
        typer.echo(json.dumps([_facts(description) for description in found], indent=2))
    if len(found) < len(files):
        raise typer.Exit(1)


def _show(image: Description) -> None:
    say(image.path)
    for name, value in _rows(image).items():
        typer.echo(f"  {name:<12} {value}")


def _rows(image: Description) -> dict[str, str]:
    series, affine = image.series, image.series.grid.affine
    order = {">": ", big-endian", "<": ", little-endian"}.get(image.dtype.str[0], "")
    return {
        "kind": image.kind,
        "shape": " × ".join(str(n) for n in image.shape),
        "volumes": str(series.n_volumes),
        "TR": "not given" if series.tr is None else f"{series.tr:g} s",
        "stored as": f"{image.dtype.name}{order}, {_scaling(image)}",
        "voxel size": " × ".join(f"{size:.4g}" for size in series.grid.voxel_sizes) + " mm",
        "orientation": image.orientation,
        "affine": "; ".join(" ".join(f"{value:g}" for value in row) for row in affine[:3] + 0.0),
        "size": f"{format_bytes(image.stored_bytes)} on disk, "
        f"{format_bytes(image.decoded_bytes)} decoded",
        "read": image.how,
    }


def _scaling(image: Description) -> str:
    if image.scaling is None:
        return "scaled volume by volume or slice by slice"
    if image.scaling.is_identity:
        return "not scaled"
    return f"scaled by {image.scaling.slope:g}, plus {image.scaling.inter:g}"


def _facts(image: Description) -> dict[str, Any]:
    series, scaling = image.series, image.scaling
    return {
        "path": image.path,
        "kind": image.kind,
        "shape": image.shape,
        "n_volumes": series.n_volumes,
        "t_r": series.tr,
        "dtype": image.dtype.str,
        "scaling": None if scaling is None else asdict(scaling),
        "voxel_sizes": series.grid.voxel_sizes,
        "orientation": image.orientation,
        "affine": series.grid.affine.tolist(),
        "stored_bytes": image.stored_bytes,
        "decoded_bytes": image.decoded_bytes,
        "how": image.how,
    }
