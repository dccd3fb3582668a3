"""
A loader that fits the machine
==============================

A laboratory's pipeline extracts regions of many subjects, several at a time, and dies of memory:
every worker loads its subject whole. The page *Memory-Efficient Data Loading for fMRI Analysis*
answers with images in files that all workers map, a threshold above which that is done, a monitor,
and a context that cleans up. boldstream has all of these under the names of that page. Here they
are at work.
"""

# %%
# The study
# ---------
# Four subjects with a run of 300 volumes are made up. ``BOLDSTREAM_EXAMPLES=fetch`` takes four
# subjects of the ADHD data set; a template says where their images are.

import os
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

import boldstream as bs
from boldstream.plotting import plot_bars, plot_memory
from boldstream.simulate.study import BRAIN_MASK, StudyDesign, make_study

folder = tempfile.TemporaryDirectory()


def make():
    root = Path(folder.name, "study")
    make_study(root, StudyDesign(n_subjects=4, n_runs=1, n_volumes=300))
    return bs.OAKConfig(root=root), ["01", "02", "03", "04"], bs.load_mask(root / BRAIN_MASK)


def fetch():
    from nilearn import datasets, masking

    images = datasets.fetch_adhd(n_subjects=4).func
    root = Path(images[0]).parents[1]
    study = bs.OAKConfig(root=root, image_template="{subject}/*.nii.gz")
    subjects = [Path(image).parent.name for image in images]
    return study, subjects, bs.load_mask(masking.compute_epi_mask(images[0]))


source = os.environ.get("BOLDSTREAM_EXAMPLES", "make")
study, subjects, brain = {"make": make, "fetch": fetch}[source]()
print(f"data: {source}; {len(subjects)} subjects, a run each of",
      nib.load(study.images(subjects[0])[0]).shape)  # fmt: skip

# %%
# The settings
# ------------
# ``MemoryConfig.for_system()`` would choose by the memory that this process may use. These images
# are small, so the threshold is too: what is larger than 0.05 GB stays in a file, below a folder of
# our own.

settings = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0.05, MEMMAP_TEMP_DIR=folder.name)


def region(n_voxels):
    """The first voxels of the brain, as a mask."""
    mask = np.zeros(brain.size, bool)
    mask[np.flatnonzero(brain)[:n_voxels]] = True
    return mask.reshape(brain.shape)


# %%
# One subject
# -----------
# Regions of three sizes: the first one decodes the image into a file laid out by voxels, all others
# read their own from there. Beside it, what most scripts do: load the image, take the voxels.


def whole(subject, mask):
    (path,) = study.images(subject)
    return nib.load(path).get_fdata()[mask].T


with bs.MemoryEfficientContext(study, settings) as loader:
    image = loader.load_fmri_memmap(subjects[0])
    print(f"{type(image).__name__}, {image.dtype}, {image.size_gb:.3f} GB in a file")
    for n_voxels in (1_000, 5_000, 10_000):
        mask = region(n_voxels)
        began = time.perf_counter()
        theirs = whole(subjects[0], mask)
        loaded = time.perf_counter()
        ours = loader.extract_roi_timeseries_memmap(subjects[0], mask, standardize=False)
        first = time.perf_counter()
        loader.extract_roi_timeseries_memmap(subjects[0], mask, standardize=False)
        again = time.perf_counter()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        print(f"{n_voxels:6} voxels: loaded whole {loaded - began:.2f} s, "
              f"here {first - loaded:.3f} s, once more {again - first:.3f} s")  # fmt: skip

# %%
# The context recorded what this process held, and marked what was done:

plot_memory(loader.monitor.timeline)

# %%
# Four subjects at once
# ---------------------
# Four workers, a subject each. A loader is sent to them as its settings; what they decode goes to
# the files. :class:`boldstream.MemoryMonitor` sees all workers, and counts shared pages once.


def streamed(subject, mask):
    with bs.MemoryEfficientContext(study, settings) as own:
        return own.extract_roi_timeseries_memmap(subject, mask, standardize=False)


def measure(way):
    mask = region(5_000)
    Parallel(n_jobs=4)(delayed(abs)(-1) for _ in subjects)  # workers start before the clock does
    with bs.MemoryMonitor(interval=0.02) as monitor:
        monitor.log_memory_usage("begin")
        began = time.perf_counter()
        found = Parallel(n_jobs=4)(delayed(way)(subject, mask) for subject in subjects)
        seconds = time.perf_counter() - began
    get_reusable_executor().shutdown(wait=True)
    held = [sample.process_gb for sample in monitor.timeline]
    return found, seconds, 2**30 * (max(held) - held[0])


seconds, peaks = {}, {}
theirs, seconds["loaded whole"], peaks["loaded whole"] = measure(whole)
for name in ("loader, decoding", "loader, again"):
    found, seconds[name], peaks[name] = measure(streamed)
    np.testing.assert_allclose(found, theirs, rtol=1e-5)
for name, peak in peaks.items():
    print(f"{name:16} {seconds[name]:6.2f} s {peak / 2**20:6.0f} MiB")

_, axes = plt.subplots(1, 2, figsize=(10, 2.6), layout="constrained")
ours = [name for name in peaks if name.startswith("loader")]
plot_bars(peaks, unit="bytes", label="peak memory", highlight=ours, ax=axes[0])
plot_bars(seconds, unit="seconds", label="time", highlight=ours, ax=axes[1])

# %%
# The files go with the folder; ``boldstream cache`` lists and removes what is kept elsewhere.
# :doc:`/memory` says what each setting does, and :func:`boldstream.configure_for_cluster` takes
# them from what SLURM grants a job.

folder.cleanup()
