"""How the work of group maps runs: threads, reports, and what is compiled when."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from boldstream.core.budget import Budget, find_budget
from boldstream.decoding.group import group_bootstrap, group_maps, running
from boldstream.decoding.group.plan import GroupPlan
from boldstream.decoding.inference.clusters import Forming
from boldstream.decoding.inference.tfce import Enhancement
from tests.decoding.group.made_up import same, subjects
from tests.decoding.inference.made_up import MASK


def test_what_is_done_if_nothing_is_asked_for(rng: np.random.Generator) -> None:
    maps = rng.normal(0.3, 1, size=(13, 5))
    found = group_maps(maps)
    assert (found.inference.n_permutations, found.chance, found.statistic) == (5000, 0.0, "t")
    for name in ("tfce", "p_tfce_fwe", "clusters", "mask", "grid", "path"):
        assert getattr(found, name) is None
    asked: dict[str, Any] = {"chance": 0.0, "permutations": 5000, "random_state": 0}
    same(found, group_maps(maps, statistic="t", tfce=False, n_jobs=1, **asked))
    drawn = group_bootstrap(maps, list(maps[:, None]), chance=0.0)
    assert (drawn.n_permutations, drawn.tfce, drawn.clusters) == (10_000, None, None)
    null = list(rng.normal(size=(13, 4, 5)))
    of_seed = [group_bootstrap(maps, null, chance=0.0, random_state=seed) for seed in (0, 1)]
    default = group_bootstrap(maps, null, chance=0.0).max_null
    assert (default == of_seed[0].max_null).all()
    assert (default != of_seed[1].max_null).any()


def test_sums_are_made_by_one_thread_of_each_job(rng: np.random.Generator) -> None:
    seen: set[int] = set()

    def report(done: int, total: int) -> None:
        seen.update(x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas")

    with threadpool_limits(2):
        group_maps(subjects(rng, 4)[:, MASK], progress=report)
    assert seen == {1}


def test_work_is_silent_and_in_the_thread_of_the_caller_by_default(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    maps = subjects(rng, 4)[:, MASK]
    options: dict[str, Any] = {"chance": 0.5, "tfce": True, "forming_threshold": 0.1}

    def started(_: Thread) -> None:
        raise AssertionError("a thread was started")

    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", started)
        monkeypatch.setattr(running, "plan_group", lambda *_, **__: GroupPlan(50, 4, 0, 0))
        group_maps(maps, MASK, **options)
        group_bootstrap(maps, list(maps[:, None]), MASK, bootstraps=9, **options)
        with pytest.raises(AssertionError, match="a thread was started"):
            group_maps(maps, MASK, n_jobs=2, **options)
    assert capfd.readouterr() == ("", "")
    group_maps(maps, MASK, progress=True, **options)
    assert "group maps" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("tfce", "clusters"), [(False, False), (False, True), (True, False), (True, True)]
)
def test_what_will_run_is_compiled_before_memory_is_divided(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, tfce: bool, clusters: bool
) -> None:
    """Compiling takes memory, which is no part of the plan: nor is what is not asked for."""
    done: list[str] = []

    class Enhanced(Enhancement):
        def __call__(self, scores: Any) -> Any:
            done.append("tfce")
            return super().__call__(scores)

    class Formed(Forming):
        def largest(self, scores: Any) -> Any:
            done.append("clusters")
            return super().largest(scores)

    def budget(limit: Any) -> Budget:
        done.append("budget")
        return find_budget(limit)

    monkeypatch.setattr(running, "Enhancement", Enhanced)
    monkeypatch.setattr(running, "Forming", Formed)
    monkeypatch.setattr(running, "find_budget", budget)
    forming_threshold = 1.0 if clusters else None
    group_maps(subjects(rng, 4)[:, MASK], MASK, tfce=tfce, forming_threshold=forming_threshold)
    assert done == ["tfce"] * tfce + ["clusters"] * clusters + ["budget"]


def test_progress_goes_to_its_end(rng: np.random.Generator) -> None:
    steps: list[tuple[int, int]] = []
    group_maps(subjects(rng, 4)[:, MASK], progress=lambda done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1][0] == steps[-1][1]
