"""Tasks of a long life: each ends well, fails or is interrupted, and leaves nothing."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.neighbors import KNeighborsClassifier

import boldstream as bs
from boldstream.decoding import SearchLight
from tests.environment.work import AFFINE, SHAPE, TR, N, bold, make_inputs
from tests.oracle import fdata

Task = Callable[[], object]


class StoppedError(Exception):
    """Raised by a caller in the middle of a pass."""


def _interrupt(done: int, total: int) -> None:
    raise StoppedError(f"after {done} of {total} volumes")


class Tasks:
    """Small tasks of three kinds, each an endless cycle of variants."""

    def __init__(self, folder: Path) -> None:
        make_inputs(folder)
        self._folder = folder
        self._compressed = Path(bold(folder)[0])
        self._image = nib.Nifti1Image(fdata(self._compressed).astype(np.float32), AFFINE)
        self._plain = folder / "plain.nii"
        nib.save(self._image, self._plain)
        whole = self._compressed.read_bytes()
        self._cut = folder / "cut.nii.gz"
        self._cut.write_bytes(whole[: len(whole) // 2])
        self._mask = folder / "mask.nii.gz"
        labels = (np.arange(np.prod(SHAPE)).reshape(SHAPE) // 100).astype(np.int16)
        self._atlas = nib.Nifti1Image(labels, AFFINE)
        self._confounds = pd.DataFrame({"x": np.linspace(-1, 1, N), "y": np.cos(np.arange(N))})
        self._table = pd.read_csv(folder / "labels.tsv", sep="\t")
        self.extractions = itertools.cycle(list(self._extractions()))
        self.searchlights = itertools.cycle(list(self._searchlights()))
        self.openings = itertools.cycle([self._stored, self._stored, self._damaged])

    def _extractions(self) -> Iterator[Task]:
        spheres = bs.Spheres([(12.0, 12.0, 10.5), (9.0, 9.0, 7.0)], radius=5)
        cleaned: dict[str, Any] = {
            "confounds": self._confounds,
            "detrend": True,
            "standardize": "zscore_sample",
            "high_pass": 0.01,
            "t_r": TR,
        }
        for image in (self._plain, self._compressed, self._image):
            yield partial(bs.extract, image, self._mask)
            yield partial(bs.stream, image, bs.Labels(self._atlas), bs.Mean(), bs.TSNR())
            yield partial(bs.stream, image, spheres, bs.Voxels(self._mask))
            yield partial(bs.extract, image, self._mask, **cleaned)
            yield partial(bs.stream, image, bs.Prepared(bs.Mean(), smoothing_fwhm=6), bs.Std())
            yield partial(self._interrupted, image)
        yield partial(bs.stream, [self._plain, self._compressed], bs.Labels(self._atlas), n_jobs=2)
        yield self._broken
        yield self._refused

    def _interrupted(self, image: Any) -> None:
        with pytest.raises(StoppedError):
            bs.stream(image, bs.Mean(), bs.Labels(self._atlas), progress=_interrupt)

    def _broken(self) -> None:
        with pytest.raises(bs.CorruptImageError):
            bs.stream([self._plain, self._cut], bs.Mean(), bs.Voxels(self._mask), n_jobs=2)

    def _refused(self) -> None:
        with pytest.raises(bs.MaskError):
            bs.extract(self._plain, np.ones((2, 2, 2), bool))

    def _searchlights(self) -> Iterator[Task]:
        for estimator in (
            "svc",
            "lda",
            "gnb",
            "nearest_centroid",
            "correlation",
            "ridge_classifier",
        ):
            for n_jobs, permutations in ((1, 0), (2, 0), (2, 4)):
                yield partial(self._searchlight, estimator, n_jobs, permutations)

        # No engine solves it: scikit-learn itself fits every sphere.
        yield partial(self._searchlight, KNeighborsClassifier(1), 1, 0)

    def _searchlight(self, estimator: Any, n_jobs: int, permutations: int) -> None:
        SearchLight(
            str(self._mask),
            radius=4.0,
            estimator=estimator,
            n_jobs=n_jobs,
            permutations=permutations,
            permutation_blocks="auto" if permutations else None,
            cv=LeaveOneGroupOut(),
        ).fit(bold(self._folder), self._table["object"], self._table["run"])

    def _stored(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = bs.Store(folder)
            for _ in range(2):
                with store.voxels(self._compressed, self._mask) as voxels:
                    voxels.read_volume(3)
                    voxels.read()
            # Not closed by hand: it goes with the last reference.
            store.volumes(self._compressed)

    def _damaged(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = bs.Store(folder)
            store.voxels(self._compressed, self._mask).close()
            (entry,) = store.entries()
            data = entry.path / "data.npy"
            data.chmod(0o600)
            data.write_bytes(data.read_bytes()[:-20])
            with store.voxels(self._compressed, self._mask) as voxels:
                voxels.read()
            with pytest.raises(bs.CorruptImageError):
                store.voxels(self._cut, self._mask)
            store.clear()
