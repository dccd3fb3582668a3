"""What belongs to an image, by inheritance and from the raw data set. The oracle is pybids."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from bids import BIDSLayout
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from boldstream.io.bids import (
    BidsFile,
    BidsIndex,
    brain_mask_of,
    confounds_of,
    events_of,
    metadata_of,
    repetition_time_of,
)
from tests.io.bids.trees import write, write_study

IMAGE = "sub-01/ses-a/func/sub-01_ses-a_task-x_run-02_bold.nii.gz"
SAYS = {"sub": "01", "ses": "a", "task": "x", "run": "2"}
OTHERS = {"sub": "02", "ses": "b", "task": "y", "run": "3", "acq": "z"}
LEVELS = ("", "sub-01", "sub-01/ses-a", "sub-01/ses-a/func", "sub-02")
VALUES = st.fixed_dictionaries(
    {}, optional={key: st.integers(0, 3) for key in ("RepetitionTime", "EchoTime", "Note")}
)
# One sidecar in a folder, as BIDS wants it; it applies or not.
SIDECARS = st.dictionaries(
    st.sampled_from(LEVELS),
    st.tuples(
        st.sets(st.sampled_from(sorted(SAYS))), st.none() | st.sampled_from(sorted(OTHERS)), VALUES
    ),
)


def json_at(root: Path, name: str, content: dict[str, Any]) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def the_image(index: BidsIndex, **entities: Any) -> BidsFile:
    (found,) = index.find(suffix="bold", extension=".nii.gz", **entities)
    return found


@given(sidecars=SIDECARS)
def test_metadata_are_inherited_as_by_pybids(
    tmp_path_factory: pytest.TempPathFactory, sidecars: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    json_at(root, "dataset_description.json", {"Name": "x", "BIDSVersion": "1.8.0"})
    write(root, IMAGE)
    for folder, (same, other, content) in sidecars.items():
        # A name in the folder of a subject holds the subject, for pybids to know it.
        named = {key: SAYS[key] for key in SAYS if key in same or f"{key}-" in folder}
        named |= {other: OTHERS[other]} if other else {}
        stem = "_".join([*(f"{key}-{value}" for key, value in named.items()), "bold.json"])
        if "sub-02" not in folder and other in ("sub", "ses"):
            continue
        json_at(root, f"{folder}/{stem}".lstrip("/"), content)
    index = BidsIndex(root)
    theirs = BIDSLayout(root, validate=False).get_metadata(str(root / IMAGE))
    assert metadata_of(index, the_image(index)) == dict(theirs)


def test_the_nearest_sidecar_counts_most(tmp_path: Path) -> None:
    write(tmp_path, IMAGE)
    for i, (folder, stem) in enumerate(
        [("", "task-x"), ("sub-01", "sub-01_task-x"), (Path(IMAGE).parent, "sub-01_ses-a_run-2")]
    ):
        json_at(
            tmp_path, f"{folder}/{stem}_bold.json".lstrip("/"), {"RepetitionTime": i + 1, str(i): 0}
        )
    index = BidsIndex(tmp_path)
    assert metadata_of(index, the_image(index)) == {"RepetitionTime": 3, "0": 0, "1": 0, "2": 0}
    assert repetition_time_of(index, the_image(index)) == 3


def test_derivatives_fall_back_on_raw_files(tmp_path: Path) -> None:
    write_study(tmp_path, ["01"])
    derived = tmp_path / "derivatives/fmriprep"
    index = BidsIndex(tmp_path, derived)
    image = the_image(index, scope="derivatives", run=2, space="T1w", desc="preproc")
    raw = the_image(index, scope="raw", run=2)
    events, confounds, mask = (
        found(index, image) for found in (events_of, confounds_of, brain_mask_of)
    )
    assert events is not None
    assert events.path == tmp_path / "sub-01/func/sub-01_task-dd_run-02_events.tsv"
    assert events == events_of(index, raw)
    stem = derived / "sub-01/func/sub-01_task-dd_run-2_"
    assert confounds is not None
    assert confounds.path == Path(f"{stem}desc-confounds_timeseries.tsv")
    assert mask is not None
    assert mask.path == Path(f"{stem}space-T1w_desc-brain_mask.nii.gz")
    assert confounds_of(index, raw) is None
    assert brain_mask_of(index, raw) is None


def test_the_real_events_of_a_derivative(shared_data: Path) -> None:
    root = shared_data / "bids" / "srndna"
    derived = root / "derivatives" / "fmriprep"
    name = "sub-105_task-trust_run-1_space-T1w_desc-preproc_bold.nii.gz"
    image = BidsFile.of(derived / "sub-105" / "func" / name)
    index = BidsIndex(root, derived)
    events, confounds = events_of(index, image), confounds_of(index, image)
    assert events is not None
    assert events.path.name == "sub-105_task-trust_run-01_events.tsv"
    assert confounds is not None
    assert confounds.path.name == "sub-105_task-trust_run-1_desc-confounds_regressors.tsv"
    sidecar = json.loads((root / "sub-105/func/sub-105_task-trust_run-01_bold.json").read_text())
    assert repetition_time_of(index, image) == sidecar["RepetitionTime"]


@pytest.mark.parametrize(
    ("own", "raw", "wanted"), [(1.5, 2.0, 1.5), (None, 2.0, 2.0), (None, None, None)]
)
def test_repetition_time_of_a_derivative(
    tmp_path: Path, own: float | None, raw: float | None, wanted: float | None
) -> None:
    derived = tmp_path / "derivatives/fmriprep"
    write(derived, "sub-01/func/sub-01_task-dd_desc-preproc_bold.nii.gz")
    json_at(tmp_path, "task-dd_bold.json", {"RepetitionTime": raw})
    json_at(derived, "task-dd_bold.json", {"RepetitionTime": own})
    write(tmp_path, "sub-01/func/sub-01_task-dd_bold.nii.gz")
    index = BidsIndex(tmp_path, derived)
    assert repetition_time_of(index, the_image(index, desc="preproc")) == wanted


@pytest.mark.parametrize("value", [0, -1, True, "2", [2], float("nan"), 10**400])
def test_a_repetition_time_that_is_none_is_told(tmp_path: Path, value: Any) -> None:
    write(tmp_path, IMAGE)
    json_at(tmp_path, "task-x_bold.json", {"RepetitionTime": value})
    index = BidsIndex(tmp_path)
    with pytest.raises(bs.TableError, match=r"RepetitionTime in .*task-x_bold.json must be above"):
        repetition_time_of(index, the_image(index))


def test_events_for_all_runs_of_a_task(tmp_path: Path) -> None:
    write(tmp_path, IMAGE, "task-x_events.tsv", "task-y_events.tsv")
    index = BidsIndex(tmp_path)
    image = the_image(index)
    for name in ("task-x", "sub-01/sub-01_task-x", f"{Path(IMAGE).parent}/sub-01_ses-a_run-2"):
        write(tmp_path, f"{name}_events.tsv")
        found = events_of(BidsIndex(tmp_path), image)
        assert found is not None
        assert found.path == tmp_path / f"{name}_events.tsv"


def test_what_applies_alike_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "sub-01/func/sub-01_task-x_acq-a_run-1_bold.nii.gz")
    write(tmp_path, "task-x_acq-a_events.tsv", "task-x_run-1_events.tsv")
    index = BidsIndex(tmp_path)
    with pytest.raises(bs.ParameterError, match=r"got task-x_acq-a_events.tsv, task-x_run-1"):
        events_of(index, the_image(index))


def test_labels_of_other_runs_never_match(tmp_path: Path) -> None:
    runs = [f"sub-01_ses-{s}_task-{t}_run-{r}" for s, t, r in itertools.product("ab", "xy", "12")]
    for run in runs:
        folder = f"sub-01/{run.split('_')[1]}/func"
        write(tmp_path, f"{folder}/{run}_bold.nii.gz", f"{folder}/{run}_events.tsv")
    index = BidsIndex(tmp_path)
    for image in index.find(suffix="bold"):
        events = events_of(index, image)
        assert events is not None
        assert events.path.name == image.path.name.replace("bold.nii.gz", "events.tsv")
