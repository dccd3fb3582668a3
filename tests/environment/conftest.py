"""What a plain process finds, made once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.environment.children import Plain, run, working
from tests.environment.work import make_inputs


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Inputs, and all that is found in them in ordinary surroundings."""
    inputs = tmp_path_factory.mktemp("inputs")
    make_inputs(inputs)
    output = inputs.parent / "plain.npz"
    done = run(working(inputs, output))
    assert (done.code, done.out, done.err) == (0, "", "")
    with np.load(output, allow_pickle=False) as found:
        return Plain(inputs, dict(found))
