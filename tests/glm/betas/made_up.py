"""Made-up runs with events, and betas from a refit with nilearn for each trial."""

from __future__ import annotations

import warnings
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.glm.first_level import make_first_level_design_matrix, run_glm
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAPE, TR = (4, 5, 3), 2.0
AFFINE = np.array([[-3.0, 0, 0, 30], [0, 3.0, 0, -40], [0, 0, 3.5, -20], [0, 0, 0, 1]])


def run(seed: int = 0, n: int = 80, dtype: str = "f8", shape: Any = SHAPE) -> Any:
    """An image of n volumes around 500, TR in its header."""
    rng = np.random.default_rng(seed)
    waves = np.cumsum(rng.normal(size=(*shape, n)), axis=-1)
    data = rng.uniform(300, 700, (*shape, 1)) + 5 * rng.normal(size=(*shape, n)) + waves
    image = nib.Nifti1Image(data.astype(dtype), AFFINE)
    image.header.set_zooms((3, 3, 3.5, TR))
    image.header.set_xyzt_units("mm", "sec")
    return image


def events(seed: int = 0, n_trials: int = 8, n: int = 80) -> pd.DataFrame:
    """Overlapping trials of three conditions."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "onset": np.linspace(2, TR * n - 24, n_trials) + rng.uniform(0, 4, n_trials),
            "duration": rng.choice([1.0, 2.5, 6.0], n_trials),
            "trial_type": rng.permutation(np.resize(["face", "house", "null"], n_trials)),
            "response_time": rng.uniform(0.3, 2, n_trials),
        }
    )


def kept_of(n: int = 80) -> NDArray[np.intp]:
    """Some volumes left out, at both ends and in gaps."""
    return np.setdiff1d(np.arange(n), [0, 1, 17, 30, 31, n - 1])


def refit(
    image: Any,
    table: pd.DataFrame,
    *,
    others: str = "condition",
    lsa: bool = False,
    confounds: Any = None,
    kept: Any = slice(None),
    percent: bool = False,
    t_r: float = TR,
    **design: Any,
) -> Floats:
    """Betas (x, y, z, trials): an ordinary fit of nilearn with a design for each trial."""
    data = np.asarray(image.get_fdata())
    values = data.reshape(-1, data.shape[-1]).T[kept]
    if percent:
        values = 100 * (values / np.maximum(values.mean(axis=0), 1) - 1)
    frames = t_r * np.arange(data.shape[-1])
    betas = []
    for row in range(len(table)):
        named = table[["onset", "duration", "trial_type"]].copy()
        if lsa:
            named["trial_type"] = [f"trial {i:03d}" for i in range(len(table))]
        elif others == "all":
            named["trial_type"] = "others"
        named.loc[row, "trial_type"] = "this one"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = make_first_level_design_matrix(
                frames, named, add_regs=None if confounds is None else np.asarray(confounds),
                **{"drift_model": "cosine", "high_pass": 0.01, **design},
            )  # fmt: skip
            _, results = run_glm(values, matrix.to_numpy()[kept], noise_model="ols")
        betas.append(results[0.0].theta[list(matrix).index("this one")])
    return np.reshape(np.array(betas).T, (*data.shape[:3], len(table)))


def off(got: Any, wanted: Floats) -> float:
    """Largest difference, relative to the largest beta."""
    values = got if isinstance(got, np.ndarray) else np.asarray(got.dataobj)
    assert values.shape == wanted.shape
    return float(np.abs(values - wanted).max() / np.abs(wanted).max())
