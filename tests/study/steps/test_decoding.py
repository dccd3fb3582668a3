"""Decoding: what cannot be decoded is told, and does not keep the rest from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.study.inputs.found import StudyInputs
from tests.study.made import make_inputs
from tests.study.steps.doing import do_all, plan_of, table_of

TARGETS = {"picture": {"column": "picture"}, "delay": {"column": "delay", "values": True}}
REGIONS = {"kind": "decoding", "name": "regions", "estimator": "lda", "permutations": 4}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    """One subject; region "outside" lies beside the brain."""
    found = make_inputs(tmp_path_factory.mktemp("study") / "data")
    files = found.subjects["01"]
    image: Any = nib.load(files.mask)  # type: ignore[arg-type]
    outside = (np.asarray(image.dataobj) == 0).astype(np.uint8)
    path = found.root / "outside.nii.gz"
    nib.Nifti1Image(outside, image.affine).to_filename(path)
    return replace(found, subjects={"01": replace(files, rois={"outside": path})})


def test_others_are_scored(inputs: StudyInputs, tmp_path: Path) -> None:
    """A region without voxels, and a target that has one class only."""
    targets = {**TARGETS, "offer": {"column": "trial_type"}}
    plan = plan_of(inputs, tmp_path, targets=targets, analyses=[REGIONS])
    assert not any(one.error for one in do_all(plan).values())
    table = table_of(plan, "sub-01/regions", "decoding.tsv").set_index(["target", "roi"])
    assert len(table) == 15
    has_score = table["score"].notna()
    without = {name for name in table.index if name[0] == "offer" or name[1] == "outside"}
    assert set(table.index[~has_score]) == without
    assert (table["note"].isna() == has_score).all()
    assert table["note"]["picture", "outside"] == (
        "the region 'outside' has no voxel in the mask of the betas"
    )
    assert "two" in table["note"]["offer", "region_01"]
    alone = plan_of(
        replace(inputs, subjects={"01": replace(inputs.subjects["01"], rois={})}),
        tmp_path / "alone",
        targets=TARGETS,
        analyses=[REGIONS],
    )
    do_all(alone)
    expected = table_of(alone, "sub-01/regions", "decoding.tsv").set_index(["target", "roi"])
    for name in expected.index:
        assert table["score"][name] == expected["score"][name]


def test_where_nothing_can_be_decoded_the_unit_fails(inputs: StudyInputs, tmp_path: Path) -> None:
    plan = plan_of(inputs, tmp_path, targets=TARGETS, analyses=[{**REGIONS, "rois": ["outside"]}])
    outcome = do_all(plan)["sub-01/regions"]
    assert outcome.error.endswith("the region 'outside' has no voxel in the mask of the betas")


def test_values_are_searched_by_ridge_unless_told_otherwise(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    light = {"kind": "searchlight", "target": "delay"}
    analyses = [
        {**light, "name": "usual"},
        {**light, "name": "other", "estimator": "svr"},
        {**light, "name": "classes", "target": "picture"},
    ]
    plan = plan_of(inputs, tmp_path, targets=TARGETS, analyses=analyses)
    used = [
        plan.units[f"sub-01/{name}"].parameters["settings"]["estimator"]
        for name in ("usual", "other", "classes")
    ]
    assert used == ["ridge", "svr", "svc"]
    needed = ("sub-01/betas", "sub-01/usual")
    some = replace(plan, units={name: plan.units[name] for name in needed})
    assert not any(one.error for one in do_all(some).values())
    folder = plan.output / "sub-01/usual"
    assert list(folder.glob("*_scoresAboveChance.nii.gz"))


def test_no_map_is_called_above_a_chance_that_is_not_known(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    light = {"kind": "searchlight", "name": "errors", "target": "delay"}
    analyses = [{**light, "scoring": "neg_mean_squared_error"}]
    plan = plan_of(inputs, tmp_path, targets=TARGETS, analyses=analyses)
    needed = ("sub-01/betas", "sub-01/errors")
    some = replace(plan, units={name: plan.units[name] for name in needed})
    assert not any(one.error for one in do_all(some).values())
    folder = plan.output / "sub-01/errors"
    (facts,) = folder.glob("*_searchlight.json")
    assert json.loads(facts.read_text())["Chance"] is None
    assert not list(folder.glob("*_scoresAboveChance.nii.gz"))
