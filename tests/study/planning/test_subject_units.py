"""Units of a subject: what stands in them, and where their results go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from boldstream.study.inputs.found import RunFiles, StudyInputs, SubjectFiles
from boldstream.study.planning.plan import make_plan, read_plan, write_plan
from boldstream.study.planning.unit import Unit
from boldstream.study.settings import StudySettings

BASE = Path("/study")
MASKS = {"v1": "v1.nii.gz", "it": "it.nii.gz"}
TARGETS = {"choice": {"column": "choice"}, "value": {"column": "value", "values": True}}


def units(*, regions: Any = None, split: bool = True, **analysis: Any) -> dict[str, Unit]:
    """Units of one analysis of regions."""
    settings = StudySettings.model_validate(
        {
            "rois": regions or {"masks": MASKS},
            "targets": TARGETS,
            "analyses": [{"kind": "decoding", "name": "choices", **analysis}],
            "quality": False,
        }
    )
    run = RunFiles("run-1", BASE / "bold.nii.gz", BASE / "events.tsv", t_r=2.0)
    masks = {name: BASE / path for name, path in settings.rois.masks.items()}
    inputs = StudyInputs(BASE, {"01": SubjectFiles("01", (run,), None, masks)})
    plan = make_plan(settings, inputs, BASE, BASE / "results", split=split)
    return {name: unit for name, unit in plan.units.items() if unit.step != "betas"}


def test_a_unit_is_the_same_whatever_else_is_asked_for() -> None:
    of_all = units()
    assert list(of_all) == ["sub-01/choices/v1", "sub-01/choices/it"]
    assert units(regions={"masks": MASKS | {"m1": "m1.nii.gz"}}).items() >= of_all.items()
    assert units(rois=["v1"]).items() <= of_all.items()
    assert units(targets=["choice", "value"]) == of_all


def test_whole_analyses_are_the_same_if_they_are_of_the_same() -> None:
    of_all = units(split=False)
    assert units(split=False, rois=["v1", "it"], targets=["choice", "value"]) == of_all
    assert units(split=False, rois=["v1"]) != of_all
    assert units(split=False, targets=["choice"]) != of_all
    assert units(split=False, scale=False) != of_all


@pytest.mark.parametrize(
    "region", ["../../elsewhere", "..", "/etc", "Heschl's Gyrus (H1/H2)", ".hidden", "a\\b", "é"]
)
def test_no_region_of_an_atlas_leads_out_of_its_folder(region: str) -> None:
    atlas = {"image": "atlas.nii.gz", "regions": [region]}
    (unit,) = units(regions={"atlas": atlas}).values()
    folder, name, part = unit.id.split("/")
    assert (folder, name) == ("sub-01", "choices")
    assert Path(BASE, unit.id).resolve() == BASE / unit.id
    assert not part.startswith(".")
    assert unit.parameters["atlas"]["regions"] == [region]


def test_regions_have_folders_of_their_own() -> None:
    regions = ["a/b", "a_b", "a b", "a%2Fb"]
    assert len(units(regions={"atlas": {"image": "atlas.nii.gz", "regions": regions}})) == 4


@pytest.mark.parametrize("confounds", [{"strategy": "compcor"}, {"columns": ["csf"]}])
def test_what_a_strategy_reads_is_an_input(tmp_path: Path, confounds: dict[str, Any]) -> None:
    settings = StudySettings.model_validate(
        {
            "confounds": confounds,
            "rois": {"masks": MASKS},
            "analyses": [{"kind": "extraction", "name": "courses"}],
            "quality": False,
        }
    )
    table, sidecar = tmp_path / "confounds.tsv", tmp_path / "confounds.json"
    sidecar.touch()
    run = RunFiles("", tmp_path / "bold.nii.gz", None, table)
    masks = {name: tmp_path / path for name, path in MASKS.items()}
    inputs = StudyInputs(tmp_path, {"01": SubjectFiles("01", (run,), None, masks)})
    (unit,) = make_plan(settings, inputs, tmp_path, tmp_path / "results").units.values()
    assert str(table) in unit.inputs
    assert (str(sidecar) in unit.inputs) == ("strategy" in confounds)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    settings = StudySettings.model_validate(
        {"analyses": [{"kind": "extraction", "name": "courses"}], "rois": {"masks": MASKS}}
    )
    run = RunFiles("run-1", BASE / "bold.nii.gz")
    masks = {name: BASE / path for name, path in MASKS.items()}
    subjects = {f"{i:03d}": SubjectFiles(f"{i:03d}", (run,), None, masks) for i in range(70)}
    plan = make_plan(settings, StudyInputs(BASE, subjects), BASE, tmp_path)
    files = write_plan(plan, tmp_path)
    assert len(set(files.values())) == 2
    read: dict[str, Unit] = {}
    for file in set(files.values()):
        part = read_plan(file)
        assert (part.root, part.output) == (plan.root, plan.output)
        read |= part.units
    assert read == plan.units
    assert {read_plan(files["069"]).units["sub-069/courses"].subject} == {"069"}


def test_names_beside_an_atlas_are_an_input(tmp_path: Path) -> None:
    image, table = tmp_path / "atlas_dseg.nii.gz", tmp_path / "atlas_dseg.tsv"
    image.touch()
    (unit,) = units(regions={"atlas": {"image": str(image)}}).values()
    assert str(table) not in unit.inputs
    table.touch()
    (unit,) = units(regions={"atlas": {"image": str(image)}}).values()
    assert str(table) in unit.inputs
    assert unit.parameters["atlas"]["names"] == str(table)
