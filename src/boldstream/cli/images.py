"""Images out of one pass, for the commands that make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from boldstream.cli.console import say
from boldstream.cli.options import show_progress

if TYPE_CHECKING:
    from boldstream.streaming.reduction import Reduction


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
