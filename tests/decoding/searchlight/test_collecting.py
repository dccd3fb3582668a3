"""What is kept of spheres, put by hand."""

from __future__ import annotations

import numpy as np

from boldstream.decoding.searchlight.collecting import make_kept
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.task import make_task


def test_confusion_of_more_classes_than_codes_can_count_pairs_of() -> None:
    """200 classes: 40 000 pairs, and codes are int16."""
    n, rows = 200, np.arange(400).reshape(-1, 2)
    cv = [(rows[:, 0], rows[:, 1])]
    task = make_task(np.repeat(np.arange(n), 2), None, estimator="nearest_centroid", cv=cv)
    kept = make_kept(task, 1, "confusion", 1 << 30)
    shifted = np.roll(np.eye(n, dtype=np.float32), 1, axis=1)
    kept.put(0, Scored(np.zeros((1, 1)), np.zeros((1, 1)), shifted[None]))
    assert kept.confusion is not None
    np.testing.assert_array_equal(kept.confusion[0], shifted)
