"""The expected response, beside nilearn's."""

from __future__ import annotations

import numpy as np
import pytest
from nilearn.glm.first_level.hemodynamic_models import compute_regressor

from boldstream.core.errors import ParameterError
from boldstream.simulate.task import TaskBlock, expected_response, task_blocks


@pytest.mark.parametrize(("n_volumes", "tr"), [(100, 2.0), (260, 0.8), (60, 3.0)])
def test_response_is_that_of_spm(n_volumes: int, tr: float) -> None:
    blocks = task_blocks(n_volumes, tr)
    condition = np.array([[b.onset, b.duration, 1.0] for b in blocks]).T
    wanted, _ = compute_regressor(condition, "spm", np.arange(n_volumes) * tr)
    got = expected_response(blocks, n_volumes, tr)
    np.testing.assert_allclose(got, wanted[:, 0], atol=0.02)


def test_blocks_lie_within_the_run() -> None:
    blocks = task_blocks(100, 2.0)
    assert len(blocks) == 6
    assert min(b.onset for b in blocks) > 0
    assert max(b.onset + b.duration for b in blocks) <= 200


def test_response_starts_with_the_block() -> None:
    response = expected_response([TaskBlock(20.0, 10.0)], 30, 2.0)
    assert not response[:11].any()
    assert response[11:].any()


def test_a_run_too_short_for_a_block_is_refused() -> None:
    with pytest.raises(ParameterError, match="got 15 volumes of 2 s"):
        task_blocks(15, 2.0)
