"""Models from a BIDS dataset, beside nilearn's."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nilearn._utils.data_gen import create_fake_bids_dataset
from nilearn.glm.first_level import first_level_from_bids as find
from nilearn.image import new_img_like

from boldstream.glm.first_level import FirstLevel
from boldstream.glm.first_level.bids import first_level_from_bids
from tests.oracle import load


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder: Path = create_fake_bids_dataset(
        base_dir=tmp_path, n_sub=2, n_ses=1, tasks=["main"], n_runs=[2], n_voxels=5
    )
    for path in folder.rglob("*mask.nii*"):
        # The masks of each subject are its own.
        number = int(path.name[4:6]) - 1
        image = load(path)
        inside = np.ones(image.shape, "u1")
        inside[number] = 0
        new_img_like(image, inside).to_filename(path)
    return folder


OPTIONS: dict[str, Any] = {
    "task_label": "main",
    "space_label": "MNI",
    "img_filters": [("desc", "preproc")],
    "slice_time_ref": 0.0,
    "confounds_strategy": None,
}


def test_models_are_those_of_nilearn(dataset: Path) -> None:
    ours = first_level_from_bids(dataset, memory_limit="4GiB", **OPTIONS)
    theirs = find(dataset, **OPTIONS)
    for got, wanted in zip(ours[0], theirs[0], strict=True):
        assert type(got) is FirstLevel
        parameters = got.get_params()
        assert parameters.pop("nan_policy") == "nilearn"
        assert parameters.pop("memory_limit") == "4GiB"
        assert str(parameters) == str(wanted.get_params())
    assert ours[1] == theirs[1]
    assert str(ours[2:]) == str(theirs[2:])


def test_every_subject_has_its_own_mask(dataset: Path) -> None:
    models, run_imgs, events, _ = first_level_from_bids(dataset, mask_img="derivatives", **OPTIONS)
    for number, model in enumerate(models):
        inside = np.asarray(model.mask_img.dataobj)
        assert not inside[number].any()
        assert inside.sum() == inside.size - inside[number].size
    models[1].fit(run_imgs[1], events[1])
    assert models[1].n_elements_ == inside.sum()


def test_the_signature_is_that_of_nilearn() -> None:
    ours, theirs = (list(inspect.signature(f).parameters) for f in (first_level_from_bids, find))
    assert ours == [*theirs[:-1], "nan_policy", "memory_limit", theirs[-1]]
