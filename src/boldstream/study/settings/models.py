"""`StudySettings`: all that a study file says."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeInt, model_validator
from pydantic_core import PydanticCustomError

from boldstream.study.settings.agreeing import wrong_values
from boldstream.study.settings.analyses import (
    Analysis,
    BehaviourSettings,
    BetaSettings,
    TargetSettings,
)
from boldstream.study.settings.base import Name, Settings
from boldstream.study.settings.data import ConfoundSettings, DataSettings, RoiSettings
from boldstream.study.settings.execution import ExecutionSettings, MemorySettings


class StudySettings(Settings):
    """A whole study: where the data are, what is worked out, and who does the work.

    Examples
    --------
    >>> settings = StudySettings.model_validate(
    ...     {
    ...         "targets": {"choice": {"column": "trial_type"}},
    ...         "analyses": [{"kind": "decoding", "name": "choices"}],
    ...     }
    ... )
    >>> settings.analyses[0].name, settings.betas.method
    ('choices', 'lss')
    """

    data: DataSettings = DataSettings()
    rois: RoiSettings = RoiSettings()
    confounds: ConfoundSettings = ConfoundSettings()
    betas: BetaSettings = BetaSettings()
    behaviour: BehaviourSettings | None = None
    """Fitted for each subject where it is given; its values can be targets."""
    targets: dict[Name, TargetSettings] = Field(default_factory=dict)
    """What is decoded, by name."""
    quality: bool = True
    """Whether it is told how good each run is, where images are read: mean, tSNR, DVARS, motion,
    coverage of regions."""
    analyses: tuple[Analysis, ...] = ()
    """What is worked out, each by its name."""
    memory: MemorySettings = MemorySettings()
    execution: ExecutionSettings = ExecutionSettings()
    output: Path = Path("derivatives", "boldstream")
    """Folder of the results, relative to `data.root`."""
    random_state: NonNegativeInt = 0
    """Of all permutations."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        wrong = list(wrong_values(self))
        if wrong:
            text = "; ".join(f"`{place[-1]}` {message}" for place, message in wrong)
            raise PydanticCustomError(WRONG_VALUES, "{text}", {"text": text, "wrong": wrong})
        return self


WRONG_VALUES = "wrong_values"
"""Type of the error whose context holds ``wrong``: places in the study file, and messages."""
