"""What a study file says."""

from boldstream.study.settings.analyses import (
    Analysis,
    BehaviourSettings,
    BetaSettings,
    ContrastsSettings,
    DecodingSettings,
    ExtractionSettings,
    GeometrySettings,
    GroupSettings,
    RdmSearchlightSettings,
    SearchlightSettings,
    TargetSettings,
)
from boldstream.study.settings.data import (
    AtlasSettings,
    ConfoundSettings,
    DataSettings,
    RoiSettings,
)
from boldstream.study.settings.execution import ExecutionSettings, MemorySettings, SlurmSettings
from boldstream.study.settings.models import StudySettings
from boldstream.study.settings.reading import read_study
from boldstream.study.settings.schema import study_schema, write_schema
from boldstream.study.settings.template import init_study

__all__ = [
    "Analysis",
    "AtlasSettings",
    "BehaviourSettings",
    "BetaSettings",
    "ConfoundSettings",
    "ContrastsSettings",
    "DataSettings",
    "DecodingSettings",
    "ExecutionSettings",
    "ExtractionSettings",
    "GeometrySettings",
    "GroupSettings",
    "MemorySettings",
    "RdmSearchlightSettings",
    "RoiSettings",
    "SearchlightSettings",
    "SlurmSettings",
    "StudySettings",
    "TargetSettings",
    "init_study",
    "read_study",
    "study_schema",
    "write_schema",
]
