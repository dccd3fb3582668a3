"""Make a small BIDS study in which some regions respond to a task, and note which."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in, positive_number
from boldstream.simulate.bids import TRUTH, claim_folder, write_pretty, write_whole
from boldstream.simulate.head import Head, make_head, make_regions
from boldstream.simulate.images import Effect, write_bold, write_labels
from boldstream.simulate.task import TaskBlock, expected_response, task_blocks

TASK = "demo"
DERIVATIVES = Path("derivatives", "boldstream-demo", "tpl-demo")
ATLAS = DERIVATIVES / "tpl-demo_atlas-demo_dseg.nii.gz"
ATLAS_NAMES = DERIVATIVES / "tpl-demo_atlas-demo_dseg.tsv"
BRAIN_MASK = DERIVATIVES / "tpl-demo_desc-brain_mask.nii.gz"


@dataclass(frozen=True, slots=True)
class StudyDesign:
    """What a made-up study is like.

    Attributes
    ----------
    n_subjects, n_runs : int
        Subjects, and runs of each.
    n_volumes : int
        Volumes of each run.
    t_r : float
        Repetition time in seconds.
    shape : tuple of int
        Voxels along x, y, z; each of 3.5 mm.
    n_regions : int
        Regions of the atlas.
    n_planted : int
        How many of them respond to the task.
    change : float
        How much they do, as a share of the brightness at rest.
    seed : int
        The same design makes the same study.
    """

    n_subjects: int = 2
    n_runs: int = 2
    n_volumes: int = 150
    t_r: float = 2.0
    shape: tuple[int, int, int] = (48, 56, 48)
    n_regions: int = 20
    n_planted: int = 2
    change: float = 0.005
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """Which regions respond to the task: what an analysis of the study should find.

    Attributes
    ----------
    planted : tuple of str
        Names of the regions.
    """

    planted: tuple[str, ...]


def make_study(folder: str | os.PathLike[str], design: StudyDesign | None = None) -> Truth:
    """Write a study in BIDS layout, with an atlas and a brain mask as derivatives.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    design : StudyDesign, optional

    Returns
    -------
    Truth
        The same stands in ``truth.json``.

    Raises
    ------
    OutputExistsError
        The folder holds something already.
    ParameterError
        The design has a value that makes no study.

    Examples
    --------
    >>> import tempfile
    >>> design = StudyDesign(n_subjects=1, n_runs=1, shape=(16, 16, 16), n_regions=6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_study(folder, design)
    ...     runs = [path.name for path in Path(folder, "sub-01", "func").glob("*.nii.gz")]
    >>> runs, len(truth.planted)
    (['sub-01_task-demo_run-1_bold.nii.gz'], 2)
    """
    root, design = Path(folder), design or StudyDesign()
    _check(design)
    head = make_head(design.shape, voxel_size=3.5, seed=design.seed)
    regions = make_regions(head, design.n_regions, seed=design.seed)
    blocks = task_blocks(design.n_volumes, design.t_r)
    names = [f"region_{label:02d}" for label in range(1, design.n_regions + 1)]
    rng = np.random.default_rng(design.seed)
    planted = np.sort(rng.choice(design.n_regions, design.n_planted, replace=False)) + 1
    course = design.change * expected_response(blocks, design.n_volumes, design.t_r)

    claim_folder(root)
    (root / DERIVATIVES).mkdir(parents=True)
    write_whole(
        root,
        DERIVATIVES.parent,
        name="boldstream demo",
        readme="Made-up images: noise, drift, and regions that respond to blocks of a task.\n",
        subjects=map(_label, range(design.n_subjects)),
    )
    _write_atlas(root, head, regions, names)
    _write_runs(root, head, Effect(np.isin(regions, planted), course), blocks, design)
    truth = Truth(tuple(names[label - 1] for label in planted))
    write_pretty(root / TRUTH, asdict(truth))
    return truth


def read_truth(folder: str | os.PathLike[str]) -> Truth:
    """Read which regions of a made-up study respond, to compare a finding with.

    Parameters
    ----------
    folder : path
        As given to `make_study`.
    """
    noted = json.loads((Path(folder) / TRUTH).read_text(encoding="utf-8"))
    return Truth(tuple(noted["planted"]))


def _check(design: StudyDesign) -> None:
    integer_in("n_subjects", design.n_subjects, 1)
    integer_in("n_runs", design.n_runs, 1)
    # A correlation beside the slow drift needs six.
    integer_in("n_volumes", design.n_volumes, 6)
    integer_in("n_planted", design.n_planted, 0, design.n_regions)
    positive_number("t_r", design.t_r, unit="s")
    positive_number("change", design.change)


def _write_atlas(root: Path, head: Head, regions: NDArray[np.int16], names: list[str]) -> None:
    write_labels(root / ATLAS, regions, head.grid)
    write_labels(root / BRAIN_MASK, head.brain, head.grid)
    rows = ["index\tname", *(f"{label}\t{name}" for label, name in enumerate(names, start=1))]
    (root / ATLAS_NAMES).write_text("\n".join(rows) + "\n", encoding="utf-8")


def _write_runs(
    root: Path, head: Head, effect: Effect, blocks: tuple[TaskBlock, ...], design: StudyDesign
) -> None:
    rows = ["onset\tduration\ttrial_type", *(f"{b.onset:g}\t{b.duration:g}\ttask" for b in blocks)]
    sidecar = {"RepetitionTime": design.t_r, "TaskName": TASK}
    for i in range(design.n_subjects):
        subject = f"sub-{_label(i)}"
        func = root / subject / "func"
        func.mkdir(parents=True)
        for run in range(1, design.n_runs + 1):
            stem = f"{subject}_task-{TASK}_run-{run}"
            write_bold(
                func / f"{stem}_bold.nii.gz",
                head,
                design.n_volumes,
                dtype=np.int16,
                t_r=design.t_r,
                seed=_run_seed(design.seed, i, run),
                effects=[effect],
            )
            write_pretty(func / f"{stem}_bold.json", sidecar)
            (func / f"{stem}_events.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _label(index: int) -> str:
    return f"{index + 1:02d}"


def _run_seed(seed: int, subject: int, run: int) -> int:
    return int(np.random.SeedSequence([seed, subject, run]).generate_state(1)[0])
