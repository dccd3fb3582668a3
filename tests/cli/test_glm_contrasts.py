"""Contrasts on the command line: nilearn's weights and nilearn's names."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm._base import _clean_contrast_name
from nilearn.glm.contrasts import expression_to_contrast_vector

import boldstream as bs
from boldstream.cli.glm_contrasts import parse_contrasts
from boldstream.cli.glm_files import ModelFiles
from boldstream.glm.first_level.contrasts import Contrast

COLUMNS = ["cat", "face", "house", "1back", "left-right", "drift_1", "constant"]


def design() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(20, len(COLUMNS))), columns=COLUMNS)


def weights_of(*rows: str) -> np.ndarray:
    return Contrast("c", rows).weights(design(), "run 1")


@pytest.mark.parametrize(
    "text",
    [
        "face",
        "face - house",
        "-face",
        "face - 0.5*house - cat/2",
        "2 * (face - house) + 3*-cat",
        "face * 2 / 4 - (1 + 1) * house",
        "1back",
        "left-right",
        "`1back` - `left-right`",
        "`1back` - face",
        "face + face",
    ],
)
def test_weights_are_those_of_nilearn(text: str) -> None:
    np.testing.assert_allclose(weights_of(text), expression_to_contrast_vector(text, COLUMNS))


def test_an_f_test_has_a_row_for_each_sum() -> None:
    found = weights_of("face - house", "cat")
    assert found.shape == (2, len(COLUMNS))
    np.testing.assert_array_equal(found[0], weights_of("face - house"))


@pytest.mark.parametrize(
    "text",
    [
        "face * house",
        "face / house",
        "1 / face",
        "face + 1",
        "2",
        "face > house",
        "face == house",
        "face ** 2",
        "face % 2",
        "face / 0",
        "face * 1e999",
        "1e200 * 1e200 * face",
        f"{10**400} * face",
        "face.sum()",
        "[face]",
        "True * face - house.x",
        "face -",
        "face house",
        "__import__('os')",
        "face and house",
        "`face",
        "'face'",
        "1j * face",
    ],
)
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(bs.ParameterError, match="a contrast must be a sum of regressors"):
        weights_of(text)


def test_names_that_are_not_there() -> None:
    with pytest.raises(bs.ParameterError, match=r"run 1, cat, .*'fce'; did you mean 'face'\?"):
        weights_of("fce - house")
    with pytest.raises(bs.ParameterError, match="got '2back'; did you mean '1back'"):
        weights_of("`2back` - house")


def test_what_the_design_cannot_tell_apart() -> None:
    twins = design().assign(cat=lambda table: 2 * table["face"])
    with pytest.raises(bs.ParameterError, match="'cat' cannot be estimated in run 1"):
        Contrast("c", ("cat",)).weights(twins, "run 1")
    # Their common part can be.
    assert Contrast("c", ("2*cat + face",)).weights(twins, "run 1").any()
    tiny = design() * np.logspace(-6, 6, len(COLUMNS))
    assert Contrast("c", ("cat - constant",)).weights(tiny, "run 1").any()


@given(st.text(min_size=1))
@pytest.mark.parametrize("name", ["face - house", "Face_left > 0.5*HOUSE", "a+b<c", "été - ñ"])
def test_labels_are_those_of_nilearn_and_stay_in_the_folder(name: str, text: str) -> None:
    for given_name in (name, text):
        label = Contrast(given_name, ()).label
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert label == _clean_contrast_name(given_name)
        assert not label or label.isalnum()


def test_names_and_sums() -> None:
    found = parse_contrasts(["face - house", "faces = face - cat; house"])
    assert [(one.name, one.rows, one.test) for one in found] == [
        ("face - house", ("face - house",), "t"),
        ("faces", ("face - cat", "house"), "F"),
    ]


def test_signs_between_backticks_separate_nothing() -> None:
    found = parse_contrasts(["`a=b` - `c;d`", "any=`a=b`; 2*`c;d`"])
    assert [(one.name, one.rows) for one in found] == [
        ("`a=b` - `c;d`", ("`a=b` - `c;d`",)),
        ("any", ("`a=b`", "2*`c;d`")),
    ]
    matrix = pd.DataFrame(np.eye(3, 2), columns=["a=b", "c;d"])
    np.testing.assert_array_equal(found[0].weights(matrix, "run 1"), [1, -1])


@pytest.mark.parametrize(
    ("names", "mask", "design_of_second"),
    [
        (
            ["sub-1_ses-2_task-x_run-1_space-T1w_desc-preproc_bold.nii.gz"] * 2,
            "sub-1/sub-1_ses-2_task-x_space-T1w_mask.nii.gz",
            "sub-1/sub-1_ses-2_task-x_run-2_space-T1w_design.tsv",
        ),
        (
            ["sub-1_task-x_acq-a_run-3_bold.nii.gz", "sub-1_task-x_acq-b_run-3_bold.nii.gz"],
            "sub-1/sub-1_task-x_mask.nii.gz",
            "sub-1/sub-1_task-x_acq-b_run-3_design.tsv",
        ),
        (
            ["sub-1_task-x_bold.nii.gz", "sub-2_task-x_bold.nii.gz"],
            "task-x_mask.nii.gz",
            "sub-2_task-x_design.tsv",
        ),
        (["bold1.nii", "bold2.nii"], "mask.nii.gz", "run-2_design.tsv"),
        (["sub-1_task-x_bold.nii", "bold2.nii"], "mask.nii.gz", "design.tsv"),
        (["sub-._bold.nii", "task-a+b_bold.nii"], "mask.nii.gz", "run-2_design.tsv"),
    ],
)
def test_files_of_runs_differ(names: list[str], mask: str, design_of_second: str) -> None:
    files = ModelFiles.of([Path("any") / name for name in names])
    assert files.of_model("mask.nii.gz") == mask
    assert files.of_run(1, "design.tsv") == design_of_second
    written = files.all(parse_contrasts(["a - b", "a; b"]), r_square=True)
    assert len(set(written)) == len(written)
