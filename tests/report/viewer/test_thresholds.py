"""What the control offers and where colours end, counted with numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import GridMismatchError, ParameterError
from boldstream.report.viewer.stat_map import StatMap, read_stat_map
from boldstream.report.viewer.thresholds import thresholds_of


def map_of(values: Any, chance: float | None = None) -> StatMap:
    image = nib.Nifti1Image(np.asarray(values, np.float32), np.eye(4))
    return read_stat_map(image, mask=None, chance=chance, space=None)


def test_both_sides_count_where_there_are_negative_values(rng: np.random.Generator) -> None:
    values = rng.normal(size=(10, 10, 10))
    choices = thresholds_of(map_of(values), levels=[1.5], unit="t")
    far = np.abs(values.astype(np.float32)) > 1.5
    assert choices[1].label == f"beyond ±1.5 t ({far.sum()} voxels)"
    np.testing.assert_array_equal(choices[1].shown, far)


def test_with_a_chance_only_what_is_above_counts(rng: np.random.Generator) -> None:
    values = rng.random((10, 10, 10)).astype(np.float32)
    labels = [x.label for x in thresholds_of(map_of(values, 0.5), unit="accuracy")]
    above = int((values > 0.5).sum())
    assert labels[:2] == [
        "all 1,000 voxels",
        f"above chance, 0.5 accuracy ({above} voxels)",
    ]
    assert len(labels) == 4


def test_usual_levels_show_about_a_tenth_and_a_hundredth(rng: np.random.Generator) -> None:
    choices = thresholds_of(map_of(rng.normal(size=(20, 20, 20))))
    shares = [choice.shown.mean() for choice in choices]
    assert shares == pytest.approx([1, 0.1, 0.01], rel=0.1)


@pytest.mark.parametrize("values", [np.zeros((4, 4, 4)), np.full((4, 4, 4), np.nan)])
def test_a_map_of_nothing_has_one_choice(values: Any) -> None:
    assert [x.label for x in thresholds_of(map_of(values))] == ["all 0 voxels"]


def test_one_value_has_no_level_that_would_show_nothing() -> None:
    assert len(thresholds_of(map_of(np.full((4, 4, 4), 0.7)))) == 1


def test_p_values_give_choices_of_their_own(tmp_path: Path, rng: np.random.Generator) -> None:
    p = rng.random((10, 10, 10)).astype(np.float32)
    p[0, 0, 0] = np.nan
    nib.Nifti1Image(p, np.eye(4)).to_filename(tmp_path / "p.nii.gz")
    stat = map_of(rng.normal(size=p.shape))
    choices = thresholds_of(stat, levels=[], p_map=tmp_path / "p.nii.gz", p_name="p (FWE)")
    assert choices[1].label == f"p (FWE) < 0.05 ({int((p < 0.05).sum())} voxels)"
    other = nib.Nifti1Image(p[:5], np.eye(4))
    with pytest.raises(GridMismatchError, match="`p_map`"):
        thresholds_of(stat, p_map=other)


@pytest.mark.parametrize(
    "level", [-1, np.nan, np.inf, 10**400, "2", True], ids=lambda x: str(x)[:4]
)
def test_levels_must_be_numbers(level: Any) -> None:
    with pytest.raises(ParameterError, match="`thresholds` must be finite numbers of 0 or more"):
        thresholds_of(map_of(np.array([-1.0, 1]).reshape(2, 1, 1)), levels=[level])


def test_a_few_absurd_values_do_not_take_all_colours(rng: np.random.Generator) -> None:
    values = rng.normal(size=(12, 12, 12))
    values[3, 3, 3] = -1e6
    low, high = map_of(values).limits
    assert (low, high) == (-high, high)
    assert 4 < high < 8
    low, high = map_of(values, chance=0.0).limits
    assert -8 < low < -3
    assert high == pytest.approx(values.max())


def test_colours_span_all_values_where_none_is_absurd(rng: np.random.Generator) -> None:
    values = rng.random((8, 8, 8)).astype(np.float32)
    assert map_of(values, chance=0.5).limits == (values.min(), values.max())
    values = rng.normal(size=(8, 8, 8)).astype(np.float32)
    assert map_of(values).limits[1] == np.abs(values).max()
