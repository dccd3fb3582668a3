"""Names of other packages are those that they know, and suit what is decoded."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix
from pandas import DataFrame
from sklearn.base import is_regressor
from sklearn.metrics import get_scorer, get_scorer_names

import boldstream as bs
from boldstream.decoding.task.names import find_estimator
from boldstream.glm.trials import regressors
from boldstream.study.settings import read_study
from boldstream.study.settings.analyses import ESTIMATORS
from boldstream.study.settings.names import (
    REGRESSORS,
    RESPONSES,
    SCORES_OF_CLASSES,
    SCORES_OF_VALUES,
)

STUDY = """\
targets:
  choice: {{column: choice}}
  value: {{column: value, values: true}}
analyses:
- {{kind: decoding, name: regions}}
- {text}
"""


def errors(folder: Path, text: str) -> list[str]:
    path = folder / "study.yaml"
    path.write_text(text)
    try:
        read_study(path)
    except bs.ParameterError as error:
        return str(error).replace(f"{path}, line ", "").splitlines()
    return []


def of_analysis(folder: Path, text: str) -> list[str]:
    told = errors(folder, STUDY.format(text=f"{{{text}}}"))
    return [line.removeprefix("6: `analyses[1].") for line in told]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kind: decoding, name: x, scoring: acuracy",
            "scoring` must be a score of scikit-learn, such as 'accuracy' or 'balanced_accuracy', "
            "got 'acuracy'; did you mean 'accuracy'?",
        ),
        (
            "kind: searchlight, name: x, target: value, scoring: neg_max_eror",
            "scoring` must be a score of scikit-learn, such as 'r2' or 'explained_variance', "
            "got 'neg_max_eror'; did you mean 'neg_max_error'?",
        ),
        (
            "kind: searchlight, name: x, target: value, scoring: accuracy",
            "scoring` must be a score of values, as 'value' has, got 'accuracy', which is of "
            "classes",
        ),
        (
            "kind: decoding, name: x, scoring: r2",
            "scoring` must be a score of classes, as 'choice' has, got 'r2', which is of values",
        ),
        (
            "kind: decoding, name: x, estimator: ridge",
            "estimator` must be a classifier for 'choice', which has classes, got the regressor "
            "'ridge'; did you mean 'ridge_classifier'?",
        ),
        (
            "kind: decoding, name: x, estimators: {value: svc_l1}",
            "estimators.value` must be a regressor for 'value', which has values, got the "
            "classifier 'svc_l1'; did you mean 'svr'?",
        ),
        (
            "kind: decoding, name: x, estimators: {choice: svr}",
            "estimators.choice` must be a classifier for 'choice', which has classes, got the "
            "regressor 'svr'; did you mean 'svc'?",
        ),
        (
            "kind: searchlight, name: x, target: value, estimator: lda",
            "estimator` must be a regressor for 'value', which has values, got the classifier "
            "'lda'; did you mean 'ridge'?",
        ),
        (
            "kind: searchlight, name: x, target: choice, estimator: lasso",
            "estimator` must be a classifier for 'choice', which has classes, got the regressor "
            "'lasso'; did you mean 'svc'?",
        ),
        (
            "kind: decoding, name: x, targets: [value], estimator: lasso",
            "estimator` is for classes, and there are values only: name theirs in `estimators`",
        ),
        (
            "kind: decoding, name: x, estimator: lda, estimators: {choice: svc}",
            "estimator` is for classes, and each target of classes has its own in `estimators`",
        ),
        (
            "kind: contrasts, name: x, contrasts: {a: x}, hrf_model: glovr",
            "hrf_model` must be one of 'glover', 'glover + derivative', "
            "'glover + derivative + dispersion', 'spm', 'spm + derivative', "
            "'spm + derivative + dispersion', 'fir', got 'glovr'; did you mean 'glover'?",
        ),
    ],
)
def test_a_wrong_name_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert of_analysis(tmp_path, text) == [message]


@pytest.mark.parametrize(
    "text",
    [
        "kind: decoding, name: x, estimator: lda, estimators: {value: lasso}, scoring: f1_macro",
        # scikit-learn knows it, and it is not listed here.
        "kind: decoding, name: x, scoring: adjusted_rand_score",
        "kind: decoding, name: x, targets: [value], estimators: {value: svr}",
        "kind: searchlight, name: x, target: value",
        "kind: searchlight, name: x, target: value, estimator: svr, scoring: neg_max_error",
        "kind: contrasts, name: x, contrasts: {a: x}, hrf_model: SPM + derivative",
        "kind: contrasts, name: x, contrasts: {a: x_delay_0}, hrf_model: fir",
    ],
)
def test_what_suits_is_taken(tmp_path: Path, text: str) -> None:
    assert of_analysis(tmp_path, text) == []


def test_responses_of_betas(tmp_path: Path) -> None:
    assert errors(tmp_path, "betas:\n  hrf_model: fir\n") == [
        "2: `betas.hrf_model` must have one size for each trial, got 'fir', which has one for "
        "each delay"
    ]
    (told,) = errors(tmp_path, "betas:\n  hrf_model: smp\n")
    assert told.startswith("2: `betas.hrf_model` must be one of 'glover', ")
    assert told.endswith(", got 'smp'; did you mean 'spm'?")


def test_what_is_listed_is_what_others_know() -> None:
    assert set(SCORES_OF_CLASSES) | set(SCORES_OF_VALUES) <= set(get_scorer_names())
    assert {name for name in ESTIMATORS if is_regressor(find_estimator(name))} == set(REGRESSORS)
    assert set(RESPONSES) == set(regressors._MODELS)
    events = DataFrame({"onset": [1.0], "duration": [1.0], "trial_type": ["a"]})
    for name in (*RESPONSES, "fir"):
        frames = np.arange(20) * 2.0
        assert len(make_first_level_design_matrix(frames, events, hrf_model=name))


def test_scores_of_values_are_of_regressors() -> None:
    """A score of values is one of `sklearn.metrics` on regression, and no other is."""
    for names, is_of_values in ((SCORES_OF_VALUES, True), (SCORES_OF_CLASSES, False)):
        for name in names:
            module = inspect.getmodule(inspect.unwrap(get_scorer(name)._score_func))
            assert module is not None
            assert (module.__name__ == "sklearn.metrics._regression") == is_of_values, name


def test_known_names_do_not_import_their_packages(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(text="{kind: decoding, name: x, scoring: roc_auc}"))
    code = (
        "import sys; from boldstream.study.settings import read_study; read_study(sys.argv[1]); "
        "print(sorted({'sklearn', 'nilearn'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
