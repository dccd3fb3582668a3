"""Figures that pages and sentences name are those that a full run takes.

Everything is as in a full run but for the work: processes and files are made up, so that the names
of an hour of figures are there at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import glm, maskers, models, searchlight, seed_scale, store, studies
from benchmarks import searchlight_brains as brains
from benchmarks import searchlight_spheres as spheres
from benchmarks.harness import Finished, Times
from benchmarks.inputs import GlmInputs, Inputs, MaskerInputs
from benchmarks.misses import read_sentences
from benchmarks.pairs import Pair, Run
from benchmarks.readme import FIGURE, filled, read_templates
from benchmarks.results import Results, Taken
from benchmarks.rows import Row
from benchmarks.searchlight_data import TrialInputs
from benchmarks.searchlight_runs import Measured
from benchmarks.searchlight_study import Study, row_of
from benchmarks.settings import Settings
from boldstream.benchmark.cases import Measured as OfARequest

_MOST = 400_000
_NAMES = ("scores", "fold_scores", "p", "p_tfce", "tfce")
_RUN = Run(1.0, 1 << 20, 0.5, 1 << 20)
_DONE = Finished(1.0, "", peak_bytes=1 << 20)


class _Any(defaultdict[str, Any]):
    """Whatever a process of these could print."""

    def __init__(self) -> None:
        super().__init__(lambda: 1.0)
        self |= {
            name: [1.0] for name in ("passes", "reads", "regions", "volumes", "stored", "means")
        }
        self |= {name: [1.0] * 200 for name in ("t", "values")}
        self |= {"note": "", "n_spheres": 100, "calls": (2.0, 0.5), "n_voxels": 100}
        self["log_likelihood"] = [-70.0] * 4


def _measured(*_: Any, **__: Any) -> Measured:
    arrays = {name: np.ones(_MOST, np.float32) for name in _NAMES}
    return Measured(_Any(), {**arrays, "rows": np.array([0])}, 1 << 20)


def _same(image: str, what: str, *_: Any, **__: Any) -> Any:
    return row_of(image, what, 0.0, "%")


def _always(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a full run in which nothing works."""

    def patch(module: Any, **values: Any) -> None:
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)

    bold = tmp_path / "bold.nii.gz"
    own = seed_scale.CommandLine(Times((1.0,)), Times((0.5,)), 70.0)
    patch(seed_scale, make_inputs=_always(Inputs(tmp_path, bold)), run_way=_always((_Any(), _DONE)),
          run_command_line=_always((own, [1.0])), run_process=_always(_DONE))  # fmt: skip
    patch(store, write_bold=_always(None), _write_masks=_always(None),
          run_way=_always((_Any(), _DONE)),
          run_request=_always(OfARequest("done", 1.0, 1.0, 1, 1, 1)))  # fmt: skip
    pair = Pair((_RUN,), (_RUN,), 0.0, (0.0, 0.0))
    patch(maskers, make_masker_inputs=_always(MaskerInputs(tmp_path, bold)),
          read_through=_always(None), run_pair=_always(pair), run_way=_always(_RUN),
          imports_peak=_always(1 << 20), make_second_bold=_always(None),
          write_brain=_always(None))  # fmt: skip
    inputs = GlmInputs((bold,), tmp_path / "mask.nii.gz", tmp_path / "brain.nii.gz")
    patch(glm, make_task_inputs=_always(inputs), make_glm_inputs=_always(inputs),
          read_through=_always(None), run_alone=_always((_RUN,)),
          run_pair=_always((Pair((_RUN,), (_RUN,), 0.0), bold)),
          run_exact=_always(bold), difference=_always(0.0), same_labels=_always(1.0),
          imports_peak=_always(1 << 20), voxels_of=_always(100))  # fmt: skip
    trials = TrialInputs(bold, tmp_path / "mask.nii", tmp_path / "labels.tsv", 8.0)
    monkeypatch.setattr(Study, "inputs", _always(trials))
    patch(brains, fitting=_always(_measured), run=_measured, run_nilearn=_measured,
          imports_peak=_always(1 << 20), same_row=_same, _from_stepped=_always(0.0))  # fmt: skip
    patch(spheres, fitting=_always(_measured), run=_measured, same_row=_same)
    monkeypatch.setattr("benchmarks.searchlight_runs.run", _measured)
    patch(models, make_trials=_always(trials), run_way=_always(_Any()))
    patch(studies, make=_always(bold), run_pinned=_always((_DONE, _Any())))
    return Settings(tmp_path)


def _rows(settings: Settings) -> Iterator[Row]:
    for module in (seed_scale, store, maskers, glm, searchlight, models):
        for rows_of in module.GROUPS.values():
            yield from rows_of(settings)
    yield from studies.GROUPS["workers"](settings)


def test_figures_are_called_by_their_names(full: Settings) -> None:
    rows = tuple(_rows(full))
    keys = {row.key for row in rows}
    assert len(keys) == len(rows) > 150
    templates = read_templates()
    quoted = {found[1] for text in templates.values() for found in FIGURE.finditer(text)}
    assert len(quoted) > 50
    assert sorted(key for key in quoted - keys if not key.startswith("@")) == []
    missed = {key for key in read_sentences() if not key.startswith("first_minutes")}
    assert sorted(missed - keys) == []

    # And they hold all that is quoted of them.
    results, moment = Results(False), "2026-01-02T03:04:05+00:00"
    taken = Taken(state="done", revision="abc", changes="", began=moment, ended=moment, rows=rows)
    results.put("all", taken, [])
    for text in templates.values():
        assert not FIGURE.search(filled(text, results))
