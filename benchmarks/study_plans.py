"""A hundred subjects as fMRIPrep leaves them: how long it takes to find and to plan."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import asked
from benchmarks.rows import Row, figure
from benchmarks.settings import Settings
from benchmarks.study_limit import SUITE
from boldstream.io.bids.index import BidsIndex
from boldstream.study.inputs import find_inputs
from boldstream.study.planning.plan import make_plan
from boldstream.study.settings import StudySettings
from tests.io.bids.trees import write_study

_STUDY: dict[str, Any] = {
    "data": {"task": "dd", "space": "T1w"},
    "confounds": {"columns": ["trans_x"]},
    "rois": {"masks": {"v1": "masks/v1.nii.gz"}},
    "targets": {"picture": {"column": "trial_type"}},
    "analyses": [{"kind": "decoding", "name": "regions"}],
}


def plan_rows(settings: Settings) -> Iterator[Row]:
    """The index of names beside pybids, and all inputs checked and planned."""
    from bids import BIDSLayout

    n_subjects = 4 if settings.quick else 100
    row = partial(figure, SUITE, f"{n_subjects} subjects")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_study(root, [f"{i:03d}" for i in range(n_subjects)])
        n_files = sum(path.is_file() for path in root.rglob("*"))
        study, derivatives = StudySettings.model_validate(_STUDY), root / "derivatives/fmriprep"

        def index() -> None:
            BidsIndex(root, derivatives)

        def plan() -> None:
            make_plan(study, find_inputs(study, root), root, root / "out")

        index_seconds = _median(index, settings.repeats)
        config = ["bids", "derivatives"]
        other = _median(lambda: BIDSLayout(root, validate=False, config=config), 1)
        seconds = _median(plan, settings.repeats)
    yield row(
        "index of names",
        index_seconds,
        "s",
        peer="pybids, once",
        peer_value=other,
        ratio=other / index_seconds,
        ratio_unit="× faster",
        n=settings.repeats,
        note=f"{n_files} files",
    )
    what, n = "index, inputs checked, plan", settings.repeats
    yield row(what, seconds, "s", ask=asked.INDEX_SECONDS, n=n, note=f"{n_files} files")


def _median(work: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
