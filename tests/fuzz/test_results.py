"""Damaged results of a study: a report that says so, or an error that names the file."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boldstream.report import write_report
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.strategies.damages import Damage, damages, text_damages

_TABLES = {
    "status.tsv": "subject\tunit\tstep\tstate\tattempts\tseconds\terror\ttraceback\n"
    "01\tsub-01/regions/V1\tdecoding\tdone\t1\t2.5\t\t\n"
    "02\tsub-02/regions/V1\tdecoding\tfailed\t2\t1.5\tno\tno\n",
    "subjects.tsv": "subject\tincluded\tn_runs\treason\n01\tTrue\t2\t\n02\tFalse\t\tno\n",
    "dataset_description.json": json.dumps({"Name": "a study", "BIDSVersion": "1.10.0"}),
}
_UNIT = {
    "decoding.tsv": "roi\ttarget\tscore\tchance\tp\nV1\tpicture\t0.75\t0.5\t0.05\n",
    "folds.tsv": "roi\ttarget\tfold\tscore\nV1\tpicture\t0\t0.5\nV1\tpicture\t1\t1\n",
}
_PARAMETERS = {"settings": {"kind": "decoding", "name": "regions", "estimator": "lda"}}


def make_results(folder: Path) -> list[Path]:
    """A study of two subjects, of which one has results; all of its files."""
    unit, light = folder / "sub-01/regions/V1", folder / "sub-01/light"
    for place in (unit, light):
        place.mkdir(parents=True)
    for name, text in _TABLES.items():
        (folder / name).write_text(text)
    for name, text in _UNIT.items():
        (unit / name).write_text(text)
    scores = np.random.default_rng(0).random((4, 4, 4)).astype("f4")
    nib.save(nib.Nifti1Image(scores, np.eye(4)), light / "sub-01_scores.nii.gz")
    for place, step in ((unit, "decoding"), (light, "searchlight")):
        files = {path.name: path.stat().st_size for path in place.iterdir()}
        note = {"step": step, "files": files, "seconds": 1.5, "parameters": _PARAMETERS}
        (place / "unit.json").write_text(json.dumps(note))
    return sorted(path for path in folder.rglob("*") if path.is_file())


@cases(quick=3, deep=0.1)
@given(which=st.integers(0, 99), damage=st.one_of(text_damages(), damages()))
def test_a_report_of_damaged_results(which: int, damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # matplotlib and pandas say what they think of odd values.
        warnings.simplefilter("ignore", UserWarning)
        results = Path(folder, "results")
        files = make_results(results)
        file = files[which % len(files)]
        file.write_bytes(damage(file.read_bytes()))
        with refusing(results):
            page = write_report(results, Path(folder, "report"))
            assert page.stat().st_size > 1000
