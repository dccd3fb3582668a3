"""Confounds from arrays, frames and tables, and those of fMRIPrep."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy

import boldstream as bs
from boldstream.signal.confounds import read_confounds
from boldstream.signal.fmriprep import (
    STRATEGIES,
    fmriprep_confounds,
    merge_sample_masks,
    parse_confounds_strategy,
)

VALUES = np.array([[0.5, -1.0], [2.0, 3e-2], [1.0, 7.0]])
FRAME = pd.DataFrame(VALUES, columns=["trans_x", "rot_z"])


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def forms(folder: Path) -> dict[str, Any]:
    """The same values in every form."""
    FRAME.to_csv(folder / "a.tsv", sep="\t", index=False)
    FRAME.to_csv(folder / "a.csv", index=False)
    np.savetxt(folder / "motion.par", VALUES)
    np.savetxt(folder / "numbers.csv", VALUES, delimiter=",")
    return {
        "array": VALUES,
        "float32": VALUES.astype(np.float32),
        "pandas": FRAME,
        "objects": FRAME.astype(object),
        "polars": pl.DataFrame({name: FRAME[name].to_numpy() for name in FRAME}),
        "tsv": folder / "a.tsv",
        "csv": str(folder / "a.csv"),
        "par": folder / "motion.par",
        "numbers": folder / "numbers.csv",
        "list": [VALUES[:, 0], FRAME[["rot_z"]]],
    }


FORMS = (
    *("array", "float32", "pandas", "objects", "polars", "tsv", "csv", "par", "numbers", "list"),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_matrix(tmp_path: Path, form: str) -> None:
    matrix = read_confounds(forms(tmp_path)[form], 3)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix, VALUES, rtol=1e-7)


def test_one_array_is_one_column() -> None:
    assert read_confounds(np.array([1, 2, 3]), 3).shape == (3, 1)


@pytest.mark.parametrize("form", ["pandas", "polars", "tsv", "csv"])
def test_columns_are_taken_by_name_in_their_order(tmp_path: Path, form: str) -> None:
    confounds = forms(tmp_path)[form]
    chosen = read_confounds(confounds, 3, columns=["rot_z", "trans_x"])
    np.testing.assert_array_equal(chosen, VALUES[:, ::-1])
    with pytest.raises(bs.TableError, match=r"'rot_x', got trans_x, rot_z; did you mean 'rot_z'"):
        read_confounds(confounds, 3, columns=["rot_x"])


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_length_is_said(tmp_path: Path, form: str) -> None:
    with pytest.raises(ValueError, match="one row for each of 4 volumes, got 3") as caught:
        read_confounds(forms(tmp_path)[form], 4)
    assert isinstance(caught.value, bs.BoldstreamError)


@pytest.mark.parametrize("cell", ["n/a", "", "NaN", "NA", "<na>", "null", "None"])
def test_a_gap_is_named_with_its_file_column_and_line(tmp_path: Path, cell: str) -> None:
    path = written(tmp_path / "c.tsv", f"a\tb\n1\t2\n3\t{cell}\n")
    with pytest.raises(bs.TableError, match=r"c.tsv, column 'b', line 3: no value there; choose"):
        read_confounds(path, 2)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"a": [1.0, np.nan]}), "column 'a', volume 1: no value"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "column 'a', volume 1: no value"),
        (pl.DataFrame({"a": [1, None]}), "column 'a', volume 1: no value"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "1"]}), "column 'b', volume 0: must be a number"),
        (pd.DataFrame({"a": [1.0, np.inf]}), "column 'a', volume 1: must be finite"),
        (pd.DataFrame(index=[0, 1]), "at least one column"),
    ],
)
def test_cells_of_frames_are_checked(frame: Any, said: str) -> None:
    with pytest.raises(bs.TableError) as caught:
        read_confounds(frame, 2)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("confounds", "said"),
    [
        (np.array([1.0, np.nan]), "must be finite, got nan in column 0, volume 1"),
        (np.zeros((2, 2, 2)), "got float64 of shape (2, 2, 2)"),
        (np.array(["a", "b"]), "must be numbers"),
        (None, "got NoneType"),
        ([], "at least one confound"),
        ([1, 2], "`confounds[0]` must be numbers of shape"),
    ],
)
def test_other_values_are_refused(confounds: Any, said: str) -> None:
    with pytest.raises(bs.ParameterError) as caught:
        read_confounds(confounds, 2)
    assert said in str(caught.value)


@pytest.mark.parametrize("form", ["pandas", "polars", "tsv", "csv"])
def test_names_of_columns_may_be_patterns(tmp_path: Path, form: str) -> None:
    confounds = forms(tmp_path)[form]
    for columns in (["rot_*", "trans_?"], ["rot_z", "*"]):
        chosen = read_confounds(confounds, 3, columns=columns)
        np.testing.assert_allclose(chosen, VALUES[:, ::-1], rtol=1e-6)
    with pytest.raises(bs.TableError, match=r"column 'csf_\*', got trans_x, rot_z"):
        read_confounds(confounds, 3, columns=["trans_x", "csf_*"])


def test_a_name_with_a_bracket_is_itself_before_it_is_a_pattern() -> None:
    frame = pd.DataFrame({"a[1]": [1.0, 2.0], "a1": [3.0, 4.0]})
    np.testing.assert_array_equal(read_confounds(frame, 2, columns=["a[1]"]), [[1.0], [2.0]])
    np.testing.assert_array_equal(read_confounds(frame, 2, columns=["[a]1"]), [[3.0], [4.0]])


def test_the_hint_at_gaps_names_no_parameter(tmp_path: Path) -> None:
    path = written(tmp_path / "gaps.tsv", "a\tb\nn/a\t1\n2\t3\n")
    with pytest.raises(bs.TableError, match="choose other columns, or fill the gaps"):
        read_confounds(path, 2)


def test_columns_need_names(tmp_path: Path) -> None:
    with pytest.raises(bs.ParameterError, match=r"`columns` must be None"):
        read_confounds(VALUES, 3, columns=["a"])
    with pytest.raises(bs.TableError, match="must name its columns in its first line"):
        read_confounds(forms(tmp_path)["par"], 3, columns=["a"])
    with pytest.raises(bs.ParameterError, match="must be a list of names, got 'a'"):
        read_confounds(FRAME, 3, columns="a")


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(bs.TableError, match="cannot be read as a table"):
        read_confounds(tmp_path / "none.tsv", 3)
    with pytest.raises(bs.TableError, match="as many numbers in each line"):
        read_confounds(written(tmp_path / "ragged.txt", "1 2\n3\n"), 2)
    with pytest.raises(bs.TableError, match=r"column '1', line 2: must be a number, got 'x'"):
        read_confounds(written(tmp_path / "word.txt", "1 2\n3 x\n"), 2)


def test_real_tables(shared_data: Path) -> None:
    folder = shared_data / "bids" / "srndna" / "derivatives" / "fmriprep" / "sub-105" / "func"
    path = folder / "sub-105_task-trust_run-1_desc-confounds_regressors.tsv"
    columns = ["trans_x", "rot_y", "a_comp_cor_00"]
    expected = pd.read_csv(path, sep="\t")[columns].to_numpy()
    np.testing.assert_allclose(read_confounds(path, 217, columns=columns), expected)
    with pytest.raises(bs.TableError, match=r"column 'csf_derivative1', line 2: no value there"):
        read_confounds(path, 217)
    with pytest.raises(bs.TableError, match=r"cosine\* \(\d+\).*did you mean 'trans_x'"):
        read_confounds(path, 217, columns=["transx"])


# fMRIPrep.


@pytest.mark.parametrize(
    ("text", "strategy"),
    [("fmriprep", "simple"), *((f"fmriprep:{name}", name) for name in STRATEGIES)],
)
def test_strategies_are_parsed(text: str, strategy: str) -> None:
    assert parse_confounds_strategy(text) == strategy


@pytest.mark.parametrize("other", ["a.tsv", "fmriprep.tsv", None, VALUES, Path("fmriprep")])
def test_what_is_no_strategy_is_none(other: object) -> None:
    assert parse_confounds_strategy(other) is None


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(bs.ParameterError, match="did you mean 'fmriprep:compcor'"):
        parse_confounds_strategy("fmriprep:compcorr")


@pytest.fixture
def image(tmp_path: Path, shared_data: Path) -> Path:
    """Path of an image with the confounds of nilearn's test beside it."""
    table = shared_data / "bids" / "nilearn_confounds" / "test-v21_desc-confounds_timeseries.tsv"
    shutil.copy(table, tmp_path / "sub-01_task-rest_desc-confounds_timeseries.tsv")
    return tmp_path / "sub-01_task-rest_space-MNI_desc-preproc_bold.nii.gz"


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("simple", {}),
        ("simple", {"motion": "basic", "demean": False, "global_signal": "basic"}),
        ("scrubbing", {"fd_threshold": 2.0, "std_dvars_threshold": 9.0}),
        ("scrubbing", {"fd_threshold": 1.0, "std_dvars_threshold": 9.0, "scrub": 0}),
    ],
)
def test_strategies_equal_nilearn(image: Path, strategy: Any, options: dict[str, Any]) -> None:
    confounds, mask = fmriprep_confounds(image, strategy, options=options)
    expected, expected_mask = load_confounds_strategy(str(image), strategy, **options)
    pd.testing.assert_frame_equal(confounds, expected)
    assert mask is not None
    np.testing.assert_array_equal(mask, expected_mask)
    assert read_confounds(confounds, 30).shape == expected.shape


def test_real_fmriprep_run_without_a_json(shared_data: Path) -> None:
    folder = shared_data / "bids" / "srndna" / "derivatives" / "fmriprep" / "sub-105" / "func"
    image = folder / "sub-105_task-trust_run-1_space-MNI_desc-preproc_bold.nii.gz"
    confounds, _ = fmriprep_confounds(image)
    assert len(confounds) == 217
    with pytest.raises(bs.TableError, match=r"'compcor': Could not find associated json") as caught:
        fmriprep_confounds(image, "compcor")
    assert "desc-confounds_regressors.tsv" in str(caught.value)
    assert "a_comp_cor_* (" in str(caught.value)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    table = tmp_path / "sub-01_desc-confounds_timeseries.tsv"
    written(table, "trans_x\tcsf\twhite_matter\tcosine00\n1\t2\t3\t9\n4\t5\t6\t8\n")
    image = tmp_path / "sub-01_desc-preproc_bold.nii.gz"
    with pytest.raises(bs.TableError) as caught:
        fmriprep_confounds(image, options={"motion": "basic"})
    message = str(caught.value)
    assert str(table) in message
    assert "trans_y" in message
    assert "its columns are trans_x, csf, white_matter, cosine00" in message
    with pytest.raises(bs.TableError, match=r"missing is .*csf_derivative1"):
        fmriprep_confounds(image, "scrubbing")


def test_where_confounds_were_looked_for(tmp_path: Path) -> None:
    image = tmp_path / "sub-01_desc-preproc_bold.nii.gz"
    written(tmp_path / "sub-02_desc-confounds_timeseries.tsv", "a\n1\n")
    with pytest.raises(bs.TableError) as caught:
        fmriprep_confounds(image)
    assert f"Looked in {tmp_path}" in str(caught.value)
    assert "there is sub-02_desc-confounds_timeseries.tsv" in str(caught.value)
    with pytest.raises(bs.TableError, match="Invalid file type"):
        fmriprep_confounds(tmp_path / "bold.nii.gz")
    with pytest.raises(bs.TableError, match="smoothAROMAnonaggr"):
        fmriprep_confounds(image, "ica_aroma")


def test_what_is_no_path_or_option_is_refused(image: Path) -> None:
    with pytest.raises(bs.ParameterError, match="found by the path of the image, got ndarray"):
        fmriprep_confounds(VALUES)  # type: ignore[arg-type]
    with pytest.raises(bs.ParameterError, match=r"among demean, .*did you mean 'motion'"):
        fmriprep_confounds(image, options={"motoin": "basic"})


def test_no_volume_kept_is_an_error(image: Path) -> None:
    with pytest.raises(bs.TableError, match="marks every volume as an outlier"):
        fmriprep_confounds(image, "scrubbing", options={"fd_threshold": 1e-9})


def test_gaps_below_the_first_volume_are_an_error(tmp_path: Path) -> None:
    columns = ["csf", "white_matter", "cosine00"]
    motion = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    frame = pd.DataFrame(np.ones((4, 9)), columns=[*columns, *motion])
    frame.loc[2, "csf"] = np.nan
    frame.to_csv(
        tmp_path / "sub-01_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a"
    )
    with pytest.raises(bs.TableError, match=r"timeseries.tsv: .*'csf', volume 2: no value"):
        fmriprep_confounds(
            tmp_path / "sub-01_desc-preproc_bold.nii.gz",
            options={"motion": "basic", "demean": False},
        )


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (None, None, None),
        ([3, 1], None, [1, 3]),
        (None, np.array([True, False, True, True]), [0, 2, 3]),
        ([0, 1, 3], np.array([True, False, True, True]), [0, 3]),
    ],
)
def test_masks_are_merged(first: Any, second: Any, kept: list[int] | None) -> None:
    merged = merge_sample_masks(first, second, 4)
    assert (None if merged is None else merged.tolist()) == kept


@pytest.mark.parametrize("mask", [[4], [-1], [0.5], [True, False]])
def test_masks_name_volumes_that_are_there(mask: Any) -> None:
    with pytest.raises(bs.ParameterError, match="volumes from 0 to 3"):
        merge_sample_masks(mask, None, 4)


def test_masks_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(bs.ParameterError, match="at least one of 4 volumes"):
        merge_sample_masks([0, 1], [2, 3], 4)
