"""Noise of made-up runs, and the confounds that explain it."""

from __future__ import annotations

import numpy as np
import pytest

from boldstream.simulate.choice_signal import Pattern, make_run

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def test_noise_has_the_autocorrelation_of_ar_1(rng: np.random.Generator) -> None:
    run = make_run(500, 1500, 2.0, [], rng)
    known = np.stack([run.confounds[name] for name in (*MOTION, "csf", "white_matter")])
    basis = np.concatenate([known, np.vander(np.linspace(-1, 1, 1500), 3).T])
    noise = run.change - basis.T @ np.linalg.lstsq(basis.T, run.change, rcond=None)[0]
    r = (noise[1:] * noise[:-1]).sum(axis=0) / (noise**2).sum(axis=0)
    assert r.mean() == pytest.approx(0.35, abs=0.03)
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert run.change.std() > 1.1 * noise.std()


def test_patterns_are_added_to_the_same_noise() -> None:
    course = np.sin(np.arange(50))
    pattern = Pattern(np.array([3, 7]), np.array([1.0, -2.0]), course)
    without = make_run(10, 50, 2.0, [], np.random.default_rng(1)).change
    change = make_run(10, 50, 2.0, [pattern], np.random.default_rng(1)).change - without
    np.testing.assert_allclose(change[:, 3], course, atol=1e-6)
    np.testing.assert_allclose(change[:, 7], -2 * course, atol=1e-6)
    assert not change[:, [0, 1, 2, 4, 5, 6, 8, 9]].any()


def test_confounds_follow_from_motion(rng: np.random.Generator) -> None:
    table = make_run(100, 80, 2.0, [], rng).confounds
    assert all(len(column) == 80 for column in table.values())
    steps = np.abs(np.diff([table[name] for name in MOTION], axis=1))
    wanted = steps[:3].sum(axis=0) + 50 * steps[3:].sum(axis=0)
    np.testing.assert_allclose(table["framewise_displacement"][1:], wanted)
    np.testing.assert_allclose(table["rot_x_derivative1_power2"][1:], steps[3] ** 2)
    assert np.isnan(table["dvars"][0])
    assert np.median(table["std_dvars"][1:]) == pytest.approx(1)
    cosines = np.stack([v for k, v in table.items() if k.startswith("cosine")])
    assert len(cosines) == 2
    np.testing.assert_allclose(cosines @ cosines.T, np.eye(2), atol=1e-12)
