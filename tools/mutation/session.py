"""How pytest runs here: the same for measuring and for trying."""

from __future__ import annotations

import resource

from hypothesis import HealthCheck, Phase, settings

# A mutant may ask for any amount of memory, and write without end. Of RLIMIT_AS tests would know.
_MOST_MEMORY = 12 << 30
_MOST_WRITTEN = 1 << 30


def pytest_arguments(*, slowest: float) -> list[str]:
    """Options of pytest; a test may take so many seconds."""
    return [
        "-q",
        "--tb=no",
        "--assert=plain",
        "--hypothesis-profile=mutation",
        "-pno:cacheprovider",
        "-pno:xdist",
        "-pno:unraisableexception",
        f"--timeout={slowest}",
        # Of numpy's scalars in kernels, which are compiled otherwise.
        "-Wignore:.* encountered in:RuntimeWarning",
    ]


def prepare() -> None:
    """Bound what a test can take, and have Hypothesis try the same examples every time."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, _MOST_WRITTEN))
    settings.register_profile(
        "mutation",
        deadline=None,
        max_examples=40,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
    )
