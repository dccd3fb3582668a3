"""A searchlight around some voxels, as in nilearn's "Searchlight analysis of face vs house"."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from boldstream.benchmark.ways import Made, Way

N_FOLDS = 4


def nilearn_light(centres: str, **arguments: Any) -> Made:
    """The searchlight of nilearn, with its defaults."""
    from nilearn.decoding import SearchLight

    return _scores(SearchLight, centres=centres, **arguments)


def streamed(centres: str, **arguments: Any) -> Made:
    """Ours, with the same parameters."""
    from boldstream.decoding import SearchLight

    return _scores(SearchLight, centres=centres, **arguments)


def _scores(
    kind: Any,
    *,
    samples: str,
    brain: str,
    centres: str,
    labels: str,
    radius: float,
    n_jobs: int,
    **options: Any,
) -> Made:
    import nibabel as nib
    from sklearn.model_selection import KFold

    light = kind(
        brain, process_mask_img=centres, radius=radius, n_jobs=n_jobs, cv=KFold(N_FOLDS), **options
    )
    with warnings.catch_warnings():
        # liblinear says where it stopped early; how far off that is, the scores show.
        warnings.simplefilter("ignore")
        light.fit(samples, _labels(labels))
    inside: Any = nib.load(centres)
    return {"scores": np.asarray(light.scores_)[np.asarray(inside.dataobj) != 0]}


def _labels(path: str) -> Any:
    return np.array(json.loads(Path(path).read_text(encoding="utf-8")))


def _compile(labels: str, n_jobs: int, **_: Any) -> None:
    """A searchlight of a few voxels, so that no kernel is compiled while the clock runs."""
    import nibabel as nib
    from sklearn.model_selection import KFold

    from boldstream.decoding import SearchLight

    y, shape = _labels(labels), (3, 3, 3)
    noise = np.random.default_rng(0).normal(size=(*shape, len(y))).astype(np.float32)
    image = nib.Nifti1Image(noise, np.eye(4))
    mask = nib.Nifti1Image(np.ones(shape, np.uint8), np.eye(4))
    SearchLight(mask, radius=1.0, cv=KFold(N_FOLDS), n_jobs=n_jobs).fit(image, y)


_COMMON = ("sklearn.model_selection", "nibabel")
WAYS = {
    "nilearn": Way(nilearn_light, ("nilearn.decoding", *_COMMON)),
    "streamed": Way(streamed, ("boldstream.decoding", *_COMMON), before=_compile),
}
