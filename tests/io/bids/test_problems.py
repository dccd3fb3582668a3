"""What keeps a file from being read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from boldstream.io.bids import find_problem
from tests.io.bids.trees import write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    write(root, "good.nii.gz")
    return root


def test_a_good_file_has_none(root: Path) -> None:
    assert find_problem(root / "good.nii.gz", [root]) == ""


def test_missing_and_empty(root: Path) -> None:
    said = find_problem(root / "god.nii.gz", [root])
    assert said == "does not exist; did you mean 'good.nii.gz'?"
    (root / "empty.nii.gz").touch()
    assert find_problem(root / "empty.nii.gz", [root]) == "is empty: it holds 0 bytes"
    (root / "folder.nii.gz").mkdir()
    assert find_problem(root / "folder.nii.gz", [root]) == "is a folder, not an image file"


def test_data_that_were_not_fetched(root: Path, shared_data: Path) -> None:
    pointer = root / "lfs_bold.nii.gz"
    shutil.copy(shared_data / "odd" / "lfs_pointer_bold.nii.gz", pointer)
    assert "git-LFS pointer" in find_problem(pointer, [root])


def test_links_of_git_annex(root: Path, tmp_path: Path) -> None:
    # Derivatives that are a data set within another have their objects there.
    store = tmp_path / "super" / ".git" / "annex" / "objects" / "x"
    link = root / "bold.nii.gz"
    link.symlink_to(store / "key.nii.gz")
    assert find_problem(link, [root]).endswith("does not exist; fetch it with `datalad get`")
    write(store, "key.nii.gz")
    assert find_problem(link, [root]) == ""


def test_links_out_of_the_data_set(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "elsewhere.nii.gz")
    (root / "out.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    (root / "in.nii.gz").symlink_to("good.nii.gz")
    said = find_problem(root / "out.nii.gz", [root])
    assert said == f"is a link to {tmp_path / 'elsewhere.nii.gz'}, out of the data set"
    assert find_problem(root / "in.nii.gz", [root]) == ""
    assert find_problem(root / "out.nii.gz", [root, tmp_path]) == ""
    # The data set itself may be reached by a link.
    (tmp_path / "link").symlink_to(root)
    assert find_problem(tmp_path / "link" / "in.nii.gz", [tmp_path / "link"]) == ""
