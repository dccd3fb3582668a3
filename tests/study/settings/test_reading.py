"""Study files are read, and what is wrong with them is named with its line."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import boldstream as bs
from boldstream.decoding.task import names
from boldstream.decoding.task.cv import parse_cv
from boldstream.study.settings import DecodingSettings, StudySettings, read_study
from boldstream.study.settings.analyses import ESTIMATORS

WHOLE = """\
data:
  root: ..
  subjects: [01, 002, 1e2]
  runs: [1, 02]
  t_r: 2
rois:
  masks: {1: a.nii.gz, on: b.nii.gz}
confounds:
  columns: ["trans_*", csf]
behaviour:
  immediate: 10
targets:
  choice: {column: trial_type, conditions: [yes, no, 2020-01-01, null_]}
analyses:
  - kind: decoding
    name: choices
    param_grid: {C: [1e-3, 0.1, 1]}
  - {kind: extraction, name: courses, standardize: no, high_pass: 1e-2}
memory:
  limit: 8GB
execution:
  slurm: {time: 04:00:00, memory: 4000000000}
output: results
"""


def study(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def errors(folder: Path, text: str) -> list[str]:
    path = study(folder, text)
    with pytest.raises(bs.ParameterError) as caught:
        read_study(path)
    return str(caught.value).replace(f"{path}, line ", "").splitlines()


def test_texts_are_what_is_written(tmp_path: Path) -> None:
    found = read_study(study(tmp_path, WHOLE))
    assert found.data.subjects == ("01", "002", "1e2")
    assert found.data.runs == ("1", "02")
    assert found.targets["choice"].conditions == ("yes", "no", "2020-01-01", "null_")
    assert found.rois.masks == {"1": "a.nii.gz", "on": "b.nii.gz"}
    assert found.execution.slurm.time == "04:00:00"
    assert found.execution.slurm.memory == "4000000000"


def test_all_else_is_what_yaml_says(tmp_path: Path) -> None:
    found = read_study(study(tmp_path, WHOLE))
    safe = yaml.safe_load(WHOLE)
    assert found.data.t_r == safe["data"]["t_r"]
    assert found.behaviour is not None
    assert found.behaviour.immediate == 10.0
    assert found.confounds.columns == ("trans_*", "csf")
    decoding, courses = found.analyses
    assert decoding.model_dump()["param_grid"] == {"C": [0.001, 0.1, 1]}
    assert courses.model_dump()["standardize"] is False
    assert courses.model_dump()["high_pass"] == 0.01
    assert found.output == Path("results")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "data:\n  root: .\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    expected = StudySettings.model_validate({"data": {"root": "."}})
    assert read_study(study(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data:\n  taks: dd\n", "2: `data.taks` is not known; did you mean 'task'?"),
        ("\nrandom_state: x\n", "2: `random_state` must be a whole number, got 'x'"),
        ("random_state: yes\n", "1: `random_state` must be a whole number, got yes"),
        ("random_state: -1\n", "1: `random_state` must be at least 0, got -1"),
        ("random_state: 1.5\n", "1: `random_state` must be a whole number, got 1.5"),
        ("data: {t_r: -2}\n", "1: `data.t_r` must be above 0, got -2"),
        ("data: {t_r: .inf}\n", "1: `data.t_r` must be finite, got .inf"),
        ("data: {t_r: .nan}\n", "1: `data.t_r` must be finite, got .nan"),
        ("data: {t_r: '2'}\n", "1: `data.t_r` must be a number, got '2'"),
        ("data: {subjects: 01}\n", "1: `data.subjects` must be a list, got 01, such as [01]"),
        (
            "data: {runs: []}\n",
            "1: `data.runs` must hold at least one, got an empty list; leave it out for all",
        ),
        ("data: {root: [x]}\n", "1: `data.root` must be a text, got a list"),
        ("data: [x]\n", "1: `data` must be a mapping, got a list"),
        ("data:\n", "1: `data` must be a mapping, got nothing"),
        (
            "data: {subjects: [a/b]}\n",
            "1: `data.subjects[0]` must be a label of letters, digits, - and _, got 'a/b'",
        ),
        (
            "rois: {masks: {a/b: x}}\n",
            "1: `rois.masks.a/b` must be a label of letters, digits, - and _, got 'a/b'",
        ),
        (
            "data: {image_template: '../{subject}'}\n",
            "1: `data.image_template` must be a path below `root`, got '../{subject}'",
        ),
        (
            "data: {image_template: x.nii}\n",
            "1: `data.image_template` must hold {subject}, and may hold {run}, got 'x.nii'",
        ),
        (
            "memory:\n  limit: 8XB\n",
            "2: `memory.limit` must be a positive size such as '500MiB', '1.5GB' or a number of "
            "bytes, got '8XB'",
        ),
        (
            "betas:\n  method: lls\n",
            "2: `betas.method` must be 'lss' or 'lsa', got 'lls'; did you mean 'lss'?",
        ),
        ("betas: {signal_scaling: 1}\n", "1: `betas.signal_scaling` must be 'voxel', got 1"),
        (
            "behaviour:\n  immediate: [3]\n",
            "2: `behaviour.immediate` must be a text or a number, got a list",
        ),
        ("targets:\n  a: {}\n", "2: `targets.a.column` must be given"),
        (
            "targets:\n  column: {colum: x, column: y}\n",
            "2: `targets.column.colum` is not known; did you mean 'column'?",
        ),
        ("analyses:\n- {name: x}\n", "2: `analyses[0].kind` must be given"),
        (
            "analyses:\n- name: x\n  kind: decodign\n",
            "3: `analyses[0].kind` must be one of 'extraction', 'decoding', 'searchlight', "
            "'geometry', 'rdm_searchlight', 'contrasts', 'group', got 'decodign'; did you mean "
            "'decoding'?",
        ),
        (
            "analyses:\n- kind: decoding\n  name: x\n  estimatr: svc\n",
            "4: `analyses[0].estimatr` is not known; did you mean 'estimator'?",
        ),
        (
            "targets: {choice: {column: x}}\nanalyses:\n- kind: decoding\n  name: x\n"
            "  targets:\n  - choise\n",
            "6: `analyses[0].targets[0]` must be one of choice, got 'choise'; "
            "did you mean 'choice'?",
        ),
        (
            "rois: {masks: {v1: x}}\nanalyses:\n- {kind: extraction, name: x, rois: [V1]}\n",
            "3: `analyses[0].rois[0]` must be one of v1, got 'V1'; did you mean 'v1'?",
        ),
        (
            "analyses:\n- {kind: group, name: x, of: y}\n",
            "2: `analyses[0].of` must be known, and there is none, got 'y'",
        ),
        (
            "confounds:\n  strategy: simple\n  columns: [x]\n",
            "3: `confounds.columns` must be left out with a `strategy`",
        ),
        (
            "data:\n  confounds_template: '{subject}.tsv'\nconfounds: {strategy: simple}\n",
            "2: `data.confounds_template` goes with `confounds.columns`: a `strategy` reads what "
            "lies beside images",
        ),
        (
            "behaviour:\n  min_accuracy: 0.6\n",
            "2: `behaviour.min_accuracy` goes with `accuracy`, got none",
        ),
        (
            "behaviour:\n  response_time: rt\n  response_time_range: [5, 0.2]\n",
            "3: `behaviour.response_time_range` must be two times in rising order, such as "
            "[0.2, 5], got [5, 0.2]",
        ),
        (
            "behaviour: {max_outside: 0.2, response_time: rt}\n",
            "1: `behaviour.max_outside` goes with `response_time_range`, got none",
        ),
        ("data:\n  task: a\n  task: b\n", "3: `data.task` is there twice, first in line 2"),
        ("? [a, b]\n: c\n", "1: a key must be a text, got a list or mapping"),
        ("data: !mine {}\n", "1: `data` must have no tag, got !mine"),
        (
            "data: {task: !!python/name:os.system x}\n",
            "1: `data.task` cannot be read: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/name:os.system'",
        ),
        ("- a\n", "1: a study file must be a mapping, got a list"),
        ("text\n", "1: a study file must be a mapping, got 'text'"),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert errors(tmp_path, text) == [message]


STUDY = """\
rois: {{masks: {{v1: v1.nii.gz}}}}
targets:
  choice: {{column: choice}}
  value: {{column: value, values: true}}
  two: {{column: choice, conditions: [a, b]}}
analyses:
- {{kind: decoding, name: regions}}
- {{kind: searchlight, name: light, target: choice}}
- {{kind: geometry, name: bare, target: choice}}
- {{kind: geometry, name: shape, target: choice, models: {{m: m.tsv}}}}
- {{kind: extraction, name: courses}}
- {{kind: group, name: whole, of: light, tfce: true}}
- {text}
"""


def of_analysis(folder: Path, text: str) -> str:
    (line,) = errors(folder, STUDY.format(text=f"{{{text}}}"))
    return line.removeprefix("13: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kind: group, name: x, of: courses",
            "`analyses[6].of` must be an analysis that has scores or maps, got one of extraction",
        ),
        (
            "kind: group, name: x, of: whole",
            "`analyses[6].of` must be an analysis that has scores or maps, got one of group",
        ),
        (
            "kind: group, name: x, of: bare",
            "`analyses[6].of` must be an analysis that has scores, got 'bare' without `models`",
        ),
        (
            "kind: group, name: x, of: shape, tfce: true",
            "`analyses[6].tfce` goes with maps, got scores of geometry",
        ),
        (
            "kind: searchlight, name: x, target: choice, tfce: true",
            "`analyses[6].tfce` needs `permutations`, got none",
        ),
        (
            "kind: decoding, name: x, permutation_blocks: trials",
            "`analyses[6].permutation_blocks` goes with `permutations`, got none",
        ),
        (
            "kind: decoding, name: x, targets: [value], scoring: accuracy",
            "`analyses[6].scoring` is for classes: values are scored by R², got 'accuracy'",
        ),
        (
            "kind: decoding, name: x, targets: [value], estimators: {choice: svc}",
            "`analyses[6].estimators.choice` must be one of value, got 'choice'",
        ),
        (
            "kind: decoding, name: x, select: 2.5",
            "`analyses[6].select` must be a share below 1, or a whole number of voxels, got 2.5",
        ),
        (
            "kind: decoding, name: x, select: 0",
            "`analyses[6].select` must be above 0, got 0",
        ),
        (
            "kind: geometry, name: x, target: value, models: {m: m.tsv}",
            "`analyses[6].target` must have classes, got 'value', which has values",
        ),
        (
            "kind: geometry, name: x, target: choice, metric: correlation, noise: diagonal",
            "`analyses[6].noise` must be left out with `metric: correlation`, which makes no use "
            "of it",
        ),
        (
            "kind: geometry, name: x, target: choice, temporal: true",
            "`analyses[6].temporal` goes with `models`, got none",
        ),
        (
            "kind: geometry, name: x, target: choice, temporal: true, models: {m: m.tsv}, "
            "method: cosine",
            "`analyses[6].temporal` goes with spearman and pearson, got `method: cosine`",
        ),
        (
            "kind: searchlight, name: x, target: choice, cv: lgo",
            "`analyses[6].cv` must be 'kfold:4', 'stratified:5', 'groupkfold:3', 'logo', 'logo:2' "
            "or 'loo', got 'lgo'",
        ),
        (
            "kind: decoding, name: betas",
            "`analyses[6].name` must not be that of a step, got 'betas'",
        ),
        (
            "kind: rdm_searchlight, name: x, target: value, models: {m: m.tsv}",
            "`analyses[6].target` must have classes, got 'value', which has values",
        ),
        (
            "kind: rdm_searchlight, name: x, target: choice",
            "`analyses[6].models` must be given",
        ),
        (
            "kind: geometry, name: x, target: two, models: {m: m.tsv}",
            "`analyses[6].models` must be left out with fewer than 3 conditions, whose one "
            "dissimilarity cannot be compared with others; 'two' has 2",
        ),
        (
            "kind: contrasts, name: quality, contrasts: {a: x}",
            "`analyses[6].name` must not be that of a step, got 'quality'",
        ),
        (
            "kind: contrasts, name: x, contrasts: {a-b: x, a_b: y}",
            "`analyses[6].contrasts.a_b` must differ from 'a-b' in letters or digits, of which "
            "names of files are made, got 'a_b'",
        ),
        (
            "kind: contrasts, name: x, contrasts: {a: ' '}",
            "`analyses[6].contrasts.a` must be a sum of conditions, as 'face - house', got nothing",
        ),
        (
            "kind: contrasts, name: x, contrasts: {}",
            "`analyses[6].contrasts` must hold at least one, got none",
        ),
        (
            "kind: contrasts, name: x, contrasts: {a: x}, nois_model: ols",
            "`analyses[6].nois_model` is not known; did you mean 'noise_model'?",
        ),
        (
            "kind: contrasts, contrasts: {a: x}",
            "`analyses[6].name` must be given",
        ),
        (
            "kind: contrasts, name: x, contrasts: {a: x}, noise_model: ar",
            "`analyses[6].noise_model` must be 'ols', or 'ar1', 'ar2', ..., got 'ar'",
        ),
    ],
)
def test_a_setting_without_effect_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    assert of_analysis(tmp_path, text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tfce: true, chance: 0.1", "`analyses[1].chance` goes with scores, got maps of "),
        ("tfce: true", ""),
    ],
)
def test_a_group_of_contrasts_is_of_maps(tmp_path: Path, text: str, message: str) -> None:
    maps = "{kind: contrasts, name: maps, contrasts: {a: x - y}}"
    study = f"analyses:\n- {maps}\n- {{kind: group, name: all, of: maps, {text}}}\n"
    if message:
        (line,) = errors(tmp_path, study)
        assert line == f"3: {message}contrasts, which are tested against 0"
        return
    path = tmp_path / "study.yaml"
    path.write_text(study)
    assert read_study(path).analyses[1].name == "all"


def test_estimators_are_those_of_decoding() -> None:
    assert set(ESTIMATORS) == set(names._names())


@pytest.mark.parametrize(
    "text",
    [
        *("logo", "logo:1", "logo:2", "logo:0", "loo", "loo:2", "kfold", "kfold:", "kfold:1"),
        *("kfold:2", "stratified:10", "groupkfold:03", "lgo", "kfold:x", "", "kfold:4,5"),
    ],
)
def test_folds_are_those_of_decoding(text: str) -> None:
    settings = {"kind": "decoding", "name": "x", "cv": text}
    try:
        parse_cv(text)
        is_known = True
    except bs.ParameterError:
        is_known = False
    with nullcontext() if is_known else pytest.raises(ValidationError, match="must be 'kfold:4'"):
        DecodingSettings.model_validate(settings)


def test_a_scheduler_is_one_of_dask(tmp_path: Path) -> None:
    text = "execution:\n  kind: {}\n  scheduler: tls://host:8786\n"
    read_study(study(tmp_path, text.format("dask")))
    assert errors(tmp_path, text.format("slurm")) == [
        "3: `execution.scheduler` goes with `kind: dask`, got 'slurm'"
    ]


def test_all_errors_are_told_together(tmp_path: Path) -> None:
    text = "data:\n  taks: dd\n  t_r: 0\nbetas:\n  method: lls\n  method: lss\nfoo: 1\n"
    assert [line[:2] for line in errors(tmp_path, text)] == ["2:", "3:", "5:", "6:", "7:"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data:\n  a: [1\nb: 2\n", "line 3 is no YAML: while parsing a flow sequence"),
        ("data:\n\troot: x\n", "line 2 is no YAML: while scanning for the next token, found char"),
        ("data: &x {}\nrois: *x\n", r"line 2: aliases are not used here, got \*x"),
        ("a: 1\n---\nb: 2\n", "line 2 is no YAML: expected a single document"),
        # With the parser's own time, by the square of the levels, hours.
        ("\n" + "[" * 200_000, "line 2 is no study file: it is nested too deeply"),
        ("- " * 200_000, "line 1 is no study file: it is nested too deeply"),
        ("a: \x00", "is no YAML: "),
    ],
)
def test_what_is_no_yaml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(bs.TableError, match=message):
        read_study(study(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    study(tmp_path, "")
    with pytest.raises(bs.TableError, match=r"No such file.*; did you mean 'study.yaml'\?"):
        read_study(tmp_path / "studi.yaml")
    with pytest.raises(bs.TableError, match="Is a directory"):
        read_study(tmp_path)
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(bs.TableError, match="not text in UTF-8"):
        read_study(tmp_path / "x.yaml")


def test_nothing_of_a_file_is_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    told = errors(tmp_path, f"data: !!python/object/apply:os.mkdir ['{made}']\n")
    assert any("must have no tag" in line for line in told)
    assert not made.exists()


@pytest.mark.parametrize("text", ["!!bool maybe", "!!int ''", "!!timestamp soon"])
def test_a_value_that_does_not_suit_the_tag_before_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(f"quality: {text}\n")
    with pytest.raises(bs.ParameterError, match=r"line 1: `quality` must suit its tag .*, got"):
        read_study(path)
