"""The files that examples of the user guide name, made up: small images with a known effect."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boldstream.simulate.choice_study import ChoiceStudyDesign, make_choice_study
from boldstream.simulate.head import Head, make_head, make_regions
from boldstream.simulate.images import Effect, write_bold, write_labels
from boldstream.simulate.task import TaskBlock, expected_response

SHAPE = (14, 16, 14)
N_VOLUMES = 90
T_R = 2.0
REGIONS = ("VT", "V1", "A1", "M1", "S1", "PFC")

_RUNS = (1, 2, 3, 4)
_N_TRIALS = 20
_CONDITIONS = ("face", "house")
# Of the brightness at rest, as one voxel's noise.
_CHANGE = 0.01
_MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def make_guide_files(folder: Path) -> None:
    """Write four runs with events, masks, an atlas, tables, damaged images, and a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    head = make_head(SHAPE, voxel_size=3.5)
    regions = make_regions(head, len(REGIONS))
    _write_regions(folder, head, regions)
    rng = np.random.default_rng(5)
    for run in _RUNS:
        _write_run(folder, f"run-{run}_", head, regions, rng, seed=run)
    for name in ("bold.nii.gz", "events.tsv", "motion.tsv"):
        shutil.copy(folder / f"run-1_{name}", folder / name)
    _write_tables(folder)
    _write_unusable(folder, head)
    design = ChoiceStudyDesign(n_subjects=2, n_trials=12, shape=SHAPE)
    make_choice_study(folder / "my-dataset", design)


def _write_regions(folder: Path, head: Head, regions: NDArray[np.int16]) -> None:
    grid = head.grid
    write_labels(folder / "brain.nii.gz", head.brain, grid)
    write_labels(folder / "atlas.nii.gz", regions, grid)
    rows = [f"{label}\t{name}" for label, name in enumerate(REGIONS, 1)]
    (folder / "atlas.tsv").write_text("\n".join(["index\tname", *rows]) + "\n")
    for label, name in enumerate(REGIONS[:2], 1):
        write_labels(folder / f"{name}.nii.gz", regions == label, grid)
    finer = nib.Nifti1Image(
        np.kron(regions, np.ones((2, 2, 2), np.int16)), grid.affine @ np.diag([0.5, 0.5, 0.5, 1])
    )
    nib.save(finer, folder / "atlas_fine.nii.gz")
    weights = [(regions == label) * np.float32(0.5) + (regions == 3) for label in (1, 2)]
    nib.save(nib.Nifti1Image(np.stack(weights, axis=-1), grid.affine), folder / "maps.nii.gz")
    (folder / "seeds.tsv").write_text("x\ty\tz\tname\n0\t10\t3\tfront\n-7\t-10\t0\tback\n")


def _write_run(
    folder: Path,
    prefix: str,
    head: Head,
    regions: NDArray[np.int16],
    rng: np.random.Generator,
    *,
    seed: int,
) -> None:
    """Write a run in which half of VT responds to faces, and the other half to houses."""
    names = rng.permutation(np.repeat(_CONDITIONS, _N_TRIALS // 2))
    events = pd.DataFrame(
        {"onset": 6.0 + 8.0 * np.arange(_N_TRIALS), "duration": 2.0, "trial_type": names}
    )
    events.to_csv(folder / f"{prefix}events.tsv", sep="\t", index=False)
    motion = pd.DataFrame(rng.normal(0, 0.1, (N_VOLUMES, 6)).round(4), columns=_MOTION)
    motion.to_csv(folder / f"{prefix}motion.tsv", sep="\t", index=False)
    effects = list(_effects(regions == 1, events))
    path = folder / f"{prefix}bold.nii.gz"
    write_bold(path, head, N_VOLUMES, dtype=np.int16, t_r=T_R, seed=seed, effects=effects)


def _effects(where: NDArray[np.bool_], events: pd.DataFrame) -> Iterator[Effect]:
    positions = np.argwhere(where)
    for half, condition in enumerate(_CONDITIONS):
        voxels = np.zeros_like(where)
        voxels[tuple(positions[half::2].T)] = True
        onsets = events.loc[events["trial_type"] == condition, "onset"]
        course = expected_response([TaskBlock(onset, 2.0) for onset in onsets], N_VOLUMES, T_R)
        yield Effect(voxels, _CHANGE * course)


def _write_tables(folder: Path) -> None:
    motion = pd.read_csv(folder / "motion.tsv", sep="\t")
    moved = motion.assign(framewise_displacement=motion["trans_x"].diff().abs())
    moved.to_csv(folder / "confounds.tsv", sep="\t", index=False, na_rep="n/a")
    labels = pd.DataFrame(
        {
            "object": np.resize(np.repeat(_CONDITIONS, 3), N_VOLUMES),
            "run": np.repeat([1, 2, 3], N_VOLUMES // 3),
        }
    )
    labels.to_csv(folder / "labels.tsv", sep="\t", index=False)


def _write_unusable(folder: Path, head: Head) -> None:
    affine = head.grid.affine
    values = np.ones((*SHAPE, 5), np.float32)
    values[7, 8, 7, 2] = np.nan
    nib.save(nib.Nifti1Image(values, affine), folder / "with_nan.nii.gz")
    nib.save(nib.Nifti1Image(values.astype("c8"), affine), folder / "complex.nii.gz")
    (folder / "scan.mnc").write_bytes(_HDF5_MAGIC + bytes(100))
