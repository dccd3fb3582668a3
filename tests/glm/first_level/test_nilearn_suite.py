"""nilearn's own tests of its first-level model and what is made of it, on the drop-in.

What fails must fail for nilearn's class too, or stand in `DEPARTURES`.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.nilearn_suite import fail_for_ours_alone, run_suite

PACKAGE = "nilearn.glm.tests"
# Fewest tests of a module: a run that collects less has tested nothing.
MODULES = {
    "test_first_level": 140,
    "test_first_level_from_bids": 60,
    "test_glm_reporter": 30,
    "test_io": 20,
}
# Those of one process.
TOGETHER = [["test_first_level", "test_first_level_from_bids"], ["test_glm_reporter", "test_io"]]
# Second-level models of maps and of tables: no first-level model is made in these.
WITHOUT = {
    "test_glm_reporter": ["test_slm_reporting_method", "test_slm_with_dataframes_as_input"],
    "test_io": ["test_save_glm_to_bids_second_level"],
}
# Tests of nilearn that hold the drop-in to what it is meant to do otherwise.
DEPARTURES = {
    ("test_first_level", "check_doc_link"): (
        "wants a page of that name in nilearn's documentation; the link is that of nilearn's class"
    ),
    ("test_first_level", "check_img_estimator_pipeline_consistency"): (
        "wants the step of a pipeline to be called firstlevelmodel"
    ),
    ("test_first_level", "test_first_level_residuals"): (
        "wants means of 0 to six decimals of residuals of some thousands, which are float32 here"
    ),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("modules", TOGETHER, ids=" ".join)
def test_nilearn_finds_no_difference(modules: list[str], tmp_path: Path) -> None:
    plugin = "tests.glm.first_level.swapped"
    ours = run_suite(PACKAGE, modules, tmp_path, plugin=plugin, without=WITHOUT)
    differing = {module: _unexplained(module, ours[module], tmp_path) for module in modules}
    assert differing == {module: set() for module in modules}
    stale = [
        (module, part)
        for module, part in DEPARTURES
        if module in modules
        and not any(part in name and not passed for name, passed in ours[module].items())
    ]
    assert not stale, "these are no departures any more"


def _unexplained(module: str, ours: dict[str, bool], folder: Path) -> set[str]:
    """What fails for ours alone, and is no departure."""
    assert len(ours) >= MODULES[module], module
    wanted = [part for of, part in DEPARTURES if of == module]
    failed = {name for name, passed in ours.items() if not passed}
    unexplained = {name for name in failed if not any(part in name for part in wanted)}
    return fail_for_ours_alone(PACKAGE, module, unexplained, folder)


def test_modules_are_all_run() -> None:
    assert sorted(module for modules in TOGETHER for module in modules) == sorted(MODULES)


@pytest.mark.parametrize("module", WITHOUT)
def test_what_is_left_out_makes_no_first_level_model(module: str) -> None:
    spec = find_spec(f"{PACKAGE}.{module}")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in WITHOUT[module]:
        words = ast.unparse(functions[name])
        fixtures = [arg.arg for arg in functions[name].args.args if arg.arg in functions]
        words += "".join(ast.unparse(functions[fixture]) for fixture in fixtures)
        assert "SecondLevelModel" in words
        assert not any(word in words for word in ("FirstLevel", "first_level_from", "flm"))
