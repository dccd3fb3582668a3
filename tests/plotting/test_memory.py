"""Memory over time: the lines, the limit, and names that do not overlap."""

from __future__ import annotations

import itertools
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from boldstream.core.errors import ParameterError
from boldstream.core.limits import Limit
from boldstream.memory.config import MemoryConfig
from boldstream.memory.monitor import MemoryMonitor, Sample
from boldstream.plotting import plot_memory
from tests.plotting.drawn import boxes_of, line_of, texts_of

GB = 1024**3
SAMPLES = [
    Sample(0.0, 1.0, 3.0),
    Sample(1.0, 2.5, 4.5, "load"),
    Sample(0.5, 1.5, 3.5),
    Sample(1.5, 1.25, 3.25, "extract"),
]


def test_lines_are_the_samples_in_the_order_of_time() -> None:
    ax = plot_memory(SAMPLES, limit="8GB")
    process, used = line_of(ax, "this process"), line_of(ax, "in use by all")
    assert process.get_xdata().tolist() == [0.0, 0.5, 1.0, 1.5]
    assert process.get_ydata().tolist() == [1.0, 1.5, 2.5, 1.25]
    assert used.get_ydata().tolist() == [3.0, 3.5, 4.5, 3.25]
    limit = line_of(ax, "limit")
    assert set(limit.get_ydata()) == {8.0}
    assert limit.get_linestyle() == "--"
    assert len({line.get_linestyle() for line in (process, used, limit)}) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "memory (GiB)")
    low, high = ax.get_ylim()
    assert low == 0
    assert high > 8


def test_operations_are_marked_and_named() -> None:
    ax = plot_memory(SAMPLES)
    marks = line_of(ax, "operation")
    assert marks.get_xdata().tolist() == [1.0, 1.5]
    assert marks.get_ydata().tolist() == [2.5, 1.25]
    assert marks.get_marker() == "v"
    assert {"load", "extract"} <= set(texts_of(ax))


def test_a_table_with_process_alone() -> None:
    table = pd.DataFrame({"seconds": [0, 1], "process_gb": [0.25, 0.5], "operation": ["a", None]})
    ax = plot_memory(table)
    assert line_of(ax, "this process").get_ydata().tolist() == [256.0, 512.0]
    assert ax.get_ylabel() == "memory (MiB)"
    assert "in use by all" not in [line.get_label() for line in ax.lines]
    assert line_of(ax, "operation").get_xdata().tolist() == [0]


def test_a_monitor_brings_its_limit() -> None:
    limits = [Limit("RAM", 64 * GB, 0), Limit("job", 2 * GB, GB)]
    monitor = MemoryMonitor(MemoryConfig(), find_limits=lambda: limits)
    with monitor:
        monitor.log_memory_usage("loading")
    ax = plot_memory(monitor)
    assert set(line_of(ax, "limit").get_ydata()) == {2.0}
    expected = sorted(monitor.timeline, key=lambda sample: sample.seconds)
    assert line_of(ax, "this process").get_ydata().tolist() == [one.process_gb for one in expected]
    assert "loading" in texts_of(ax)


def test_a_limit_far_above_is_named_and_leaves_the_lines_their_room() -> None:
    ax = plot_memory(SAMPLES, limit=100 * GB)
    assert "limit far above: 100 GiB ↑" in texts_of(ax)
    assert ax.get_ylim()[1] < 10
    ax = plot_memory([Sample(0, 0.0, 0.0)], limit="1GB")
    assert set(line_of(ax, "limit").get_ydata()) == {1024.0}


def test_lines_have_the_names_that_are_given() -> None:
    ax = plot_memory(SAMPLES, names=("workers", "the node"))
    assert line_of(ax, "workers").get_ydata().max() == 2.5
    assert line_of(ax, "the node").get_ydata().max() == 4.5


def test_one_sample_is_seen() -> None:
    line = line_of(plot_memory([Sample(0.0, 1.0, 2.0)]), "this process")
    assert line.get_marker() == "o"


@pytest.mark.parametrize("n", [3, 12, 60])
def test_many_names_do_not_overlap(n: int) -> None:
    rng = np.random.default_rng(n)
    times = np.sort(rng.uniform(0, 60, n))
    names = [f"sub-{i:02d} extraction" for i in range(n)]
    samples = [Sample(t, 1.0, 2.0, name) for t, name in zip(times.tolist(), names, strict=True)]
    ax = plot_memory(samples)
    boxes = boxes_of(ax, names)
    assert len(boxes) >= min(n, 4)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    marked = [line for line in ax.lines if str(line.get_label()).startswith("operation")]
    assert len(marked[0].get_xdata()) == n  # type: ignore[arg-type]
    if len(boxes) < n:
        assert marked[0].get_label() == f"operation ({len(boxes)} of {n} named)"
    # The line that leads to a name crosses no name below it.
    figure: Any = ax.figure
    at = dict(zip(names, times, strict=True))
    named = [text.get_text() for text in ax.texts if text.get_text() in at]
    for name, box in zip(named, boxes, strict=True):
        (x, _) = ax.transData.transform((at[name], 0))
        assert min(abs(box.x0 - x), abs(box.x1 - x)) < 3
        assert not any(one.x0 < x < one.x1 for one in boxes if one.y1 < box.y0)
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_it_draws_where_it_is_told() -> None:
    ax = Figure().add_subplot()
    assert plot_memory(SAMPLES, ax=ax) is ax
    assert plt.get_fignums() == []
    assert plot_memory(SAMPLES).figure.number == plt.get_fignums()[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("timeline", "message"),
    [
        ([], "`timeline` must hold at least one sample"),
        (MemoryMonitor(), "`timeline` must hold at least one sample"),
        (3, "`timeline` must be a MemoryMonitor.*got int"),
        ("abc", "`timeline` must be a MemoryMonitor.*got str"),
        ([(0.0, 1.0, 2.0)], "`timeline` must be a MemoryMonitor"),
        (pd.DataFrame({"second": [0], "process_gb": [1]}), "no seconds .*did you mean 'second'"),
        (pd.DataFrame({"seconds": [0], "process_gb": [np.nan]}), "finite seconds and process_gb"),
        (pd.DataFrame({"seconds": ["x"], "process_gb": [1]}), "numbers in seconds"),
    ],
)
def test_what_is_no_timeline_is_refused(timeline: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plot_memory(timeline)
    assert plt.get_fignums() == []


def test_a_wrong_limit_is_refused() -> None:
    with pytest.raises(ParameterError, match="`limit` must be a positive size"):
        plot_memory(SAMPLES, limit="much")
    with pytest.raises(ParameterError, match="`ax` must be"):
        plot_memory(SAMPLES, ax=plt.figure())  # type: ignore[arg-type]
    assert len(plt.get_fignums()) == 1
