"""Where the data of a study are: images, tables, regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from boldstream.study.settings.base import Name, OwnPath, RunTemplate, Settings, Subject

Item = TypeVar("Item")


def _not_empty(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise ValueError("must hold at least one, got an empty list; leave it out for all")
    return items


AtLeastOne = Annotated[tuple[Item, ...], AfterValidator(_not_empty)]


class DataSettings(Settings):
    """Images and tables: a BIDS data set with its derivatives, or templates below `root`."""

    root: Path = Path()
    """The data set's folder, relative to the study file."""
    derivatives: Path | None = None
    """Folder of preprocessed images, relative to `root`; by default derivatives/fmriprep if it is
    there, else images are those of the data set itself."""
    subjects: AtLeastOne[Subject] | None = None
    """Labels of subjects to analyse, as "01" or "sub-01"; all by default."""
    exclude: tuple[Subject, ...] = ()
    """Subjects to leave out."""
    sessions: AtLeastOne[str] | None = None
    """Labels of sessions to take; all by default."""
    task: str | None = None
    """Needed where the data set has several tasks."""
    runs: AtLeastOne[str] | None = None
    """Labels of runs to take, as "1" or "01"; all by default."""
    space: str | None = None
    """As MNI152NLin2009cAsym, or MNI152NLin6Asym:res-2; needed where images come in several."""
    image_template: RunTemplate | None = None
    """Path of a run below `root` with {subject} and {run} or *, for other layouts than BIDS."""
    events_template: RunTemplate | None = None
    """As `image_template`, of the tables of events."""
    confounds_template: RunTemplate | None = None
    """As `image_template`, of the tables of confounds."""
    t_r: Annotated[float, Field(gt=0)] | None = None
    """Repetition time in seconds; by default what files say."""
    mask: OwnPath | None = None
    """Brain mask for betas and searchlights, relative to `root`, with {subject} for subjects' own;
    by default that of fMRIPrep for the first run, if there is one."""


class AtlasSettings(Settings):
    """Regions that are labels of one image."""

    image: OwnPath
    """Path of the label image, relative to the study file."""
    names: OwnPath | None = None
    """Names of the labels, a table with columns index and name; by default the one beside the
    image."""
    regions: tuple[str, ...] | None = None
    """Names of regions to take; all by default."""


class RoiSettings(Settings):
    """Regions by name."""

    masks: dict[Name, OwnPath] = Field(default_factory=dict)
    """Mask file of each region, relative to the study file, with {subject} for subjects' own."""
    atlas: AtlasSettings | None = None
    """Regions of an atlas, beside or in place of masks."""
    resample: bool = False
    """Whether masks on another grid than the images are resampled (nearest neighbour)."""


class ConfoundSettings(Settings):
    """Nuisance signals and volumes to leave out."""

    strategy: Literal["simple", "scrubbing", "compcor", "ica_aroma"] | None = None
    """Of nilearn.interfaces.fmriprep.load_confounds_strategy."""
    columns: tuple[str, ...] = ()
    """Columns of fMRIPrep's tables, in place of a strategy; * matches anything."""
