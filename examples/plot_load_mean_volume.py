"""
Load, mean, and one volume
==========================

Three things that every look at a run begins with: open it, take its mean over time, take one
volume. nilearn's chapter *Optimizing performance of neuroimaging workflows* measures them, and
shows that it matters whether an image is a *proxy*, which only knows where its data lie, or holds
them in memory. Its mean needs all data in memory at once.

A mean needs no such thing: it needs a sum. Here are the same three with nilearn and nibabel, and
with boldstream, which reads volumes in order and forgets each one.
"""

# %%
# The data
# --------
# A run of 200 volumes is made up, 3 mm, float32, compressed. ``BOLDSTREAM_EXAMPLES=fetch`` takes
# the run of a child that watched a film, from OpenNeuro's ds000228.

import os
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from nilearn.image import index_img, load_img, mean_img

import boldstream as bs
from boldstream.plotting import plot_bars
from boldstream.simulate.head import make_head
from boldstream.simulate.images import write_bold

folder = tempfile.TemporaryDirectory()


def make():
    path = Path(folder.name, "bold.nii.gz")
    write_bold(path, make_head(), 200)
    return path


def fetch():
    from nilearn import datasets

    return Path(datasets.fetch_development_fmri(n_subjects=1).func[0])


source = os.environ.get("BOLDSTREAM_EXAMPLES", "make")
bold = {"make": make, "fetch": fetch}[source]()
series = bs.open_image(bold).series
size = series.n_volumes * series.grid.n_voxels * 4 / 2**20
print(
    f"data: {source}; {series.n_volumes} volumes of {series.grid.shape}, {size:.0f} MiB as float32"
)

# %%
# What a call costs
# -----------------
# Seconds, and the most memory above what was held before the call, seen by
# :class:`boldstream.MemoryMonitor`. The first call of each is not measured: it would load modules.


def measure(call):
    call()
    with bs.MemoryMonitor(interval=0.01) as monitor:
        monitor.log_memory_usage("begin")
        began = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - began
    held = [sample.process_gb for sample in monitor.timeline]
    return result, seconds, 2**30 * (max(held) - held[0])


seconds, peaks = {}, {}


def compare(task, **calls):
    """Measure the ways of a task, and return what they gave."""
    seconds[task], peaks[task], results = {}, {}, []
    for name, call in calls.items():
        result, seconds[task][name], peaks[task][name] = measure(call)
        results.append(result)
        print(
            f"{name:22} {1000 * seconds[task][name]:8.1f} ms {peaks[task][name] / 2**20:7.1f} MiB"
        )
    return results


# %%
# Open it
# -------
# All three read the header and no more. In the chapter, :func:`nilearn.image.load_img` takes 7.4 s
# and 2.3 GiB at this step; the nilearn that ran here leaves the data where they are until they are
# needed.

compare(
    "open",
    nibabel_load=lambda: nib.load(bold),
    nilearn_load_img=lambda: load_img(bold),
    boldstream_open_image=lambda: bs.open_image(bold),
)

# %%
# The mean
# --------
# :func:`boldstream.mean_image` keeps one volume of sums.

theirs, mean = compare(
    "mean",
    nilearn_mean_img=lambda: mean_img(nib.load(bold)),
    boldstream_mean_image=lambda: bs.mean_image(bold),
)
np.testing.assert_allclose(mean.get_fdata(), theirs.get_fdata(), rtol=1e-5)

# %%
# One volume
# ----------
# :func:`nilearn.image.index_img` and the proxy's ``dataobj`` decode up to the volume,
# :func:`boldstream.read_volume` to the end, so that a damaged file is noticed. With a
# :class:`boldstream.Store` the file is decoded once, and each volume is a jump.

store = bs.Store(Path(folder.name, "store"))
t = series.n_volumes // 2
volumes = compare(
    "one volume",
    nilearn_index_img=lambda: index_img(bold, t).get_fdata(),
    nibabel_dataobj=lambda: np.asarray(nib.load(bold).dataobj[..., t]),
    boldstream_read_volume=lambda: bs.read_volume(bold, t).get_fdata(),
    boldstream_from_store=lambda: bs.read_volume(bold, t, cache=store).get_fdata(),
)
for volume in volumes[1:]:
    np.testing.assert_allclose(volume, volumes[0], rtol=1e-6)

# %%
# Side by side
# ------------

_, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
peaks, seconds = ({**cost["mean"], **cost["one volume"]} for cost in (peaks, seconds))
ours = [name for name in peaks if name.startswith("boldstream")]
plot_bars(peaks, unit="bytes", label="peak memory", highlight=ours, ax=axes[0])
plot_bars(seconds, unit="seconds", label="time", highlight=ours, ax=axes[1])

# %%
# Time goes into decompression, which all of them share; memory goes into what is kept of it.

folder.cleanup()
