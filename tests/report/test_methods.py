"""The methods text names just what was done, with the settings that were used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from boldstream.core.errors import TableError
from boldstream.report.methods import methods_of
from boldstream.report.methods.references import _PAPERS, Citations
from boldstream.report.reading import read_run


def text_of(results: Path) -> str:
    found = methods_of(read_run(results))
    assert found is not None
    return "\n".join(found.paragraphs)


def test_settings_stand_in_the_text_with_units(made_results: Path) -> None:
    text = text_of(made_results)
    for expected in (
        "Of 2 subjects, 2 were analysed.",
        "least squares all, one model of each run",
        "(high-pass cut-off 0.0125 Hz, 80 s) and no confounds",
        "Gaussian kernel of 4.5 mm full width at half maximum",
        "linear discriminant analysis, scored by accuracy",
        "value by ridge regression",
        "leave-one-run-out cross-validation",
        "19 permutations of labels of trials within runs",
        "in a sphere of 7.5 mm radius",
        "crossnobis dissimilarities",
        "compared with the models tools by Spearman's rank correlation",
        "5 permutations of conditions",
        "placed in a plane by classical multidimensional scaling",
        "in a sphere of 8 mm radius around every voxel (around)",
        "Noise ceilings are those of the toolbox (Nili et al., 2014)",
        "at most 123 sign flips",
        "hyperbolic discounting, V = A / (1 + kD)",
        "more than 10 % of trials",
        "an autoregressive model of order 1; contrasts were offer: offer.",
    ):
        assert expected in text


def test_all_reasons_to_leave_a_subject_out_are_told(results: Path) -> None:
    text = text_of(results)
    assert "Subjects were left out with more than 10 % of trials without a choice." in text
    for path in results.glob("sub-*/behaviour/unit.json"):
        note = json.loads(path.read_text())
        note["parameters"]["settings"] |= {
            "min_trials": 20,
            "accuracy": "hit",
            "min_accuracy": 0.6,
            "response_time": "rt",
            "response_time_range": [0.2, 10],
            "max_outside": 0.25,
        }
        path.write_text(json.dumps(note))
    assert (
        "Subjects were left out with more than 10 % of trials without a choice, fewer than 20 "
        "trials, an accuracy (column “hit”) below 60 % or more than 25 % of response times "
        "(column “rt”) outside of 0.2 to 10."
    ) in text_of(results)


def test_one_target_was_and_several_were_decoded(results: Path) -> None:
    assert "“subjective_value”) were decoded (regions)" in text_of(results).replace("\n", " ")
    for path in results.glob("sub-*/regions/*/unit.json"):
        note = json.loads(path.read_text())
        targets = note["parameters"]["targets"]
        note["parameters"]["targets"] = {"picture": targets["picture"]}
        path.write_text(json.dumps(note))
    assert "“picture”) was decoded (regions)" in text_of(results)


def test_both_regions_are_named_though_each_was_a_unit(made_results: Path) -> None:
    assert "2 regions of an atlas" in text_of(made_results)


def test_what_was_not_done_is_not_told(results: Path) -> None:
    before = methods_of(read_run(results))
    assert before is not None
    for words in ("smoothed with", "searchlight", "Welch", "fMRIPrep", "false discovery"):
        assert (words in "\n".join(before.paragraphs)) == (words not in ("Welch", "fMRIPrep"))
    for subject in ("sub-01", "sub-02"):
        shutil.rmtree(results / subject / "light", ignore_errors=True)
        shutil.rmtree(results / subject / "around", ignore_errors=True)
        shutil.rmtree(results / subject / "geo")
    after = methods_of(read_run(results))
    assert after is not None
    assert "searchlight" not in "\n".join(after.paragraphs)
    assert any("Information-based functional brain" in paper for paper in before.references)
    assert not any("Information-based functional brain" in paper for paper in after.references)
    assert not any("crossnobis" in paragraph for paragraph in after.paragraphs)


def test_every_citation_is_listed_and_nothing_else(made_results: Path) -> None:
    found = methods_of(read_run(made_results))
    assert found is not None
    text = "\n".join(found.paragraphs)
    cited = {paper for name, paper in _PAPERS.values() if name in text}
    assert set(found.references) == cited
    assert list(found.references) == sorted(found.references)


def test_versions_are_those_that_results_were_made_with(results: Path) -> None:
    path = results / "sub-02" / "betas" / "unit.json"
    note = json.loads(path.read_text())
    note["versions"] = {**note["versions"], "numpy": "1.0.0", "boldstream": "0.0.1"}
    path.write_text(json.dumps(note))
    text = text_of(results)
    now = json.loads((results / "dataset_description.json").read_text())["versions"]
    assert f"boldstream {now['boldstream']} and 0.0.1" in text
    assert f"NumPy {now['numpy']} and 1.0.0" in text
    assert f"nilearn {now['nilearn']} (" in text


def test_betas_that_were_removed_are_told_as_the_study_file_has_them(results: Path) -> None:
    status = pd.read_csv(results / "status.tsv", sep="\t", dtype=str, keep_default_na=False)
    status.loc[status["step"] == "betas", "state"] = "unneeded"
    status.to_csv(results / "status.tsv", sep="\t", index=False)
    for subject in ("sub-01", "sub-02"):
        shutil.rmtree(results / subject / "betas")
    assert "least squares all" in text_of(results)


def test_nothing_done_gives_no_text_and_a_missing_setting_is_told(results: Path) -> None:
    path = results / "sub-01" / "betas" / "unit.json"
    note = json.loads(path.read_text())
    del note["parameters"]["settings"]["method"]
    path.write_text(json.dumps(note))
    with pytest.raises(TableError, match="what betas was made with was noted without 'method'"):
        text_of(results)
    for folder in [*results.glob("sub-*/*"), *results.glob("group/*")]:
        shutil.rmtree(folder)
    assert methods_of(read_run(results)) is None


@pytest.mark.parametrize("key", sorted(_PAPERS))
def test_papers_have_a_year_that_agrees_and_a_doi(key: str) -> None:
    name, paper = _PAPERS[key]
    year = key[-4:]
    assert name.endswith(year)
    assert f"({year})" in paper
    assert name.split()[0].rstrip(",") in paper.split(",")[0]
    assert "doi:10." in paper or key in ("mazur1987", "pedregosa2011")


def test_a_paper_that_is_cited_twice_is_listed_once() -> None:
    cite = Citations()
    assert cite("power2012") == cite("power2012") == "(Power et al., 2012)"
    assert len(cite.references()) == 1


def test_subjects_with_other_settings_are_named(results: Path) -> None:
    assert "other settings" not in text_of(results)
    for path in results.glob("sub-02/regions/*/unit.json"):
        note = json.loads(path.read_text())
        note["parameters"]["settings"]["estimator"] = "svc"
        path.write_text(json.dumps(note))
    sentence = "With subjects 02 it was made with other settings."
    (paragraph,) = [line for line in text_of(results).splitlines() if sentence in line]
    assert "(regions)" in paragraph
