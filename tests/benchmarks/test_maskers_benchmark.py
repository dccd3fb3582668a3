"""The benchmark of the maskers compares what it says, and every part of it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from benchmarks.harness import MIB
from benchmarks.inputs import N_MAPS, N_SEEDS, QUICK_SCALE, make_masker_inputs
from benchmarks.masker_ways import MASKERS
from benchmarks.maskers import CASES, GROUPS, OF_IMAGES
from benchmarks.pairs import Asked, Pair, Run, difference, no_further, pair_rows, run_in_turn
from benchmarks.rows import Ask, least, most
from benchmarks.settings import Settings
from tests.benchmarks.groups import groups


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


def _apart(bound: float) -> Ask:
    return most(bound, "")


@pytest.mark.parametrize(
    ("asked", "verdicts"),
    [
        (Asked(least(5, "×"), least(16, "×"), apart=_apart(1e-5)), [True, True, True]),
        (Asked(least(5.1, "×"), least(16.1, "×"), apart=_apart(1e-7)), [False, False, False]),
        (Asked(most_peak=(most(4, "MiB"), 6 * MIB), apart=_apart(1e-6)), [None, True, True]),
        (Asked(most_peak=(most(4, "MiB"), 5.9 * MIB), apart=_apart(0)), [None, False, False]),
        (Asked(), [None, None, False]),
        (Asked(apart=None), [None, None, None]),
    ],
)
def test_rows_are_judged_by_what_is_asked(asked: Asked, verdicts: list[bool | None]) -> None:
    rows = list(pair_rows("maskers", "image", "maps", _pair(1e-6), asked))
    assert [row.passed for row in rows] == verdicts
    assert rows[0].told.startswith("2.00 s (nilearn 10.0 s; 5.00 × faster; 10, 160 MiB; n = 3;")
    assert (rows[1].got, rows[1].beside, rows[1].times) == (
        "10 MiB",
        "nilearn 160 MiB",
        "16.0 × less",
    )


def test_unequal_by_nan_does_not_pass() -> None:
    asked = Asked(apart=most(1, ""))
    *_, row = pair_rows("maskers", "image", "maps", _pair(np.nan), asked)
    assert row.passed is False


@pytest.mark.parametrize(("ours", "theirs", "ratio"), [(1, 2, 0.5), (0, 0, 0), (1, 0, np.inf)])
def test_no_further_than_theirs(ours: float, theirs: float, ratio: float) -> None:
    assert no_further(ours, theirs) == ratio


@pytest.mark.parametrize(
    ("seconds", "order"),
    [(1.0, "ours theirs theirs ours ours theirs"), (9.0, "ours theirs ours ours")],
)
def test_a_peer_that_takes_long_runs_once(seconds: float, order: str) -> None:
    told: list[str] = []

    def way(name: str, seconds: float) -> Run:
        told.append(name)
        return Run(seconds, 0, 0, 0)

    own, other = run_in_turn(lambda: way("ours", 0.5), lambda: way("theirs", seconds), 3)
    assert " ".join(told) == order
    assert len(own) == 3
    pair = Pair(own, other, 0.0)
    assert pair.faster == seconds / 0.5


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
@pytest.mark.parametrize("key", groups(f"maskers.{name}" for name in [*OF_IMAGES, "setup"]))
def test_each_group_of_the_quick_benchmark_runs(quick: Settings, key: str) -> None:
    group = key.removeprefix("maskers.")
    rows = list(GROUPS[group](quick))
    assert GROUPS.keys() >= {group, "imports"}
    equality = [row for row in rows if row.what.endswith("difference")]
    assert equality
    # Where nilearn adds up in float32, what counts is who is nearer to its float64.
    exact = [row for row in rows if row.what.endswith("in float64")]
    assert all(row.passed for row in exact or equality)
    assert bool(exact) == (group in ("spheres", "maps"))
