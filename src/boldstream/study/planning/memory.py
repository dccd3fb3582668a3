"""`MemoryConfig` from the part of a study file that is about memory."""

from __future__ import annotations

from boldstream.memory.config import MemoryConfig
from boldstream.study.settings.execution import MemorySettings


def memory_config_of(settings: MemorySettings) -> MemoryConfig:
    """What suits this machine, with what the study file says in its place.

    Examples
    --------
    >>> memory_config_of(MemorySettings(memmap_threshold_gb=0.25)).MEMMAP_THRESHOLD_GB
    0.25
    """
    config = MemoryConfig.for_system()
    for name, value in settings.model_dump(exclude={"limit"}, exclude_none=True).items():
        setattr(config, name.upper(), value)
    return config
