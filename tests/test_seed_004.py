"""The program of nilearn's searchlight example, run as it is written, on a slice of its data.

Changed are where the data come from, the one import, and the slice.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import nilearn.decoding
import numpy as np
import pandas as pd
import pytest

import boldstream.decoding

FIT = """
from nilearn.image import get_data, index_img, load_img, new_img_like

condition_mask = y.isin(["face", "house"])
fmri_img = index_img(fmri_filename, condition_mask)
y, session = y[condition_mask], session[condition_mask]

mask_img = load_img(mask)
process_mask = get_data(mask_img).astype(int)
picked_slice = 0
process_mask[..., (picked_slice + 1) :] = 0
process_mask[..., :picked_slice] = 0
process_mask[:, 12:] = 0
process_mask_img = new_img_like(mask_img, process_mask)

n_jobs = 1
from sklearn.model_selection import KFold
cv = KFold(n_splits=4)

searchlight = decoding.SearchLight(
    mask_img,
    process_mask_img=process_mask_img,
    radius=5.6,
    n_jobs=n_jobs,
    verbose=1,
    cv=cv,
)
searchlight.fit(fmri_img, y)
"""
F_SCORES = """
from nilearn.maskers import NiftiMasker

nifti_masker = NiftiMasker(mask_img=mask_img, runs=session, standardize="zscore_sample")
fmri_masked = nifti_masker.fit_transform(fmri_img)

from sklearn.feature_selection import f_classif

_, p_values = f_classif(fmri_masked, y)
p_values = -np.log10(p_values)
p_values[p_values > 10] = 10
p_unmasked = get_data(nifti_masker.inverse_transform(p_values))
"""
SHOW = """
from nilearn import image
from nilearn.plotting import plot_img, plot_stat_map

mean_fmri = image.mean_img(fmri_img)
searchlight_img = new_img_like(mean_fmri, searchlight.scores_)
shown = plot_img(
    searchlight_img, bg_img=mean_fmri, title="Searchlight", display_mode="z", cut_coords=[0],
    vmin=0.42, cmap="hot", threshold=0.2, black_bg=True,
)
p_ma = np.ma.array(p_unmasked, mask=np.logical_not(process_mask))
f_score_img = new_img_like(mean_fmri, p_ma)
"""


@pytest.fixture
def names(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "haxby_pymvpa"
    labels = pd.read_csv(folder / "attributes_literal.txt", sep=" ", names=["labels", "chunks"])
    return {
        "np": np,
        "fmri_filename": folder / "bold.nii.gz",
        "mask": folder / "mask.nii.gz",
        "y": labels["labels"],
        "session": labels["chunks"],
    }


def run(program: str, names: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        # Of nilearn's, on images without an sform, in int64.
        warnings.simplefilter("ignore")
        exec(program, names)


def test_the_program_runs_with_the_import_swapped(
    names: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = {**names, "decoding": nilearn.decoding}
    run(FIT, theirs)
    ours = {**names, "decoding": boldstream.decoding}
    run(FIT, ours)
    assert "searchlight" in capfd.readouterr().err  # progress, with time remaining
    inside = ours["process_mask"] > 0
    found, expected = (x["searchlight"].scores_ for x in (ours, theirs))
    assert found.shape == expected.shape
    assert not found[~inside].any()
    # nilearn's LinearSVC gives up on raw images; where it ends depends on how long it tries.
    assert np.abs(found - expected)[inside].mean() < 0.03
    assert np.corrcoef(found[inside], expected[inside])[0, 1] > 0.9
    run(F_SCORES + SHOW, ours)
    plt.close("all")


def test_f_scores_are_those_of_the_program(names: dict[str, Any]) -> None:
    run(FIT.split("n_jobs = 1")[0] + F_SCORES, names)
    found = boldstream.decoding.f_scores(
        names["fmri_img"], names["y"], mask=names["mask_img"], runs=names["session"]
    )
    image: Any = found.neg_log10_p_img
    expected = np.nan_to_num(names["p_unmasked"])
    np.testing.assert_allclose(image.get_fdata(), expected, atol=2e-4)
    whole = boldstream.decoding.f_scores(
        nib.load(names["fmri_filename"]),
        pd.read_csv(
            Path(names["mask"]).with_name("attributes_literal.txt"), sep=" ", names=["y", "run"]
        )["y"],
        conditions=["face", "house"],
        mask=names["mask_img"],
        runs=pd.read_csv(
            Path(names["mask"]).with_name("attributes_literal.txt"), sep=" ", names=["y", "run"]
        )["run"],
    )
    np.testing.assert_allclose(whole.neg_log10_p, found.neg_log10_p, rtol=1e-6, atol=1e-6)
