"""`MemoryEfficientContext`: a loader that cleans up after itself."""

from __future__ import annotations

from types import TracebackType

from boldstream.io.study import OAKConfig
from boldstream.memory.config import MemoryConfig
from boldstream.memory.loader import MemoryEfficientLoader


def create_memory_efficient_loader(
    config: OAKConfig | None = None, memory_config: MemoryConfig | None = None
) -> MemoryEfficientLoader:
    """Make a `MemoryEfficientLoader`; call its `cleanup` when done, or use the context.

    Parameters are those of `MemoryEfficientLoader`.

    Examples
    --------
    >>> create_memory_efficient_loader().memory_config == MemoryConfig.for_system()
    True
    """
    return MemoryEfficientLoader(config, memory_config)


class MemoryEfficientContext:
    """A loader for a block: it cleans up when the block is left, after an error too.

    ``MONITOR_MEMORY_USAGE`` records a timeline meanwhile, in
    ``loader.monitor.timeline``. Parameters are those of
    `MemoryEfficientLoader`.

    Examples
    --------
    >>> with MemoryEfficientContext() as loader:
    ...     loader.monitor.log_memory_usage("began")
    >>> "began" in [sample.operation for sample in loader.monitor.timeline]
    True
    """

    def __init__(
        self, config: OAKConfig | None = None, memory_config: MemoryConfig | None = None
    ) -> None:
        self._loader = MemoryEfficientLoader(config, memory_config)

    def __enter__(self) -> MemoryEfficientLoader:
        self._loader.monitor.start()
        return self._loader

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loader.monitor.stop()
        self._loader.cleanup()
