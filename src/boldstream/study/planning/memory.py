"""`MemoryConfig` from the part of a study file that is about memory."""

from __future__ import annotations

import math

from boldstream.memory.config import MemoryConfig
from boldstream.study.settings.execution import MemorySettings

# Of the program that gives work; held once, however many workers there are.
DRIVER_BYTES = 256 << 20
# What a budget leaves free of limits that it finds, and of a machine below 16 GB `MemoryConfig`.
_LEFT_FREE, _MOST_BUFFER = 0.1, 0.3


def node_bytes(n_workers: int, need: int, settings: MemorySettings) -> int:
    """Memory that a node must give so that so many workers fit, which need so much each.

    Examples
    --------
    >>> node_bytes(4, 600 << 20, MemorySettings(available_memory_buffer=0.2)) >> 20
    3688
    """
    buffer = settings.available_memory_buffer
    share = (1 - _LEFT_FREE) * (1 - (_MOST_BUFFER if buffer is None else buffer))
    return math.ceil((n_workers * need + DRIVER_BYTES) / share)


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
