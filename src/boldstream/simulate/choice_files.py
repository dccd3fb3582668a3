"""Files of a study of choices: BIDS, and derivatives as fMRIPrep names them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boldstream.io.stream_writing import open_volume_writer
from boldstream.io.writing import write_table
from boldstream.simulate.bids import write_pretty, write_whole
from boldstream.simulate.choice_signal import Run
from boldstream.simulate.choices import Choices
from boldstream.simulate.head import Head
from boldstream.simulate.images import write_labels

TASK = "discounting"
SPACE = "MNI152NLin2009cAsym"
DERIVATIVES = Path("derivatives", "fmriprep")
MASKS = Path("masks")

_COLUMNS = {
    "trial_type": "What was chosen: delayed or immediate",
    "choice": "As trial_type",
    "delayed_amount": "The amount later",
    "delay": "Days until then",
    "immediate_amount": "The amount now",
    "response_time": "Seconds from the onset",
}


def write_descriptions(root: Path, subjects: Sequence[str], t_r: float) -> None:
    """Write what the data set says of itself, and what holds for all of its runs."""
    write_whole(
        root,
        DERIVATIVES,
        name="boldstream choices",
        readme="Made-up images of a delay discounting task: noise, motion, and regions whose "
        "patterns\nsay what was chosen or how much it was worth. The images under derivatives are "
        "the same:\nnothing had to be corrected.\n",
        subjects=subjects,
        ignored=[f"{MASKS}/"],
    )
    sidecar = {"RepetitionTime": t_r, "TaskName": TASK}
    write_pretty(root / f"task-{TASK}_bold.json", sidecar)
    columns = {name: {"Description": what} for name, what in _COLUMNS.items()}
    write_pretty(root / f"task-{TASK}_events.json", columns)


def write_masks_of(root: Path, head: Head, regions: dict[str, NDArray[np.bool_]]) -> None:
    """Write a mask for each region."""
    (root / MASKS).mkdir()
    for name, where in regions.items():
        write_labels(root / MASKS / f"{name}.nii.gz", where, head.grid)


def write_brain(root: Path, head: Head, subject: str) -> None:
    """Make a subject's folders, and write the mask of its brain."""
    derivative = root / DERIVATIVES / f"sub-{subject}"
    for folder in (root / f"sub-{subject}" / "func", derivative / "func", derivative / "anat"):
        folder.mkdir(parents=True)
    name = f"sub-{subject}_space-{SPACE}_desc-brain_mask.nii.gz"
    write_labels(derivative / "anat" / name, head.brain, head.grid)


def write_run(
    root: Path,
    head: Head,
    subject: str,
    run: int,
    *,
    onsets: NDArray[np.float64],
    duration: float,
    choices: Choices,
    made: Run,
    t_r: float,
) -> None:
    """Write events, images, brain mask and confounds of a run."""
    stem = f"sub-{subject}_task-{TASK}_run-{run}"
    raw = root / f"sub-{subject}" / "func"
    derived = root / DERIVATIVES / f"sub-{subject}" / "func"
    _write_events(raw / f"{stem}_events.tsv", onsets, duration, choices)
    image = derived / f"{stem}_space-{SPACE}_desc-preproc_bold.nii.gz"
    _write_image(image, head, made, t_r)
    shutil.copyfile(image, raw / f"{stem}_bold.nii.gz")
    sidecar = {"RepetitionTime": t_r, "TaskName": TASK, "SkullStripped": True}
    write_pretty(image.with_name(image.name.replace(".nii.gz", ".json")), sidecar)
    mask = derived / f"{stem}_space-{SPACE}_desc-brain_mask.nii.gz"
    write_labels(mask, head.brain, head.grid)
    write_table(
        derived / f"{stem}_desc-confounds_timeseries.tsv",
        list(made.confounds),
        np.stack(list(made.confounds.values()), axis=1),
    )


def _write_events(
    path: Path, onsets: NDArray[np.float64], duration: float, choices: Choices
) -> None:
    rows = ["\t".join(["onset", "duration", *_COLUMNS])]
    numbers = zip(
        onsets,
        choices.delayed_amount,
        choices.delay,
        choices.immediate_amount,
        choices.response_time,
        choices.names,
        strict=True,
    )
    for onset, amount, delay, now, seconds, name in numbers:
        cells = [f"{onset:.3f}", f"{duration:g}", name, name, f"{amount:g}", f"{delay:g}"]
        rows.append("\t".join([*cells, f"{now:g}", f"{seconds:.3f}"]))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _write_image(path: Path, head: Head, made: Run, t_r: float) -> None:
    rows = head.rows
    rest = head.brightness.ravel(order="F")[rows]
    flat = np.zeros(head.grid.n_voxels, np.float32)
    with open_volume_writer(path, head.grid, len(made.change), np.int16, tr=t_r) as writer:
        for change in made.change:
            flat[rows] = rest * (1 + change)
            writer.write(head.grid.volume_of(flat))
