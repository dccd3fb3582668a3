"""The quality of runs against nibabel, numpy and nilearn, also where parts are missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix
from numpy.typing import NDArray

from boldstream.signal.quality import MOTION_COLUMNS, framewise_displacement
from boldstream.study.inputs.found import StudyInputs
from boldstream.study.planning.plan import StudyPlan
from tests.study.made import atlas_of, make_inputs
from tests.study.steps.doing import do_all, plan_of

TARGETS = {"picture": {"column": "picture"}}
DECODING = {"kind": "decoding", "name": "regions"}
COURSES = {"kind": "extraction", "name": "courses"}
MISSING_VOLUMES = 4


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> StudyInputs:
    """One subject; the first volume of its second run lacks a slab of the brain."""
    found = make_inputs(tmp_path_factory.mktemp("study") / "data")
    files = found.subjects["01"]
    rng = np.random.default_rng(1)
    runs = []
    for number, run in enumerate(files.runs):
        image: Any = nib.load(run.image)
        data = image.get_fdata()
        if number == 1:
            data[:, :, :5] = 0
        nib.Nifti1Image(data.astype("f4"), image.affine, image.header).to_filename(run.image)
        motion = pd.DataFrame(rng.normal(0, 0.1, (80, 6)), columns=list(MOTION_COLUMNS))
        path = run.image.with_name(f"confounds-{number}.tsv")
        motion.assign(csf=rng.normal(size=80)).to_csv(path, sep="\t", index=False)
        runs.append(replace(run, confounds=path))
    return replace(found, subjects={"01": replace(files, runs=tuple(runs))})


@pytest.fixture(scope="module")
def done(inputs: StudyInputs, tmp_path_factory: pytest.TempPathFactory) -> StudyPlan:
    settings = {
        "targets": TARGETS,
        "analyses": [DECODING],
        "confounds": {"columns": ["csf"]},
        "betas": {"method": "lsa", "hrf_model": "spm", "high_pass": 0.02},
        "quality": True,
    }
    plan = plan_of(inputs, tmp_path_factory.mktemp("out"), **settings)
    only = replace(plan, units={"sub-01/quality": plan.units["sub-01/quality"]})
    assert not do_all(only)["sub-01/quality"].error
    return only


def files_of(plan: StudyPlan, ending: str) -> list[Path]:
    return sorted((plan.output / "sub-01/quality").glob(f"*{ending}"))


def frame(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values=["n/a"])


def values(path: Path) -> NDArray[np.float64]:
    image: Any = nib.load(path)
    return np.asarray(image.get_fdata())


def brain_of(inputs: StudyInputs) -> NDArray[np.bool_]:
    mask = inputs.subjects["01"].mask
    assert mask is not None
    return values(mask) > 0


def test_maps_are_numpys(inputs: StudyInputs, done: StudyPlan) -> None:
    means, tsnrs = files_of(done, "_mean.nii.gz"), files_of(done, "_tsnr.nii.gz")
    assert [path.name for path in means] == [
        f"sub-01_desc-quality_run-{run}_mean.nii.gz" for run in (1, 2)
    ]
    for run, mean, tsnr in zip(inputs.subjects["01"].runs, means, tsnrs, strict=True):
        data = values(run.image)
        deviation = data.std(-1)
        expected = np.divide(
            data.mean(-1), deviation, out=np.zeros_like(deviation), where=deviation > 0
        )
        np.testing.assert_allclose(values(mean), data.mean(-1), rtol=1e-5)
        np.testing.assert_allclose(values(tsnr), expected, rtol=1e-4, atol=1e-4)


def test_volumes_and_carpet_are_numpys(inputs: StudyInputs, done: StudyPlan) -> None:
    inside = brain_of(inputs)
    runs = inputs.subjects["01"].runs
    tables, carpets = files_of(done, "_volumes.tsv"), files_of(done, "_carpet.npy")
    facts = json.loads(files_of(done, "_quality.json")[0].read_text())
    for i, run in enumerate(runs):
        table, carpet = frame(tables[i]), np.load(carpets[i])
        voxels = values(run.image)[inside]
        dvars = np.sqrt((np.diff(voxels, axis=1) ** 2).mean(0))
        assert run.confounds is not None
        motion = frame(run.confounds)[list(MOTION_COLUMNS)]
        moved = framewise_displacement(motion.to_numpy())
        assert table["volume"].tolist() == list(range(80))
        np.testing.assert_allclose(table["dvars"], [np.nan, *dvars], rtol=1e-9)
        np.testing.assert_allclose(table["framewise_displacement"], moved, rtol=1e-9)
        pd.testing.assert_frame_equal(table[list(MOTION_COLUMNS)], motion)
        assert carpet.dtype == np.float32
        assert carpet.shape == (min(500, int(inside.sum())), 80)
        assert set(carpet.std(axis=1, ddof=1).round(4)) <= {0.0, 1.0}
        one = facts["runs"][i]
        assert (one["label"], one["n_volumes"]) == (f"run-{i + 1}", 80)
        assert one["n_high_motion"] == int((moved > 0.5).sum()) > 0
        assert one["mean_fd"] == pytest.approx(np.nanmean(moved))
        assert one["mean_dvars"] == pytest.approx(dvars.mean())
        assert one["mean_tsnr"] == pytest.approx(
            values(files_of(done, "_tsnr.nii.gz")[i])[inside].mean(), rel=1e-5
        )
    image: Any = nib.load(runs[0].image)
    assert facts["t_r"] == pytest.approx(image.header.get_zooms()[3])


def test_designs_are_nilearns(inputs: StudyInputs, done: StudyPlan) -> None:
    runs = inputs.subjects["01"].runs
    image: Any = nib.load(runs[0].image)
    frames = np.arange(80) * float(image.header.get_zooms()[3])
    for run, path in zip(runs, files_of(done, "_design.tsv"), strict=True):
        assert run.events is not None
        assert run.confounds is not None
        expected = make_first_level_design_matrix(
            frames,
            frame(run.events)[["onset", "duration", "trial_type"]],
            hrf_model="spm",
            high_pass=0.02,
            add_regs=frame(run.confounds)[["csf"]],
        )
        found = frame(path)
        np.testing.assert_allclose(found.pop("frame_time"), frames)
        assert list(found) == list(expected)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_no_design_is_told_that_no_analysis_fits(inputs: StudyInputs, tmp_path: Path) -> None:
    model: dict[str, Any] = {"name": "effects", "hrf_model": "glover", "contrasts": {"a": "a - b"}}
    fitted = {"kind": "contrasts", **model}
    events = {str(run.events) for run in inputs.subjects["01"].runs}
    for analyses, hrf_model in [([COURSES], None), ([COURSES, fitted], "glover")]:
        unit = plan_of(inputs, tmp_path, analyses=analyses, quality=True).units["sub-01/quality"]
        assert unit.parameters["settings"].get("hrf_model") == hrf_model
        assert bool(unit.parameters["events"]) == (hrf_model is not None)
        assert events.isdisjoint(unit.inputs) == (hrf_model is None)


def test_coverage_counts_voxels_that_hold_data_in_all_runs(
    inputs: StudyInputs, done: StudyPlan
) -> None:
    table = frame(files_of(done, "_coverage.tsv")[0]).set_index("roi")
    labels = values(Path(atlas_of(inputs.root)))
    has_data = np.logical_and.reduce(
        [values(run.image).std(-1) > 0 for run in inputs.subjects["01"].runs]
    )
    counts = [(int((labels == i).sum()), int(has_data[labels == i].sum())) for i in range(1, 5)]
    assert list(zip(table["n_voxels"], table["n_with_data"], strict=True)) == counts
    np.testing.assert_allclose(table["share"], [some / n for n, some in counts])
    assert table["share"].min() < 1


def test_little_is_known_of_runs_without_tables_and_masks(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    files = inputs.subjects["01"]
    bare = replace(files.runs[0], label="", events=None, confounds=None)
    some = replace(inputs, subjects={"01": replace(files, runs=(bare,), mask=None)})
    plan = plan_of(some, tmp_path, analyses=[COURSES], quality=True)
    unit = plan.units["sub-01/quality"]
    assert not do_all(replace(plan, units={unit.id: unit}))[unit.id].error
    folder = tmp_path / "sub-01/quality"
    assert sorted(path.name.removeprefix("sub-01_desc-quality_") for path in folder.iterdir()) == [
        *("carpet.npy", "coverage.tsv", "mean.nii.gz", "quality.json"),
        *("tsnr.nii.gz", "unit.json", "volumes.tsv"),
    ]
    assert frame(folder / "sub-01_desc-quality_volumes.tsv")["framewise_displacement"].isna().all()
    facts = json.loads((folder / "sub-01_desc-quality_quality.json").read_text())
    assert (facts["runs"][0]["mean_fd"], facts["runs"][0]["n_high_motion"]) == (None, None)


def test_motion_without_fmripreps_columns_is_not_made_up(
    inputs: StudyInputs, tmp_path: Path
) -> None:
    files = inputs.subjects["01"]
    numbers, table = tmp_path / "mc.par", tmp_path / "csf.tsv"
    np.savetxt(numbers, np.zeros((80, 6)))
    pd.DataFrame({"csf": np.zeros(80)}).to_csv(table, sep="\t", index=False)
    runs = tuple(
        replace(run, confounds=path) for run, path in zip(files.runs, (numbers, table), strict=True)
    )
    some = replace(inputs, subjects={"01": replace(files, runs=runs)})
    plan = plan_of(some, tmp_path / "out", analyses=[COURSES], quality=True)
    unit = plan.units["sub-01/quality"]
    assert not do_all(replace(plan, units={unit.id: unit}))[unit.id].error
    for path in files_of(plan, "_volumes.tsv"):
        assert list(frame(path)) == ["volume", "dvars", "framewise_displacement"]


def test_the_other_units_are_what_they_were(inputs: StudyInputs, tmp_path: Path) -> None:
    """Neither quality nor tables of motion, found for it, change keys of other results."""
    settings = {"targets": TARGETS, "analyses": [DECODING, COURSES]}
    files = inputs.subjects["01"]
    without = replace(files, runs=tuple(replace(run, confounds=None) for run in files.runs))
    bare = plan_of(
        replace(inputs, subjects={"01": without}), tmp_path, quality=False, **settings
    ).units
    found = dict(plan_of(inputs, tmp_path, quality=True, **settings).units)
    assert found.pop("sub-01/quality").needs == ()
    assert found == bare
    assert list(plan_of(inputs, tmp_path, behaviour={}, quality=True).units) == ["sub-01/behaviour"]
