"""The index of a data set: which files there are, what their names say. The oracle is pybids."""

from __future__ import annotations

import os
import string
import time
from pathlib import Path
from typing import Any

import pytest
from bids import BIDSLayout
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from boldstream.io.bids import BidsIndex
from boldstream.io.bids.files import BidsFile
from tests.io.bids.trees import fmriprep_names, raw_names, write, write_study

# pybids calls entities by their long names.
LONG = {
    "sub": "subject",
    "ses": "session",
    "acq": "acquisition",
    "rec": "reconstruction",
    "dir": "direction",
    "ce": "ceagent",
    "recording": "recording",
    "desc": "desc",
    "hemi": "hemi",
}
LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=4)
NUMBER = st.integers(0, 30).flatmap(lambda i: st.sampled_from([str(i), f"{i:02d}", f"{i:03d}"]))
ENTITIES: Any = st.fixed_dictionaries(
    {"task": LABEL},
    optional={"acq": LABEL, "rec": LABEL, "dir": LABEL, "run": NUMBER, "space": LABEL},
)


def layout_of(root: Path) -> BIDSLayout:
    return BIDSLayout(root, validate=False, config=["bids", "derivatives"])


def said_by(file: BidsFile) -> dict[str, Any]:
    said: dict[str, Any] = {LONG.get(key, key): value for key, value in file.entities.items()}
    said |= {"suffix": file.suffix, "extension": file.extension, "datatype": file.datatype}
    return {key: value for key, value in said.items() if value != ""}


def assert_agree(root: Path, index: BidsIndex) -> None:
    layout = layout_of(root)
    theirs = {
        Path(path): {key: value for key, value in file.get_entities().items() if key != "fmap"}
        for path, file in layout.get_files().items()
        if "subject" in file.get_entities()
    }
    ours = {file.path: said_by(file) for file in index.find() if "sub" in file.entities}
    assert ours.keys() == theirs.keys()
    for path, entities in theirs.items():
        assert ours[path] == entities, path.name


def test_a_real_data_set_is_read_as_by_pybids(shared_data: Path) -> None:
    root = shared_data / "bids" / "srndna"
    index = BidsIndex(root, root / "derivatives" / "fmriprep")
    assert_agree(root, BidsIndex(root))
    assert_agree(root / "derivatives" / "fmriprep", BidsIndex(root / "derivatives" / "fmriprep"))
    # Raw files say run-01, derivatives run-1.
    assert len(index.find(sub="105", run=1)) == len(index.find(sub="105", run="001")) == 3


@given(
    files=st.lists(
        st.tuples(LABEL, st.none() | LABEL, ENTITIES, st.sampled_from(["bold", "events", "sbref"])),
        min_size=1,
        max_size=8,
    )
)
def test_names_are_read_as_by_pybids(
    tmp_path_factory: pytest.TempPathFactory, files: list[Any]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    for subject, session, entities, suffix in files:
        named = {"sub": subject, "ses": session, **entities}
        stem = "_".join(f"{key}-{value}" for key, value in named.items() if value is not None)
        folders = [f"sub-{subject}", *([f"ses-{session}"] if session else []), "func"]
        write(root, "/".join([*folders, f"{stem}_{suffix}.nii.gz"]))
    assert_agree(root, BidsIndex(root))


def test_fmriprep_derivatives_are_read_as_by_pybids(tmp_path: Path) -> None:
    write(tmp_path, *fmriprep_names("01", ["1", "2"]))
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    assert_agree(tmp_path, BidsIndex(tmp_path))


def test_files_are_found_by_what_their_names_say(tmp_path: Path) -> None:
    write(tmp_path, *raw_names("01", [str(i) for i in range(1, 12)]), *raw_names("02", ["01"]))
    index = BidsIndex(tmp_path)
    assert index.subjects == ("01", "02")
    events = index.find(sub="sub-01", suffix="events")
    assert [file.entities["run"] for file in events] == list(range(1, 12))
    assert index.find(suffix="bold", run="1") == index.find(suffix="bold", run=[1])
    assert len(index.find(suffix="bold", run=["01", 11])) == 3
    assert index.find(sub="1") == ()
    assert index.find(sub="01", ses=None, suffix=["bold", "events"]) == index.find(sub="01")
    assert index.find(scope="derivatives") == ()
    with pytest.raises(bs.ParameterError, match=r"got 'sbu'; did you mean 'sub'\?"):
        index.find(sbu="01")


def test_what_is_no_part_of_a_data_set_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-x_bold.nii.gz", "task-x_bold.json")
    write(tmp_path, ".git/sub-02_bold.nii.gz", "sub-01/.heudiconv/sub-01_bold.nii.gz")
    write(tmp_path, "sourcedata/sub-03/func/sub-03_bold.nii.gz", "sub-01/.hidden")
    write(tmp_path, "derivatives/x/sub-04/func/sub-04_bold.nii.gz")
    names = {file.path.name for file in BidsIndex(tmp_path).find()}
    assert names == {"sub-01_task-x_bold.nii.gz", "task-x_bold.json"}


def test_links_that_lead_to_each_other_are_not_followed_again_and_again(tmp_path: Path) -> None:
    labels = [f"{i:02d}" for i in range(12)]
    for label in labels:
        write(tmp_path, f"sub-{label}/func/sub-{label}_bold.nii")
        for other in labels:
            if other != label:
                (tmp_path / f"sub-{label}" / f"like-{other}").symlink_to(f"../sub-{other}")
    index = BidsIndex(tmp_path)
    # Each subject is walked in its place, and once for each link to it.
    assert len(index.find(suffix="bold")) == len(labels) ** 2
    assert set(index.raw.skipped.values()) == {"is a link in a folder that is reached by a link"}


def test_linked_folders_are_followed_inside_the_data_set_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "elsewhere"
    write(outside, "func/sub-02_task-x_bold.nii.gz")
    write(inside, "sub-01/func/sub-01_task-x_bold.nii.gz", "store/func/sub-03_task-x_bold.nii.gz")
    (inside / "sub-02").symlink_to(outside)
    (inside / "sub-03").symlink_to("store")
    (inside / "sub-01" / "round").symlink_to("..")
    index = BidsIndex(inside)
    names = [file.path.name for file in index.find()]
    assert names == ["sub-01_task-x_bold.nii.gz", "sub-03_task-x_bold.nii.gz"]
    assert index.raw.skipped == {"sub-02": f"is a link to {outside}, out of the data set"}
    assert "02" in index.subjects


@pytest.mark.skipif(os.getuid() == 0, reason="root may read any folder")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-x_bold.nii.gz")
    (tmp_path / "sub-01" / "func").chmod(0)
    assert BidsIndex(tmp_path).raw.skipped == {"sub-01/func": "cannot be read: Permission denied"}


def test_a_data_set_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(bs.ParameterError, match=r"a data set must be a folder .* got .*/missing"):
        BidsIndex(tmp_path / "missing")


def test_a_hundred_subjects_are_indexed_at_once(tmp_path: Path) -> None:
    write_study(tmp_path, [f"{i:03d}" for i in range(100)])
    started = time.process_time()
    index = BidsIndex(tmp_path, tmp_path / "derivatives" / "fmriprep")
    walked = time.process_time() - started
    assert sum(len(names) for tree in index.trees for names in tree.names.values()) > 8400
    # 12 ms where nothing else runs; what is held here is that no file is looked at.
    assert walked < 0.2
