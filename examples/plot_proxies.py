"""
Proxies, caches, and an image left as it was found
==================================================

An image that nibabel loads from a file is a *proxy*: it knows where its data lie and fetches them
when they are asked for. Where they go then, and how long they stay, decides how much memory a
script takes. This page goes through nibabel's own *Images and memory*, and says at each step what
boldstream does with such an image.
"""

# %%
# The data
# --------
# A short run is made up and stored twice, compressed and not. ``BOLDSTREAM_EXAMPLES=fetch`` takes a
# run of OpenNeuro's ds000228.

import os
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

import boldstream as bs
from boldstream.plotting import plot_bars
from boldstream.simulate.head import make_head
from boldstream.simulate.images import write_bold

folder = tempfile.TemporaryDirectory()


def make():
    path = Path(folder.name, "bold.nii.gz")
    write_bold(path, make_head((48, 56, 48)), 150, dtype="int16")
    return path


def fetch():
    from nilearn import datasets

    return Path(datasets.fetch_development_fmri(n_subjects=1).func[0])


source = os.environ.get("BOLDSTREAM_EXAMPLES", "make")
bold = {"make": make, "fetch": fetch}[source]()
plain = Path(folder.name, "plain.nii")
nib.save(nib.load(bold), plain)
print(f"data: {source}; {nib.load(bold).shape}")

# %%
# The cache of an image
# ---------------------
# ``get_fdata()`` reads everything, as float64, and the image keeps it: a second call returns the
# same array. ``uncache()`` lets go of it, ``caching="unchanged"`` does not keep it in the first
# place.

image = nib.load(bold)
print("after load:              in memory:", image.in_memory)
data = image.get_fdata()
print("after get_fdata():       in memory:", image.in_memory, f"({data.nbytes / 2**20:.0f} MiB)")
print("the second call gives the same array:", image.get_fdata() is data)
image.uncache()
print("after uncache():         in memory:", image.in_memory)
image.get_fdata(caching="unchanged")
print('with caching="unchanged": in memory:', image.in_memory)
del data

# %%
# boldstream never asks for the cache, and leaves the image as it found it, empty or full. Results
# are the same whether it is handed the path or the image.

by_path, by_image = bs.mean_image(bold), bs.mean_image(image)
print("after bs.mean_image:     in memory:", image.in_memory)
print("path and image agree:", np.array_equal(by_path.get_fdata(), by_image.get_fdata()))

# %%
# An array that was changed
# -------------------------
# What ``get_fdata()`` returned *is* the cache: who changes it changes the image, until somebody
# calls ``uncache()`` and the file's values are back. boldstream reads what ``get_fdata()`` would
# return, so that an edit counts as long as the image has it.

voxel = tuple(np.argwhere(by_path.get_fdata() > 0)[0])
data = image.get_fdata()
data[voxel] = 99
edited = bs.mean_image(image).get_fdata()[voxel]
print(f"mean of the edited voxel: {edited:.1f}, still in memory: {image.in_memory}")
image.uncache()
restored = bs.mean_image(image).get_fdata()[voxel]
print(f"mean after uncache():     {restored:.1f}, of the file: {by_path.get_fdata()[voxel]:.1f}")

# %%
# An image made of an array has no file to go back to; it is always in memory, and is read from
# there.

array_image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4, 1), np.eye(4))
array_image.uncache()
print("array image: in memory:", array_image.in_memory, "· mean", bs.mean_image(array_image).shape)

# %%
# Slices of the proxy
# -------------------
# ``dataobj[..., t]`` fetches one volume without the rest. In a plain file that is a jump; a
# compressed file has to be decoded up to it, and in a loop once for every volume.


def seconds(call, repeats=3):
    """The least of some repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


t = nib.load(bold).shape[3] // 2
times = {}
for path in (plain, bold):
    times[path.suffixes[-1]] = {
        "get_fdata()[..., t]": seconds(lambda path=path: nib.load(path).get_fdata()[..., t]),
        "dataobj[..., t]": seconds(lambda path=path: nib.load(path).dataobj[..., t]),
    }

# %%
# :func:`boldstream.read_volume` decodes a compressed file to its end, so that a damaged one is
# noticed. With ``cache=`` it does so once: the volumes are kept, and every further one is a jump
# again.

store = bs.Store(Path(folder.name, "store"))
times[".gz"]["bs.read_volume"] = seconds(lambda: bs.read_volume(bold, t))
kept = bs.read_volume(bold, t, cache=store).get_fdata()
times[".gz"]["bs.read_volume, from a store"] = seconds(lambda: bs.read_volume(bold, t, cache=store))
np.testing.assert_array_equal(kept, nib.load(bold).dataobj[..., t])
plot_bars(times, unit="seconds", label="time for one volume")

# %%
# In short
# --------
# - An image that is handed to boldstream is not changed, and its cache neither filled nor emptied.
# - What ``get_fdata()`` would return is what is read.
# - For all volumes in order there is :func:`boldstream.stream`; for single ones, again and again,
#   a :class:`boldstream.Store`. A loop over ``dataobj[..., t]`` of a compressed file costs most.

folder.cleanup()
