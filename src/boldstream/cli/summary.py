"""``boldstream summary``: mean, standard deviation and tSNR over time, in one pass."""

from __future__ import annotations

from time import perf_counter

from boldstream.cli.console import say_cost
from boldstream.cli.images import write_images
from boldstream.cli.options import Bold, Folder, MemoryLimit, Overwrite, Progress


def summary(
    bold: Bold,
    *,
    output: Folder,
    memory_limit: MemoryLimit = None,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Write the mean, the standard deviation and the tSNR over time as images.

    They are DIR/mean.nii.gz, std.nii.gz and tsnr.nii.gz, all from one pass.

    Example: boldstream summary bold.nii.gz --output out
    """
    started = perf_counter()
    from boldstream.streaming.reductions import TSNR, Mean, Std

    wanted = {"mean.nii.gz": Mean(), "std.nii.gz": Std(), "tsnr.nii.gz": TSNR()}
    write_images(
        bold,
        wanted,
        output,
        overwrite=overwrite,
        memory_limit=memory_limit,
        progress=progress,
    )
    say_cost(started)
