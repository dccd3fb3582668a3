"""What child processes do in odd surroundings: small, but whole tasks.

``python work.py INPUTS OUTPUT PART...`` does the parts and writes what they
found to OUTPUT, an ``.npz``. It needs nothing of the tests, so that any user,
in any folder, can run it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import numpy as np

Found = dict[str, Any]

AFFINE = np.diag([3.0, 3.0, 3.5, 1.0])
SHAPE = (9, 8, 7)
N = 48
TR = 2.0


def make_inputs(folder: Path) -> None:
    """Two runs with a task, a mask and labels of the volumes."""
    import nibabel as nib
    import pandas as pd

    rng = np.random.default_rng(3)
    labels = np.tile(np.repeat(["face", "house", "rest"], 4), N // 12)
    for run in (1, 2):
        data = rng.normal(600, 9, (*SHAPE, N)).astype(np.float32)
        data[4, 4, 3, labels == "house"] += 40
        image = nib.Nifti1Image(data, AFFINE)
        image.header.set_zooms((3.0, 3.0, 3.5, TR))
        image.header.set_xyzt_units("mm", "sec")
        nib.save(image, folder / f"run-{run}_bold.nii.gz")
    inside = np.zeros(SHAPE, np.uint8)
    inside[2:7, 2:6, 2:5] = 1
    nib.save(nib.Nifti1Image(inside, AFFINE), folder / "mask.nii.gz")
    table = pd.DataFrame({"object": np.tile(labels, 2), "run": np.repeat([1, 2], N)})
    table.to_csv(folder / "labels.tsv", sep="\t", index=False)
    onset = np.arange(4.0, TR * N - 20, 11)
    kinds = np.array(["face", "house"])[np.arange(len(onset)) % 2]
    events = pd.DataFrame({"onset": onset, "duration": 3.0, "trial_type": kinds})
    events.to_csv(folder / "events.tsv", sep="\t", index=False)


def bold(inputs: Path) -> list[str]:
    return [str(inputs / f"run-{run}_bold.nii.gz") for run in (1, 2)]


def extract(inputs: Path) -> Found:
    import boldstream as bs

    series = bs.extract(bold(inputs)[0], {"mask": inputs / "mask.nii.gz"})["mask"]
    mean, std = bs.stream(bold(inputs), bs.Mean(), bs.Std())
    return {"extract": series, "mean": np.asarray(mean), "std": np.asarray(std)}


def store(inputs: Path) -> Found:
    import boldstream as bs

    with (
        tempfile.TemporaryDirectory() as folder,
        bs.Store(folder).voxels(bold(inputs), inputs / "mask.nii.gz") as voxels,
    ):
        return {"store": voxels.read()}


def first_level(inputs: Path) -> Found:
    import pandas as pd

    import boldstream as bs

    events = pd.read_csv(inputs / "events.tsv", sep="\t")
    model = bs.FirstLevel(t_r=TR, mask_img=str(inputs / "mask.nii.gz"))
    z = model.fit(bold(inputs)[0], events).compute_contrast("house - face")
    return {"z": z.get_fdata()}


def searchlight(inputs: Path) -> Found:
    import pandas as pd
    from sklearn.model_selection import LeaveOneGroupOut

    from boldstream.decoding import SearchLight

    table = pd.read_csv(inputs / "labels.tsv", sep="\t")
    light = SearchLight(
        str(inputs / "mask.nii.gz"),
        radius=4.0,
        estimator="svc",
        n_jobs=2,
        permutations=9,
        permutation_blocks="auto",
        cv=LeaveOneGroupOut(),
    ).fit(bold(inputs), table["object"], table["run"])
    assert light.inference_ is not None
    return {"scores": light.scores_, "p_fwe": light.inference_.p_fwe}


def few_kernels(inputs: Path) -> Found:
    """A searchlight that compiles in a second."""
    import pandas as pd

    from boldstream.decoding import SearchLight

    table = pd.read_csv(inputs / "labels.tsv", sep="\t")
    light = SearchLight(str(inputs / "mask.nii.gz"), radius=4.0, estimator="nearest_centroid")
    return {"few": light.fit(bold(inputs), table["object"]).scores_}


def kernels(inputs: Path) -> Found:
    """All that is compiled is loaded, and nothing of it called."""
    from boldstream import kernels

    names = [module.name for module in walk_packages(kernels.__path__, f"{kernels.__name__}.")]
    return {"kernels": [import_module(name).__name__ for name in names]}


PARTS: Mapping[str, Callable[[Path], Found]] = {
    "extract": extract,
    "store": store,
    "first_level": first_level,
    "searchlight": searchlight,
    "few_kernels": few_kernels,
    "kernels": kernels,
}


def do(inputs: Path, parts: list[str]) -> Found:
    found: Found = {}
    for part in parts:
        found |= PARTS[part](inputs)
    return found


if __name__ == "__main__":
    found = do(Path(sys.argv[1]), sys.argv[3:] or list(PARTS))
    np.savez(sys.argv[2], **found)
