"""
A searchlight for faces and houses
==================================

Where in the brain does the pattern of activity tell whether a face or a house is seen? A
searchlight trains a classifier on the neighbourhood of every voxel. That is slow where each sphere
is handed to a general solver, so nilearn's example *Searchlight analysis of face vs house
recognition* looks at one slice. boldstream solves spheres together, exactly, and has time left for
permutations, which say where the accuracy is more than luck.
"""

# %%
# The data
# --------
# Twelve runs in the manner of Haxby et al. (2001), each with a block of faces and one of houses,
# are made up. In a region at the back of the brain half of the voxels prefer faces, the other half
# houses. ``BOLDSTREAM_EXAMPLES=fetch`` takes the second subject of the real data set.

import os
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import nilearn.decoding
import numpy as np
import pandas as pd
from nilearn.image import concat_imgs, index_img, load_img, new_img_like
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import boldstream as bs
from boldstream.decoding import SearchLight, Selected, f_scores
from boldstream.plotting import plot_searchlight
from boldstream.simulate.head import make_head
from boldstream.simulate.images import Effect, write_bold, write_labels
from boldstream.simulate.task import TaskBlock, expected_response

folder = tempfile.TemporaryDirectory()


def make(n_runs=12, n_volumes=36, t_r=2.5):
    head = make_head((40, 48, 40), voxel_size=3.5)
    away = np.linalg.norm(np.moveaxis(np.indices(head.grid.shape), 0, 3) - [20, 12, 16], axis=3)
    likes_faces = np.random.default_rng(0).random(away.shape) < 0.5
    runs, labels = [Path(folder.name, f"run{i:02}.nii.gz") for i in range(n_runs)], []
    for i, path in enumerate(runs):
        order = ("face", "house") if i % 2 else ("house", "face")
        effects = []
        for name, onset in zip(order, (15.0, 52.5), strict=True):
            course = 0.006 * expected_response([TaskBlock(onset, 22.5)], n_volumes, t_r)
            effects.append(Effect((away < 4) & (likes_faces == (name == "face")), course))
        write_bold(path, head, n_volumes, dtype="int16", t_r=t_r, seed=i, effects=effects)
        labels += np.repeat(["rest", order[0], "rest", order[1], "rest"], [8, 9, 6, 9, 4]).tolist()
    write_labels(mask := Path(folder.name, "mask.nii.gz"), head.brain, head.grid)
    table = pd.DataFrame({"labels": labels, "chunks": np.repeat(range(n_runs), n_volumes)})
    return runs, mask, table, 16


def fetch():
    from nilearn import datasets

    haxby = datasets.fetch_haxby()
    return haxby.func[0], haxby.mask, pd.read_csv(haxby.session_target[0], sep=" "), 29


source = os.environ.get("BOLDSTREAM_EXAMPLES", "make")
bold, mask, table, slice_z = {"make": make, "fetch": fetch}[source]()
brain = bs.load_mask(mask)
print(f"data: {source}; {len(table)} volumes, {brain.sum()} voxels in the brain")

# %%
# Spheres may take voxels of the whole brain; their centres are those of one slice, at the back. The
# volumes of faces and houses are picked while the runs are read: the others are never held.

centres = brain.copy()
centres[:, 30:] = False
centres[:, :, np.arange(brain.shape[2]) != slice_z] = False
few = centres & (np.cumsum(centres).reshape(brain.shape) % 40 == 1)
centres_img, few_img = (new_img_like(load_img(mask), some.astype("u1")) for some in (centres, few))

kept = np.flatnonzero(table["labels"].isin(["face", "house"]))
y, runs = table["labels"].to_numpy()[kept], table["chunks"].to_numpy()[kept]

# %%
# The searchlight
# ---------------
# One run is left out at a time. nilearn's searchlight gets every fortieth sphere, for comparison.
# Ours gets the same ones first, when its kernels are compiled, then the slice, with permutations:
# labels of whole blocks are exchanged within runs, as only these could have come otherwise.

estimator = make_pipeline(StandardScaler(), LinearSVC(tol=1e-8, max_iter=100_000))
options = {"radius": 5.6, "cv": LeaveOneGroupOut(), "estimator": estimator}


def by_nilearn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has doubts about any estimator that is not its own
        images = index_img(concat_imgs(bold), kept)
        return nilearn.decoding.SearchLight(mask, few_img, **options).fit(images, y, runs)


def by_boldstream(process_mask, **more):
    return SearchLight(mask, process_mask, **options, **more).fit(Selected(bold, kept), y, runs)


def measure(title, search):
    with bs.MemoryMonitor(interval=0.02) as monitor:
        monitor.log_memory_usage("begin")
        began = time.perf_counter()
        light = search()
    seconds = time.perf_counter() - began
    held = [sample.process_gb for sample in monitor.timeline]
    print(f"{title:32} {seconds:6.2f} s {1024 * (max(held) - held[0]):5.0f} MiB")
    return light


by_boldstream(few_img)
theirs = measure(f"nilearn, {few.sum()} spheres", by_nilearn)
ours = measure(f"boldstream, {few.sum()} spheres", lambda: by_boldstream(few_img))
np.testing.assert_allclose(ours.scores_, theirs.scores_, atol=0.02)
light = measure(
    f"boldstream, {centres.sum()} × 101 labellings",
    lambda: by_boldstream(centres_img, permutations=100, permutation_blocks="auto", n_jobs=2),
)
significant = light.img_of(light.inference_.p_fwe < 0.05).get_fdata() > 0
print(f"{light.engine_}; {significant.sum()} spheres have p < 0.05, corrected for all of the slice")

# %%
# F scores, and the maps
# ----------------------
# One voxel at a time the same question is an F test: it needs sums only, from one more pass, with
# every run standardised for itself (−log10 p from 1.3 up is shown). All maps lie over the mean.

f_test = f_scores(
    bold, table["labels"], mask=mask, runs=table["chunks"], conditions=["face", "house"]
)
mean = bs.mean_image(bold)
cut = {"display_mode": "z", "cut_coords": [(mean.affine @ [0, 0, slice_z, 1])[2]]}
_, axes = plt.subplots(1, 3, figsize=(13, 4))
plot_searchlight(light, background=mean, ax=axes[0], **cut)
plot_searchlight(light, shown=significant, background=mean, ax=axes[1], **cut)
plot_searchlight(f_test, shown=centres, threshold=1.3, background=mean, ax=axes[2], **cut)
for ax, title in zip(axes, ("Accuracy", "Accuracy, p < 0.05", "F test: −log10 p"), strict=True):
    ax.set_title(title)

folder.cleanup()
