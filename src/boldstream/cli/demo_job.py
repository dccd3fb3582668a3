"""The demo: make a study, run it end to end, and only then look at what was planted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from boldstream.api import load_mask
from boldstream.io.volume import read_volume
from boldstream.simulate.choice_study import (
    ChoiceStudyDesign,
    ChoiceTruth,
    make_choice_study,
    read_choice_truth,
)
from boldstream.streaming.progress import Report
from boldstream.study.running.result import StudyResult
from boldstream.study.steps.tables import read_frame
from boldstream.study.studies import run_study

STUDY = "study.yaml"
_ALPHA = 0.05
_TEXT = """\
# Written by `boldstream demo`. Run it again with: boldstream run study.yaml
data:
  task: {task}
  mask: {mask}
rois:
  masks:
{masks}
confounds: {{columns: [trans_x, trans_y, trans_z, rot_x, rot_y, rot_z]}}
behaviour: {{}} # hyperbolic discounting: subjective_value is one of its values
targets:
  choice: {{column: choice}}
  value: {{column: subjective_value, values: true}}
analyses:
  - {{kind: extraction, name: courses}}
  - {{kind: decoding, name: regions}}
  - {{kind: searchlight, name: light, target: choice, radius: 8}}
  - {{kind: group, name: group_regions, of: regions}}
  - {{kind: group, name: group_light, of: light}}
"""


@dataclass(frozen=True)
class DemoResult:
    """What the demo planted and what it found.

    Attributes
    ----------
    study : StudyResult
    truth : ChoiceTruth
    group : pandas.DataFrame
        Tests of regions.
    found : dict of str to tuple of str
        Regions above chance by target (t-test, false discovery rate 0.05).
    peak : tuple of str
        Regions that the highest mean of the group's searchlight lies in.
    log_k_error : float
        Largest difference of a subject's log k from the planted one.
    """

    study: StudyResult
    truth: ChoiceTruth
    group: pd.DataFrame
    found: dict[str, tuple[str, ...]]
    peak: tuple[str, ...]
    log_k_error: float

    @property
    def recovered(self) -> bool:
        """Whether just what was planted was found: nothing missed, nothing made up."""
        return (
            self.found == {"choice": self.truth.choice, "value": self.truth.value}
            and self.peak == self.truth.choice
            and not len(self.study.failed)
        )


def run_demo(
    folder: Path,
    design: ChoiceStudyDesign | None = None,
    *,
    n_jobs: int = -1,
    progress: bool | Report = False,
) -> DemoResult:
    """Make a study in a new or empty folder, run it, and compare.

    Raises
    ------
    OutputExistsError
        The folder holds something already.
    """
    make_choice_study(folder, design)
    path = folder / STUDY
    path.write_text(_study_text(folder), encoding="utf-8")
    result = run_study(path, n_jobs=n_jobs, progress=progress)
    output = result.output_dir
    group = read_frame(_one(output / "group" / "group_regions", "group.tsv"))
    truth = read_choice_truth(folder)
    above = group[group["p_t_fdr"] < _ALPHA]
    found = {
        target: tuple(sorted(above.loc[above["target"] == target, "roi"]))
        for target in ("choice", "value")
    }
    peak = _peak(folder, output / "group" / "group_light" / "mean.nii.gz", truth.regions)
    return DemoResult(result, truth, group, found, peak, _log_k_error(output, truth))


def first_image(folder: Path) -> Path:
    """The first run of the first subject."""
    return min(folder.rglob("*_bold.nii.gz"))


def _study_text(folder: Path) -> str:
    image = first_image(folder)
    task = image.name.split("_task-")[1].split("_")[0]
    mask = min(folder.rglob("*_desc-brain_mask.nii.gz")).relative_to(folder)
    names = sorted(path.name.removesuffix(".nii.gz") for path in (folder / "masks").glob("*.gz"))
    masks = "\n".join(f"    {name}: masks/{name}.nii.gz" for name in names)
    template = str(mask).replace("sub-01", "sub-{subject}")
    return _TEXT.format(task=task, mask=template, masks=masks)


def _one(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"*_{suffix}")
    return path


def _peak(folder: Path, path: Path, regions: tuple[str, ...]) -> tuple[str, ...]:
    """Regions that hold the voxel of the highest value."""
    values = read_volume(str(path), None, name="t").values
    place = np.unravel_index(int(np.argmax(values)), values.shape)
    return tuple(
        name for name in regions if load_mask(str(folder / "masks" / f"{name}.nii.gz"))[place]
    )


def _log_k_error(output: Path, truth: ChoiceTruth) -> float:
    errors = []
    for subject, log_k in truth.log_k.items():
        path = _one(output / f"sub-{subject}" / "behaviour", "discounting.tsv")
        errors.append(abs(float(read_frame(path)["log_k"].iloc[0]) - log_k))
    return max(errors)
