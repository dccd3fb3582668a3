"""Maps of a group are tested against the chance that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from tests.study.made import SUBJECTS, make_inputs
from tests.study.steps.doing import do_all, plan_of

TARGETS = {"picture": {"column": "picture"}}


def volume(path: Path) -> Any:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj, np.float64)


def test_a_chance_is_that_of_scores_and_not_taken_off_twice(tmp_path: Path) -> None:
    light = {"kind": "searchlight", "name": "light", "target": "picture", "estimator": "lda"}
    group = {"kind": "group", "of": "light", "permutations": 4}
    analyses = [light, {**group, "name": "usual"}, {**group, "name": "given", "chance": 0.25}]
    plan = plan_of(
        make_inputs(tmp_path / "data"), tmp_path / "out", targets=TARGETS, analyses=analyses
    )
    assert not any(one.error for one in do_all(plan).values())
    folders = [plan.output / f"sub-{name}/light" for name in SUBJECTS]
    scores, above, masks = (
        np.array([volume(next(folder.glob(f"*_{end}.nii.gz"))) for folder in folders])
        for end in ("scores", "scoresAboveChance", "mask")
    )
    inside = masks.all(0)
    for name, expected in (("given", scores.mean(0) - 0.25), ("usual", above.mean(0))):
        t = volume(plan.output / f"group/{name}/t.nii.gz")[inside]
        assert (np.sign(t) == np.sign(expected[inside].round(6))).all()
