"""Files of a study's subjects: which there are, and what is wrong with them."""

from boldstream.study.inputs.finding import find_inputs
from boldstream.study.inputs.found import Problem, RunFiles, StudyInputs, SubjectFiles
from boldstream.study.inputs.from_config import settings_of

__all__ = [
    "Problem",
    "RunFiles",
    "StudyInputs",
    "SubjectFiles",
    "find_inputs",
    "settings_of",
]
