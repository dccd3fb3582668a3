"""Masks that cannot be used are told before anything starts, with the line that names them."""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.study.inputs import find_inputs
from boldstream.study.inputs.checking import check_masks
from boldstream.study.planning.opening import OpenStudy, open_study, study_of
from boldstream.study.settings import StudySettings
from tests.io.bids.trees import write_study

SHAPE, COARSE = (6, 7, 5), (3, 4, 3)
STUDY = """\
data: {data}
rois:
  masks:
    v1: {v1}
    v2: masks/v2.nii.gz
  resample: {resample}
targets: {{picture: {{column: trial_type}}}}
analyses:
  - {analysis}
quality: {quality}
"""
REGIONS = "{kind: decoding, name: x}"
LIGHT = "{kind: searchlight, name: x, target: picture, process_mask: masks/centres.nii.gz}"
RESAMPLE = "; `rois.resample: true` brings it there (nearest neighbour)"


def image_bytes(array: Any, size: float = 2.0) -> bytes:
    image = nib.Nifti1Image(np.asarray(array, np.uint8), np.diag([size, size, size, 1.0]))
    return gzip.compress(image.to_bytes())


BOLD = image_bytes(np.ones((*SHAPE, 3)))
MASK, EMPTY = image_bytes(np.ones(SHAPE)), image_bytes(np.zeros(SHAPE))
OTHER, OTHER_BOLD = image_bytes(np.ones(COARSE), 4), image_bytes(np.ones((*COARSE, 3)), 4)


def put(root: Path, name: str, content: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def images_of(root: Path, subject: str = "*") -> list[Path]:
    return sorted(root.glob(f"derivatives/fmriprep/sub-{subject}/func/*T1w_desc-preproc*.nii.gz"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_study(tmp_path, ("01", "02"))
    for image in images_of(tmp_path):
        image.write_bytes(BOLD)
    for name in ("v1", "v2", "centres"):
        put(tmp_path, f"masks/{name}.nii.gz", MASK)
    return tmp_path


def opened(
    root: Path,
    analysis: str = REGIONS,
    *,
    mask: str = "",
    v1: str = "masks/v1.nii.gz",
    resample: str = "false",
    quality: str = "false",
) -> OpenStudy:
    data = "{task: dd, space: T1w" + (f", mask: '{mask}'" if mask else "") + "}"
    path = root / "study.yaml"
    path.write_text(
        STUDY.format(data=data, v1=v1, resample=resample, analysis=analysis, quality=quality)
    )
    return open_study(path)


def refused(root: Path, *args: Any, **options: Any) -> list[str]:
    with pytest.raises(bs.ParameterError) as caught:
        opened(root, *args, **options)
    return str(caught.value).replace(f"{root}/study.yaml, line ", "").splitlines()


def test_masks_that_can_be_used(root: Path) -> None:
    assert opened(root, mask="masks/v1.nii.gz", quality="true").inputs.problems == ()
    assert opened(root, LIGHT).inputs.usable == ("01", "02")


def test_empty_masks(root: Path) -> None:
    put(root, "masks/v1.nii.gz", EMPTY)
    put(root, "masks/centres.nii.gz", EMPTY)
    empty = "must be a mask that has voxels: {} is empty: it holds no voxel that is not 0"
    v1, centres = (
        empty.format(root / "masks/v1.nii.gz"),
        empty.format(root / "masks/centres.nii.gz"),
    )
    assert refused(root) == [f"4: `rois.masks.v1` {v1}"]
    assert refused(root, resample="true") == [f"4: `rois.masks.v1` {v1}"]
    assert refused(root, LIGHT, mask="masks/v1.nii.gz") == [
        f"1: `data.mask` {v1}",
        f"9: `analyses[0].process_mask` {centres}",
    ]


def test_masks_on_another_grid(root: Path) -> None:
    put(root, "masks/v2.nii.gz", OTHER)
    (line,) = refused(root)
    assert line.startswith("5: `rois.masks.v2` must lie on the grid of the images, shape (6, 7, 5)")
    assert ", got shape (3, 4, 3), affine [4 0 0 0" in line
    assert line.endswith(f"{RESAMPLE}: {root / 'masks/v2.nii.gz'}")
    assert opened(root, resample="true").inputs.problems == ()
    # The mask of betas is not resampled.
    (line,) = refused(root, LIGHT, mask="masks/v2.nii.gz", resample="true")
    assert line.startswith("1: `data.mask` must lie on the grid of the images, shape (6, 7, 5)")
    assert RESAMPLE not in line


def test_masks_that_nothing_takes(root: Path) -> None:
    put(root, "masks/v2.nii.gz", OTHER)
    only = "{kind: decoding, name: x, rois: [v1]}"
    assert opened(root, only).inputs.problems == ()
    # How much of a region has data is told of all regions.
    assert refused(root, only, quality="true")[0].startswith("5: `rois.masks.v2` must lie on")


def test_what_is_wrong_with_one_subject_is_a_problem_of_it(root: Path) -> None:
    for image in images_of(root, "02"):
        image.write_bytes(OTHER_BOLD)
    inputs = opened(root).inputs
    assert inputs.usable == ("01",)
    found = {(one.subject, Path(one.path).name, one.what[:34]) for one in inputs.problems}
    wanted = "must lie on the grid of the images"
    assert found == {("02", "v1.nii.gz", wanted), ("02", "v2.nii.gz", wanted)}
    assert inputs.table()["included"].tolist() == [True, False]


def test_masks_of_subjects_own(root: Path) -> None:
    put(root, "own/01.nii.gz", MASK)
    put(root, "own/02.nii.gz", OTHER)
    inputs = opened(root, v1="'own/{subject}.nii.gz'").inputs
    assert [(one.subject, Path(one.path).name) for one in inputs.problems] == [("02", "02.nii.gz")]
    put(root, "own/01.nii.gz", OTHER)
    (line,) = refused(root, v1="'own/{subject}.nii.gz'")
    assert line.startswith("4: `rois.masks.v1` must lie on the grid")


def test_an_atlas_on_another_grid(root: Path) -> None:
    put(root, "atlas.nii.gz", OTHER)
    settings = {
        "data": {"root": str(root), "task": "dd", "space": "T1w"},
        "rois": {"atlas": {"image": "atlas.nii.gz"}},
        "analyses": [{"kind": "extraction", "name": "courses"}],
    }
    with pytest.raises(bs.ParameterError, match=r"^`rois.atlas.image` must lie on the grid"):
        study_of(StudySettings.model_validate(settings), root)
    settings["rois"] = {"atlas": {"image": "atlas.nii.gz"}, "resample": True}
    assert study_of(StudySettings.model_validate(settings), root).inputs.problems == ()


def test_an_image_whose_header_cannot_be_read(root: Path) -> None:
    image = images_of(root, "02")[0]
    image.write_bytes(gzip.compress(b"no image"))
    inputs = opened(root).inputs
    assert inputs.usable == ("01",)
    (problem,) = inputs.problems
    assert problem.path == str(image)
    assert "cannot be read as an image" in problem.what


MAPS = "{{kind: contrasts, name: x, contrasts: {{ab: '{0}'}}}}"


@pytest.mark.parametrize(
    "expression",
    ["a - b", "`a` - 0.5*b", "a_derivative", "a - drift_1 + constant", "`2` - a"],
)
def test_contrasts_that_may_be_of_the_events(root: Path, expression: str) -> None:
    name_conditions(root, "a", "b")
    assert opened(root, MAPS.format(expression)).inputs.problems == ()


def test_a_contrast_of_no_condition_is_told_beside_what_is_wrong_with_subjects(root: Path) -> None:
    name_conditions(root, "face", "house")
    (line,) = refused(root, MAPS.format("face - hause"))
    assert line == (
        "9: `analyses[0].contrasts.ab` must name conditions of the events, got 'hause'; "
        "did you mean 'house'?"
    )
    for image in images_of(root):
        image.write_bytes(b"")
    contrast, *others = refused(root, MAPS.format("face - hause"))
    assert contrast == line
    assert len(others) == 1
    assert others[0].startswith("subjects 01, 02: ")
    assert others[0].endswith("and 3 more files: is empty: it holds 0 bytes")


def test_a_cell_without_a_value_is_no_condition(root: Path) -> None:
    name_conditions(root, "face", "n/a", "", "NA")
    (line,) = refused(root, MAPS.format("face - hause_x"))
    assert line.endswith("got 'hause_x'; there are NA, face")
    # Derivatives of a condition begin with its name, which is not "".
    (line,) = refused(root, MAPS.format("face - _x"))
    assert "got '_x'" in line


def test_contrasts_are_left_to_their_units_where_a_table_cannot_tell(root: Path) -> None:
    name_conditions(root, "face", "house")
    next(root.glob("sub-01/func/*_events.tsv")).write_text("onset\tduration\n1\t1\n")
    assert opened(root, MAPS.format("face - hause")).inputs.usable


def name_conditions(root: Path, *names: str) -> None:
    for path in root.glob("sub-*/func/*_events.tsv"):
        rows = [f"{i}\t1\t{name}" for i, name in enumerate(names)]
        path.write_text("\n".join(["onset\tduration\ttrial_type", *rows, ""]))


def test_a_hundred_subjects_in_a_second(tmp_path: Path) -> None:
    labels = [f"{i:03d}" for i in range(100)]
    write_study(tmp_path, labels)
    for image in images_of(tmp_path):
        image.write_bytes(BOLD)
    for label in labels:
        put(tmp_path, f"own/{label}.nii.gz", MASK)
    put(tmp_path, "masks/v1.nii.gz", MASK)
    settings = StudySettings.model_validate(
        {
            "data": {"task": "dd", "space": "T1w"},
            "rois": {"masks": {"v1": "masks/v1.nii.gz", "own": "own/{subject}.nii.gz"}},
            "targets": {"picture": {"column": "trial_type"}},
            "analyses": [{"kind": "decoding", "name": "x"}],
        }
    )
    # Of this process alone: others may use the cores meanwhile.
    started = time.process_time()
    inputs, wrong = check_masks(settings, find_inputs(settings, tmp_path), tmp_path)
    assert time.process_time() - started < 1
    assert (wrong, inputs.problems, len(inputs.usable)) == ([], (), 100)
