"""Maps of a group, made up."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from boldstream.decoding.group import GroupMaps
from tests.decoding.inference.made_up import MASK

AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])
MASK_IMAGE = nib.Nifti1Image(MASK.astype("u1"), AFFINE)


def subjects(rng: np.random.Generator, n: int, effect: float = 0.0) -> np.ndarray:
    """Accuracies (subjects, x, y, z) about 0.5, float32."""
    volumes = ndimage.gaussian_filter(rng.standard_normal((n, *MASK.shape)), (0, 1, 1, 1))
    volumes /= volumes.std()
    volumes[:, 4:6, 1:4, 1:4] += effect
    return np.asarray(0.5 + 0.05 * volumes, np.float32)


def written(maps: np.ndarray, folder: Path, ending: str = "nii.gz") -> list[Path]:
    paths = [folder / f"sub-{number:02d}.{ending}" for number in range(len(maps))]
    for path, volume in zip(paths, maps, strict=True):
        nib.save(nib.Nifti1Image(volume, AFFINE), path)
    return paths


def same(found: GroupMaps, wanted: GroupMaps) -> None:
    for name in ("mean", "t", "p_t", "p_t_fdr", "p_sign_flip", "p_fwe", "p_fdr"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-10)
    if wanted.tfce is not None:
        assert found.tfce is not None
        np.testing.assert_allclose(found.tfce, wanted.tfce)
        np.testing.assert_array_equal(found.p_tfce_fwe, wanted.p_tfce_fwe)
    if wanted.clusters is not None:
        pd.testing.assert_frame_equal(found.clusters, wanted.clusters)
