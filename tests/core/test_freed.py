"""Memory that goes back to the system."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

from boldstream.core.freed import freeable
from boldstream.core.limits import process_memory

MIB = 1 << 20


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (3, 0)])
def test_an_array_of_zeros(shape: tuple[int, int], dtype: type) -> None:
    values = freeable(shape, dtype)
    assert values.shape == shape
    assert values.dtype == dtype
    assert values.flags.c_contiguous
    assert values.flags.writeable
    assert not values.any()
    values += 1
    assert values.all()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the memory of a Linux process")
def test_it_goes_as_soon_as_it_is_let_go() -> None:
    gc.collect()
    before = process_memory().rss_bytes
    for _ in range(4):
        values = freeable((20, MIB // 4), np.float32)
        values += 1
        view = values[1:]
        del values
        assert process_memory().rss_bytes >= before + 19 * MIB
        del view
        assert process_memory().rss_bytes <= before + MIB
