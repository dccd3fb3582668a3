"""The made-up brain and its regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from boldstream.core.errors import ParameterError
from boldstream.simulate.head import make_head, make_regions


def test_the_brain_is_one_piece_of_realistic_size_and_brightness() -> None:
    head = make_head()
    assert 0.24 < head.brain.mean() < 0.30
    assert ndimage.label(head.brain)[1] == 1
    inside = head.brightness[head.brain]
    assert inside.min() >= 8000
    assert inside.max() <= 10000
    assert inside.std() > 100
    assert not head.brightness[~head.brain].any()


def test_brightness_is_smooth() -> None:
    head = make_head()
    steps = np.abs(np.diff(head.brightness, axis=0))
    neighbours = head.brain[1:] & head.brain[:-1]
    assert steps[neighbours].max() < 200


def test_rows_are_those_of_flat_volumes_as_files_store_them() -> None:
    head = make_head((6, 7, 8))
    flat = head.brain.ravel(order="F")
    assert flat[head.rows].all()
    assert len(head.rows) == head.brain.sum()


def test_seed_scale_regions_are_about_a_thousand_voxels() -> None:
    head = make_head()
    sizes = np.bincount(make_regions(head, 64)[head.brain], minlength=65)
    assert sizes[0] == 0
    assert 600 < sizes[1:].min() <= sizes[1:].max() < 1800


@settings(max_examples=20)
@given(n_regions=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_every_region_has_voxels_and_every_voxel_a_region(n_regions: int, seed: int) -> None:
    head = make_head((14, 15, 16), seed=seed)
    regions = make_regions(head, n_regions, seed=seed)
    np.testing.assert_array_equal(regions > 0, head.brain)
    np.testing.assert_array_equal(np.unique(regions[head.brain]), np.arange(1, n_regions + 1))


def test_a_seed_makes_one_head() -> None:
    first, again, other = make_head(seed=1), make_head(seed=1), make_head(seed=2)
    np.testing.assert_array_equal(first.brightness, again.brightness)
    assert (first.brightness != other.brightness).any()
    np.testing.assert_array_equal(make_regions(first, 9, seed=1), make_regions(again, 9, seed=1))
    assert (make_regions(first, 9, seed=1) != make_regions(first, 9, seed=2)).any()


def test_impossible_heads_are_refused() -> None:
    with pytest.raises(ParameterError, match="`shape`"):
        make_head((3, 30, 30))
    with pytest.raises(ParameterError, match="`n_regions` must be an integer from 1 to"):
        make_regions(make_head((8, 8, 8)), 100)
