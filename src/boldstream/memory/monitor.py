"""`MemoryMonitor`: what may be used, what is used, and how that went over time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from boldstream.core.checks import positive_number
from boldstream.core.limits import Limit, memory_limits
from boldstream.memory.config import GB, MemoryConfig
from boldstream.memory.usage import held_bytes

_log = logging.getLogger(__name__)


class Sample(NamedTuple):
    """One moment of a timeline.

    Attributes
    ----------
    seconds : float
        Since the recording began.
    process_gb : float
        This process and its children, each shared page once.
    used_gb : float
        Of the usable memory, by everybody.
    operation : str
        What was logged at this moment; empty for the regular samples.
    """

    seconds: float
    process_gb: float
    used_gb: float
    operation: str = ""


class MemoryMonitor:
    """Watches the memory that this process may use: the job's, not the host's.

    As a context manager it records a timeline: a sample every half second, by
    a thread that ends with the block, and one for each operation logged.
    Without `MONITOR_MEMORY_USAGE` it neither records nor logs.

    Parameters
    ----------
    config : MemoryConfig, optional
        By default what suits this machine.
    find_limits : callable, optional
        Gives the limits in force, in place of those of this machine.
    interval : float
        Seconds between two samples.

    Attributes
    ----------
    timeline : list of Sample

    Examples
    --------
    >>> monitor = MemoryMonitor(MemoryConfig())
    >>> monitor.check_memory_threshold(0.001), monitor.suggest_memmap(1.5)
    (True, True)
    >>> with monitor:
    ...     monitor.log_memory_usage("loading")
    >>> [sample.operation for sample in monitor.timeline if sample.operation]
    ['loading']
    """

    def __init__(
        self,
        config: MemoryConfig | None = None,
        *,
        find_limits: Callable[[], Sequence[Limit]] = memory_limits,
        interval: float = 0.5,
    ) -> None:
        self.config = MemoryConfig.for_system() if config is None else config
        self.timeline: list[Sample] = []
        self._find_limits = find_limits
        self._interval = positive_number("interval", interval, unit="seconds")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()

    def get_memory_info(self) -> dict[str, float]:
        """Usable memory and what this process holds of it.

        Returns
        -------
        dict
            ``total_gb``, ``available_gb`` and ``used_gb`` of the tightest
            limits, ``percent`` used; ``process_memory_gb``, each shared page
            counted in part, and ``process_percent`` of the total.
        """
        total, available = self._usable_gb()
        process = held_bytes() / GB
        return {
            "total_gb": total,
            "available_gb": available,
            "used_gb": total - available,
            "percent": 100 * (total - available) / total,
            "process_memory_gb": process,
            "process_percent": 100 * process / total,
        }

    def check_memory_threshold(self, required_gb: float) -> bool:
        """Whether so much fits in what is available, less the buffer that is kept free.

        Parameters
        ----------
        required_gb : float
            GB, 1024³ bytes.
        """
        _, available = self._usable_gb()
        return required_gb <= available * (1 - self.config.AVAILABLE_MEMORY_BUFFER)

    def suggest_memmap(self, data_size_gb: float) -> bool:
        """Whether data should stay in a file: larger than the threshold, or not fitting.

        Parameters
        ----------
        data_size_gb : float
            GB, 1024³ bytes.
        """
        return data_size_gb > self.config.MEMMAP_THRESHOLD_GB or not self.check_memory_threshold(
            data_size_gb
        )

    def log_memory_usage(self, operation: str) -> None:
        """Write to the log what is held and what is available, and mark it in the timeline.

        Parameters
        ----------
        operation : str
            What happens now.
        """
        if not self.config.MONITOR_MEMORY_USAGE:
            return
        sample = self._sample(operation)
        self.timeline.append(sample)
        _log.info(
            "%s: this process holds %.2f GB, %.2f GB of the usable memory are in use",
            operation,
            sample.process_gb,
            sample.used_gb,
        )

    def start(self) -> None:
        """Begin a new timeline, if `MONITOR_MEMORY_USAGE` asks for one."""
        self.stop()
        self.timeline = []
        self._began = time.monotonic()
        if self.config.MONITOR_MEMORY_USAGE:
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._record, name="boldstream-memory", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the recording; the timeline stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _record(self) -> None:
        while True:
            self.timeline.append(self._sample())
            if self._stopping.wait(self._interval):
                return

    def _sample(self, operation: str = "") -> Sample:
        total, available = self._usable_gb()
        process = held_bytes(children=True) / GB
        return Sample(time.monotonic() - self._began, process, total - available, operation)

    def _usable_gb(self) -> tuple[float, float]:
        """Total and available: the tightest of all limits, each for itself."""
        limits = self._find_limits()
        total = min(limit.limit_bytes for limit in limits)
        available = min(limit.headroom_bytes for limit in limits)
        return total / GB, available / GB

    def __enter__(self) -> MemoryMonitor:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()
