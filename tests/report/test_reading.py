"""`read_run`: folders of results of whatever age and state."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from boldstream.core.errors import ParameterError, TableError
from boldstream.report.reading import read_run
from boldstream.report.results import FAILED, Unit
from boldstream.study.inputs.found import Problem
from boldstream.study.planning import unit as planning
from boldstream.study.running.schedule import Progress
from boldstream.study.running.status import status_of, write_status

TEXT = 'a\\n "b"\tc\\\\ <d>\n\n\\t é'


def test_all_units_of_a_run_are_found_with_their_notes(made_results: Path) -> None:
    run = read_run(made_results)
    status = pd.read_csv(made_results / "status.tsv", sep="\t", dtype=str)
    assert {unit.id for unit in run.units} == set(status["unit"])
    assert all(unit.folder is not None and unit.state == "done" for unit in run.units)
    assert [subject.label for subject in run.subjects] == ["01", "02"]
    assert all(subject.included and subject.n_runs == 2 for subject in run.subjects)
    (betas,) = [unit for unit in run.of("02") if unit.name == "betas"]
    assert betas.parameters()["settings"]["method"] == "lsa"
    assert betas.find("trials.tsv") == [made_results / "sub-02/betas/betas/trials.tsv"]
    assert run.settings["betas"]["high_pass"] == 0.0125
    assert run.left_over == ()


def test_texts_of_the_status_come_back_as_they_were(tmp_path: Path) -> None:
    unit = planning.Unit("decoding", "regions", "01", "V1")
    rows = [Progress(unit, "failed", 2, error=TEXT, traceback=TEXT)]
    problems = [Problem("02", "sub-02_bold.nii.gz", "is empty")]
    subjects = pd.DataFrame({"subject": ["01"], "included": [True], "n_runs": [2], "reason": [""]})
    versions = {"versions": {"boldstream": "1"}}
    write_status(tmp_path, status_of(rows, {}, problems), subjects, versions)
    run = read_run(tmp_path)
    (failed,) = run.of("01")
    assert (failed.id, failed.part, failed.attempts) == ("sub-01/regions/V1", "V1", 2)
    # Blanks around a cell are not kept.
    assert failed.traceback == TEXT
    assert failed.error == TEXT
    (unusable,) = run.of("02")
    assert (unusable.state, unusable.name, unusable.folder) == ("unusable", "", None)
    assert not run.subjects[1].included
    assert run.subjects[1].reason == "sub-02_bold.nii.gz: is empty"


def test_a_run_that_was_broken_off_is_read_from_its_plan(results: Path) -> None:
    for name in ("status.tsv", "subjects.tsv", "dataset_description.json"):
        (results / name).unlink()
    run = read_run(results)
    states = {unit.id: unit.state for unit in run.units}
    assert states["sub-01/light"] == "done"
    assert states["sub-02/light"] == "unfinished"
    assert run.settings == {}
    shutil.rmtree(results / ".boldstream")
    assert {unit.state for unit in read_run(results).units} == {"done"}


def test_results_that_went_or_are_damaged_are_told(results: Path) -> None:
    (results / "sub-01" / "light" / "unit.json").write_text('{"files": 3}')
    (results / "sub-01" / "maps" / "unit.json").write_text("{")
    states = {unit.id: unit.state for unit in read_run(results).units}
    assert states["sub-01/light"] == states["sub-01/maps"] == "damaged"
    assert states["sub-02/light"] == "missing"
    assert "damaged" in FAILED
    for content in ("{}", '{"parameters": {}}'):
        note = json.loads(content)
        (results / "sub-01" / "maps" / "unit.json").write_text(json.dumps({"files": {}, **note}))
        (unit,) = [one for one in read_run(results).units if one.id == "sub-01/maps"]
        with pytest.raises(TableError, match="parameters were not noted"):
            unit.parameters()


@pytest.mark.parametrize(
    "change",
    [
        *({"seconds": "<b>"}, {"seconds": -1}, {"peak_bytes": []}, {"files": {"a.tsv": None}}),
        # Larger than any float.
        *({"seconds": 10**400}, {"files": {"a.tsv": 10**400}}),
    ],
)
def test_amounts_that_are_none_make_a_result_damaged(
    results: Path, change: dict[str, object]
) -> None:
    path = results / "sub-01" / "maps" / "unit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (unit,) = [one for one in read_run(results).units if one.id == "sub-01/maps"]
    assert unit.state == "damaged"
    assert "must be a number of at least 0, got" in unit.error


def test_a_damaged_plan_and_a_status_without_subjects_are_told(results: Path) -> None:
    plan = next((results / ".boldstream" / "plan").glob("*.json"))
    whole = plan.read_text()
    plan.write_text('{"units": [{"name": "x"}]}')
    with pytest.raises(TableError, match=r"json is damaged: KeyError: 'subject'"):
        read_run(results)
    plan.write_text(whole)
    (results / "status.tsv").write_text("unit\tstate\nn/a\tunusable\n")
    with pytest.raises(TableError, match="subject"):
        read_run(results)


def test_what_is_no_run_is_refused_with_a_hint(made_results: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no-such, which does not exist"):
        read_run(tmp_path / "no-such")
    (tmp_path / "status.tsv").touch()
    with pytest.raises(ParameterError, match=r"status\.tsv, which is a file"):
        read_run(tmp_path / "status.tsv")
    (tmp_path / "status.tsv").unlink()
    with pytest.raises(ParameterError, match=r"holds neither status\.tsv nor results"):
        read_run(tmp_path)
    root = made_results.parents[1]
    with pytest.raises(ParameterError, match=f"did you mean {made_results}"):
        read_run(root)


def test_results_elsewhere_and_names_that_lead_out_are_not_read(results: Path) -> None:
    outside = results.parent / "outside"
    (results / "sub-02" / "behaviour").rename(outside)
    (results / "sub-02" / "behaviour").symlink_to(outside)
    path = results / "sub-02" / "betas" / "unit.json"
    note = json.loads(path.read_text())
    note["files"] |= {"../../../secret.tsv": 3, "/etc/passwd": 4}
    path.write_text(json.dumps(note))
    units = {unit.id: unit for unit in read_run(results).units}
    assert units["sub-02/behaviour"].state == "missing"
    assert not {"../../../secret.tsv", "/etc/passwd"} & set(units["sub-02/betas"].files)


def test_results_of_earlier_studies_are_set_apart(results: Path) -> None:
    shutil.copytree(results / "sub-01" / "behaviour", results / "sub-01" / "older")
    run = read_run(results)
    assert run.left_over == ("sub-01/older",)
    assert "sub-01/older" not in {unit.id for unit in run.units}


def test_parts_of_an_id() -> None:
    unit = Unit("sub-01/regions/Frontal Pole, left")
    assert (unit.subject, unit.name, unit.part) == ("01", "regions", "Frontal Pole, left")
    assert (Unit("group/maps").subject, Unit("sub-01/").name, Unit("x").name) == ("", "", "")
    assert Unit("group/maps").note() == {}


def test_regions_of_a_whole_analysis_are_not_told_twice(results: Path) -> None:
    """`run --rois` in a study of many subjects makes units beside that of all regions."""
    before = {unit.id for unit in read_run(results).units}
    part = next(name for name in sorted(before) if name.startswith("sub-01/regions/"))
    shutil.copytree(results / part, results / "whole")
    shutil.rmtree(results / "sub-01" / "regions")
    shutil.move(results / "whole", results / "sub-01" / "regions")
    shutil.copytree(results / "sub-01" / "regions", results / "whole")
    shutil.move(results / "whole", results / part)
    status = results / "status.tsv"
    line = next(line for line in status.read_text().splitlines() if part in line)
    status.write_text(f"{status.read_text()}{line.replace(part, 'sub-01/regions')}\n")
    found = {unit.id for unit in read_run(results).units if unit.id.startswith("sub-01/regions")}
    assert found == {"sub-01/regions"}
    assert {name for name in before if name.startswith("sub-02/")} <= {
        unit.id for unit in read_run(results).units
    }
