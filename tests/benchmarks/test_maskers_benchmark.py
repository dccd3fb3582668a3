"""The benchmark of the maskers compares what it says, and every part of it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from benchmarks.harness import MIB, REPOSITORY
from benchmarks.inputs import N_MAPS, N_SEEDS, QUICK_SCALE, make_masker_inputs
from benchmarks.masker_ways import MASKERS
from benchmarks.maskers import CASES, GROUPS
from benchmarks.pairs import Asked, Pair, Run, difference, pair_rows


def _saved(folder: Path, *signals: Any) -> list[Path]:
    paths = [folder / f"{place}.npy" for place in range(len(signals))]
    for path, values in zip(paths, signals, strict=True):
        np.save(path, values)
    return paths


def test_difference_is_the_largest_share_of_any_column(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    theirs = rng.normal(size=(7, 2500)).astype("f4")
    theirs[:, 3] = 0
    ours = theirs.copy()
    assert difference(*_saved(tmp_path, ours, theirs)) == 0
    ours[2, 2400] += np.abs(theirs[:, 2400]).max() / 8
    assert difference(*_saved(tmp_path, ours, theirs)) == pytest.approx(1 / 8, rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_a_column_of_zeros_hides_nothing(tmp_path: Path, value: float) -> None:
    theirs, ours = np.zeros((2, 5, 1001))
    ours[4, 0] = value
    assert not difference(*_saved(tmp_path, ours, theirs)) <= 1e9


def test_signals_of_another_shape_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"shapes \(3, 2\) and \(3, 1\)"):
        difference(*_saved(tmp_path, np.zeros((3, 2)), np.zeros((3, 1))))


def _pair(apart: float = 0.0) -> Pair:
    """Ours takes 1, 2 and 3 s and 10 MiB at most, theirs five times as long and 160 MiB."""
    ours = [Run(i, (7 + i) * MIB, 0.5, 0) for i in (1, 2, 3)]
    theirs = [Run(5 * i, 160 * MIB, 0.5, 0) for i in (1, 2, 3)]
    return Pair(tuple(ours), tuple(theirs), apart)


@pytest.mark.parametrize(
    ("asked", "verdicts"),
    [
        (Asked(5, 16, most_apart=1e-5), [True, True, True]),
        (Asked(5.1, 16.1, most_apart=1e-7), [False, False, False]),
        (Asked(most_peak=("maps", 10 * MIB), most_apart=1e-6), [None, True, True]),
        (Asked(most_peak=("maps", 9.9 * MIB), most_apart=0), [None, False, False]),
        (Asked(), [None, None, False]),
        (Asked(most_apart=None), [None, None, None]),
    ],
)
def test_rows_are_judged_by_what_is_asked(asked: Asked, verdicts: list[bool | None]) -> None:
    rows = list(pair_rows("image", "maps", _pair(1e-6), asked))
    assert [row.passed for row in rows] == verdicts
    assert rows[0].got == "5.00 × (2.00 s, nilearn 10.00 s; n = 3); read 0.50 s"
    assert rows[1].got == "16.0 × (10 MiB, nilearn 160 MiB)"


def test_unequal_by_nan_does_not_pass() -> None:
    *_, row = pair_rows("image", "maps", _pair(np.nan), Asked(most_apart=1.0))
    assert row.passed is False


def test_inputs_are_what_the_cases_say(tmp_path: Path) -> None:
    inputs = make_masker_inputs(tmp_path, QUICK_SCALE, "int16")
    maps = np.asarray(nib.load(inputs.maps).dataobj)  # type: ignore[attr-defined]
    brain = np.asarray(nib.load(inputs.brain).dataobj)  # type: ignore[attr-defined]
    fine = np.asarray(nib.load(inputs.fine_atlas).dataobj)  # type: ignore[attr-defined]
    assert maps.shape == (*QUICK_SCALE.shape, N_MAPS)
    assert maps.any(axis=(0, 1, 2)).all()
    assert ((maps > 0).sum(axis=3) > 1).any(), "maps should overlap"
    assert len(np.unique(fine)) == 1 + 232
    assert brain[fine > 0].all()
    assert len(np.loadtxt(inputs.seeds)) == N_SEEDS
    assert len(np.loadtxt(inputs.confounds)) == QUICK_SCALE.n_volumes
    before = inputs.maps.stat().st_mtime_ns
    assert make_masker_inputs(tmp_path, QUICK_SCALE, "int16") == inputs
    assert inputs.maps.stat().st_mtime_ns == before


def test_every_masker_has_a_case() -> None:
    assert {case.masker for cases in CASES.values() for case in cases} == set(MASKERS)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc for memory of processes"
)


@needs_proc
@pytest.mark.parametrize("group", GROUPS)
def test_each_group_of_the_quick_benchmark_runs(tmp_path: Path, group: str) -> None:
    table = tmp_path / "table.json"
    command = [sys.executable, "-m", "benchmarks.maskers", "--quick", "--repeats", "1"]
    options = ["--only", group, "--folder", str(tmp_path), "--json", str(table)]
    subprocess.run([*command, *options], cwd=REPOSITORY, check=True, capture_output=True)
    rows = json.loads(table.read_text())
    assert any(row["what"].startswith("import boldstream") for row in rows)
    equality = [row for row in rows if row["what"].endswith("difference")]
    assert len(equality) >= len(CASES.get(group, ()))
    assert equality
    # Where nilearn adds up in float32, what counts is who is nearer to its float64.
    exact = [row for row in rows if row["what"].endswith("in float64")]
    assert all(row["passed"] for row in exact or equality)
    assert bool(exact) == (group in ("spheres", "maps"))
