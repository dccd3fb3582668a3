"""What all tests share: the folder of real images, and how Hypothesis searches."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Times on shared machines vary too much for a deadline to mean anything.
settings.register_profile(
    "default", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=2000)
settings.load_profile("default")


def pytest_configure(config: pytest.Config) -> None:
    """Take Ctrl-C as a terminal's programs do; in the background shells have it ignored.

    Of several workers (pytest-xdist), each and what it starts has its share of the CPUs for BLAS
    and OpenMP: threads that wait for each other on CPUs of others take times as long.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    n_workers = len(config.getoption("tx", None) or [])
    if n_workers > 1:
        share = str(max(1, (os.cpu_count() or 1) // n_workers))
        # Workers are started with these; whoever has set them means it.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, share)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real images in ../shared/data")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20261121)
