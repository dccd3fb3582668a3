"""Made-up data sets: names without images."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

SPACES = ("MNI152NLin2009cAsym_res-2", "T1w")
HEAD = gzip.compress(b"an image, as far as its first bytes tell")
EVENTS = "onset\tduration\ttrial_type\tdelay\n0\t1\tface\t3\n9\t1\thouse\t5\n"
CONFOUNDS = "trans_x\ttrans_y\n0\t0\n"


def write(root: Path, *names: str) -> None:
    """Files that can be read, as far as their names ask for it."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".gz"):
            path.write_bytes(HEAD)
        else:
            path.write_text(_content(name))


def _content(name: str) -> str:
    if name.endswith("bold.json"):
        return json.dumps({"RepetitionTime": 2.0})
    if name.endswith("_events.tsv"):
        return EVENTS
    return CONFOUNDS if name.endswith(".tsv") else "{}"


def raw_names(subject: str, runs: Iterable[str], task: str = "dd") -> list[str]:
    stems = [f"sub-{subject}/func/sub-{subject}_task-{task}_run-{run}" for run in runs]
    return [f"{stem}_{end}" for stem in stems for end in ("bold.nii.gz", "events.tsv")]


def fmriprep_names(subject: str, runs: Iterable[str], task: str = "dd") -> list[str]:
    """What fMRIPrep writes for a subject, in two spaces."""
    sub = f"sub-{subject}"
    names = []
    for run in runs:
        stem = f"{sub}/func/{sub}_task-{task}_run-{run}"
        names += [f"{stem}_desc-confounds_timeseries.{end}" for end in ("tsv", "json")]
        names += [f"{stem}_hemi-{side}_space-fsaverage_bold.func.gii" for side in "LR"]
        names += [f"{stem}_from-scanner_to-T1w_mode-image_xfm.txt"]
        for space in SPACES:
            images = ("boldref", "desc-brain_mask", "desc-preproc_bold", "desc-aseg_dseg")
            names += [f"{stem}_space-{space}_{image}.nii.gz" for image in images]
            names += [f"{stem}_space-{space}_desc-preproc_bold.json"]
    names += [f"{sub}/figures/{sub}_task-{task}_desc-{i}_bold.svg" for i in range(42)]
    for tissue in ("CSF", "GM", "WM"):
        names += [f"{sub}/anat/{sub}_label-{tissue}_probseg.nii.gz"]
    for image in ("desc-preproc_T1w", "desc-brain_mask", "dseg"):
        names += [f"{sub}/anat/{sub}_{image}.{end}" for end in ("nii.gz", "json")]
    return names


def write_study(root: Path, subjects: Iterable[str] = ("01", "02")) -> None:
    """Raw files say run-01, derivatives run-1."""
    for subject in subjects:
        write(root, *raw_names(subject, ("01", "02")))
        write(root / "derivatives/fmriprep", *fmriprep_names(subject, ("1", "2")))
    write(root, "masks/vmpfc.nii.gz", "masks/v1.nii.gz", "task-dd_bold.json")
