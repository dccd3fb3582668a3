"""
Many masks of one long run
==========================

You have a long run and some regions, and want the time course of every voxel of each region.
nilearn's example *Working with long time series fMRI images* asks what that costs in memory when
four jobs work in parallel, and compares four ways. Here is the same question with a fifth: read the
image once, in order, and let all regions share that one decode.

The other ways hold the image, once or once for each job. The time courses of a region are a small
part of it, and all that has to be held.
"""

# %%
# The data
# --------
# By default a run of 120 volumes is made up, on the grid of the original example (3 mm), with four
# masks. ``BOLDSTREAM_EXAMPLES=fetch`` takes what that example takes: six subjects of the ADHD data
# set as one run, and the first regions of the BASC atlas.

import os
import tempfile
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from nilearn.image import load_img
from nilearn.maskers import NiftiMasker

import boldstream as bs
from boldstream.plotting import plot_bars
from boldstream.simulate.head import make_head, make_regions
from boldstream.simulate.images import write_bold, write_masks

folder = tempfile.TemporaryDirectory()
bold = Path(folder.name, "bold.nii.gz")


def make():
    head = make_head()
    write_bold(bold, head, 120)
    return write_masks(folder.name, make_regions(head, 64), head.grid, n_masks=4)


def fetch():
    from nilearn import datasets, image

    image.concat_imgs(datasets.fetch_adhd(n_subjects=6).func).to_filename(bold)
    atlas = datasets.fetch_atlas_basc_multiscale_2015(resolution=64).maps
    atlas = image.resample_to_img(atlas, bold, interpolation="nearest")
    paths = [Path(folder.name, f"mask_{label}.nii.gz") for label in range(1, 5)]
    for label, path in enumerate(paths, start=1):
        image.math_img(f"(img == {label}).astype('u1')", img=atlas).to_filename(path)
    return paths


source = os.environ.get("BOLDSTREAM_EXAMPLES", "make")
masks = {"make": make, "fetch": fetch}[source]()
series = bs.open_image(bold).series
print(f"data: {source}; {series.n_volumes} volumes of {series.grid.shape} voxels, {series.dtype}")

# %%
# Four ways that load the image
# -----------------------------
# :class:`~nilearn.maskers.NiftiMasker` given paths, so that each job reads the file; given images
# that were loaded before; numpy indexing of the loaded array; and the same with the array in shared
# memory.


def masked(image, mask):
    return NiftiMasker(mask_img=mask, standardize=None).fit_transform(image)


def indexed(data, mask):
    return data[mask].T


def in_parallel(function, image, each):
    return Parallel(n_jobs=4)(delayed(function)(image, mask) for mask in each)


def shared_memory():
    data = load_img(bold).get_fdata()
    block = SharedMemory(create=True, size=data.nbytes)
    shared = np.ndarray(data.shape, data.dtype, buffer=block.buf)
    shared[...] = data
    del data
    found = in_parallel(indexed, shared, arrays)
    del shared
    block.close()
    block.unlink()
    return found


arrays = [bs.load_mask(mask) for mask in masks]
ways = {
    "NiftiMasker, paths": lambda: in_parallel(masked, bold, masks),
    "NiftiMasker, in memory": lambda: in_parallel(masked, load_img(bold), map(load_img, masks)),
    "numpy indexing": lambda: in_parallel(indexed, load_img(bold).get_fdata(), arrays),
    "SharedMemory": shared_memory,
}

# %%
# The fifth is :func:`boldstream.extract`, which takes all masks at once. What it will hold is known
# before anything is read: the time courses, and a block of a few volumes.

ways["one pass"] = lambda: list(bs.extract(bold, list(masks)).values())
print(bs.plan(bold, *(bs.Voxels(mask) for mask in masks)))

# %%
# Memory and time
# ---------------
# :class:`boldstream.MemoryMonitor` watches this process and the jobs that it starts. A page that
# several of them share counts once. The peak is given above what was held before, and all ways must
# find the same time courses.


def measure(way):
    with bs.MemoryMonitor(interval=0.02) as monitor:
        monitor.log_memory_usage("begin")
        began = time.perf_counter()
        found = way()
        seconds = time.perf_counter() - began
    get_reusable_executor().shutdown(wait=True)
    held = [sample.process_gb for sample in monitor.timeline]
    return found, seconds, 2**30 * (max(held) - held[0])


ours, seconds, peaks = ways["one pass"](), {}, {}
for name, way in ways.items():
    found, seconds[name], peaks[name] = measure(way)
    for mine, theirs in zip(ours, found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    print(f"{name:24} {seconds[name]:6.2f} s {peaks[name] / 2**20:6.0f} MiB")

_, axes = plt.subplots(1, 2, figsize=(11, 3), layout="constrained")
plot_bars(peaks, unit="bytes", label="peak memory", highlight="one pass", ax=axes[0])
plot_bars(seconds, unit="seconds", label="time", highlight="one pass", ax=axes[1])

# %%
# Each of the four ways holds the image, and most of them several times; the pass holds what comes
# out. The means of an atlas and the tSNR would have come from the same pass. Filters, confounds and
# smoothing are options of :func:`boldstream.extract`, and, under nilearn's own names, of
# :class:`boldstream.maskers.NiftiMasker`.

folder.cleanup()
