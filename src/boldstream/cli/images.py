"""Images out of one pass, for the commands that make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from boldstream.cli.console import say
from boldstream.cli.options import repeat_hint, show_progress
from boldstream.core.errors import GridMismatchError, ParameterError

if TYPE_CHECKING:
    from boldstream.io.source import VolumeSource
    from boldstream.streaming.reduction import Reduction


def open_runs(bold: Sequence[Path], masks: Sequence[object]) -> VolumeSource:
    """Open the images of a command that takes several masks.

    Raises
    ------
    BoldstreamError
        As `open_image`; where masks may be among the images, because a shell
        has expanded ``--mask *.nii.gz``, it says how to give them.
    """
    from boldstream.io.opening import open_image

    try:
        return open_image(bold)
    except (ParameterError, GridMismatchError) as error:
        if not masks:
            raise
        raise type(error)(f"{error}{repeat_hint(['--mask'])}") from error


def write_images(
    bold: Sequence[Path],
    wanted: Mapping[str, Reduction],
    folder: Path,
    *,
    overwrite: bool,
    memory_limit: str | None,
    progress: bool,
) -> None:
    """Write one 3-D image for each reduction, by file name: all of them or none."""
    from boldstream.api import stream
    from boldstream.io.opening import open_image
    from boldstream.io.writing import Outputs, write_volume

    with Outputs(folder, list(wanted), overwrite=overwrite, inputs=bold) as outputs:
        source = open_image(bold)
        grid = source.series.grid
        reductions, drawn = wanted.values(), show_progress(progress)
        results = stream(source, *reductions, memory_limit=memory_limit, progress=drawn)
        for file, values in zip(wanted, results, strict=True):
            write_volume(outputs[file], values.reshape(grid.shape), grid)
    for file in wanted:
        say(str(folder / file), " × ".join(str(n) for n in grid.shape))
