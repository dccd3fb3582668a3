"""Made-up choices: what is chosen follows from value, and tells nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from boldstream.simulate.choices import Agent, Choices, make_agent, make_choices


def joined(runs: list[Choices], name: str) -> np.ndarray:
    return np.concatenate([getattr(run, name) for run in runs])


@pytest.mark.parametrize("agent", [Agent(-3.5, 0.6), Agent(-6.0, 1.0)])
def test_a_fit_by_maximum_likelihood_finds_the_agent(
    rng: np.random.Generator, agent: Agent
) -> None:
    runs = [make_choices(agent, 40, rng) for _ in range(50)]
    amount, delay = joined(runs, "delayed_amount"), joined(runs, "delay")
    now, delayed = joined(runs, "immediate_amount"), joined(runs, "delayed")

    def cost(x: np.ndarray) -> float:
        difference = amount / (1 + np.exp(x[0]) * delay) - now
        p = expit(np.where(delayed, 1, -1) * np.exp(x[1]) * difference)
        return float(-np.log(p).sum())

    found = minimize(cost, [-4.5, 0.0], method="Nelder-Mead").x
    assert found[0] == pytest.approx(agent.log_k, abs=0.05)
    assert np.exp(found[1]) == pytest.approx(agent.inverse_temperature, rel=0.15)


def test_choice_tells_nothing_of_value(rng: np.random.Generator) -> None:
    runs = [make_choices(make_agent(rng), 40, rng) for _ in range(60)]
    each = [np.corrcoef(run.value, run.delayed)[0, 1] for run in runs]
    assert abs(np.mean(each)) < 0.03
    assert np.abs(each).max() < 0.35
    counts = [run.delayed.sum() for run in runs]
    assert 12 <= min(counts) <= max(counts) <= 28


@pytest.mark.parametrize("n_trials", [4, 7, 40])
def test_offers_are_real_ones(rng: np.random.Generator, n_trials: int) -> None:
    for _ in range(20):
        choices = make_choices(make_agent(rng), n_trials, rng)
        assert len(choices.names) == n_trials
        assert (choices.delayed_amount > choices.value).all()
        assert (choices.immediate_amount > 0).all()
        assert set(choices.names) <= {"delayed", "immediate"}
        assert (choices.response_time > 0.5).all()
        assert (choices.response_time < 2).all()


def test_hard_choices_take_longer(rng: np.random.Generator) -> None:
    runs = [make_choices(Agent(-4.0, 0.5), 40, rng) for _ in range(20)]
    difficulty = -np.abs(joined(runs, "value") - joined(runs, "immediate_amount"))
    assert np.corrcoef(difficulty, joined(runs, "response_time"))[0, 1] > 0.3
