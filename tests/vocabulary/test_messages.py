"""Messages name what is wrong: parameters of Python in Python, options in commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.cli.wording import PARAMETERS, speak_options
from boldstream.core import errors
from boldstream.decoding import SearchLight, decode, group_maps
from boldstream.geometry import rdm
from tests.cli.conftest import AFFINE, SHAPE, Command
from tests.conftest import REPOSITORY
from tests.vocabulary.collecting import COMMANDS, of_command

SOURCE = REPOSITORY / "src" / "boldstream"
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
# Who is told by them runs a command, or nothing else.
OF_COMMANDS = {"cli", "benchmark"}
# Studies are run by both, and sbatch has options of its own.
OF_BOTH = {"study/running", "study/executors"}


def messages_of(path: Path) -> Iterator[str]:
    """Texts in the arguments of errors that a module raises."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        raised = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(raised, ast.Call) and ast.unparse(raised.func).split(".")[-1] in OURS:
            yield from (
                one.value
                for one in ast.walk(raised)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


@pytest.fixture(scope="module")
def messages() -> dict[Path, list[str]]:
    """Texts of all errors, by module."""
    return {path.relative_to(SOURCE): list(messages_of(path)) for path in SOURCE.rglob("*.py")}


def test_the_library_does_not_speak_of_options(messages: dict[Path, list[str]]) -> None:
    naming = {
        str(path.parent)
        for path, texts in messages.items()
        if path.parts[0] not in OF_COMMANDS
        and any(re.search(r"(?<![\w-])--[a-z]", text) for text in texts)
    }
    assert naming <= OF_BOTH


def test_messages_neither_blame_nor_beg(messages: dict[Path, list[str]]) -> None:
    for path, texts in messages.items():
        for text in texts:
            assert not re.search(r"(?i)\b(invalid|illegal|please|oops|sorry)\b", text), path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run, a mask, another grid, and events."""
    place: Path = tmp_path_factory.mktemp("messages")
    rng = np.random.default_rng(3)

    def save(name: str, values: np.ndarray, affine: np.ndarray = AFFINE) -> None:
        nib.save(nib.Nifti1Image(values, affine), place / name)

    save("bold.nii", rng.normal(100, 5, (*SHAPE, 40)).astype("f4"))
    save("mask.nii", np.ones(SHAPE, "u1"))
    save("other.nii", np.ones(SHAPE, "u1"), np.diag([2.0, 2, 2, 1]))
    save("empty.nii", np.zeros(SHAPE, "u1"))
    events = pd.DataFrame({"onset": [1.0, 30, 50], "duration": 2.0, "trial_type": ["a", "b", "a"]})
    events.to_csv(place / "events.tsv", sep="\t", index=False)
    labels = pd.DataFrame({"y": ["a", "a", "b", "b"] * 10, "run": np.repeat([1, 2], 20)})
    labels.to_csv(place / "labels.tsv", sep="\t", index=False)
    return place


Y, RUNS = ["a", "b"] * 20, [1] * 20 + [2] * 20
X = np.random.default_rng(0).normal(size=(40, 6))
# A parameter, a wrong value of it, and a call that is given it.
WRONG: list[tuple[str, Any, Callable[..., Any]]] = [
    ("memory_limit", "plenty", lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("smoothing_fwhm", -3, lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("high_pass", -1, lambda **k: bs.extract("bold.nii", "mask.nii", t_r=2, **k)),
    ("t_r", 0, lambda **k: bs.extract("bold.nii", "mask.nii", low_pass=0.1, **k)),
    ("standardize", "zscor", lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("n_jobs", 0, lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("resample", "image", lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("nan_policy", "drop", lambda **k: bs.extract("bold.nii", "mask.nii", **k)),
    ("radius", -3, lambda **k: bs.stream("bold.nii", bs.Spheres([(0, 0, 0)], **k))),
    ("strategy", "maen", lambda **k: bs.stream("bold.nii", bs.Labels("mask.nii", **k))),
    ("ddof", 40, lambda **k: bs.stream("bold.nii", bs.Std(**k))),
    ("indices", [], lambda **k: bs.stream("bold.nii", bs.Volumes(**k))),
    ("method", "lls", lambda **k: bs.trial_betas("bold.nii", "events.tsv", t_r=2, **k)),
    ("drift_model", "linear", lambda **k: bs.trial_betas("bold.nii", "events.tsv", t_r=2, **k)),
    ("slice_time_ref", 2, lambda **k: bs.trial_betas("bold.nii", "events.tsv", t_r=2, **k)),
    ("radius", 0, lambda **k: SearchLight("mask.nii", **k).fit("bold.nii", Y)),
    ("estimator", "scv", lambda **k: SearchLight("mask.nii", **k).fit("bold.nii", Y)),
    ("permutations", -1, lambda **k: SearchLight("mask.nii", **k).fit("bold.nii", Y)),
    ("cv", "lego", lambda **k: decode(X, Y, RUNS, **k)),
    ("scoring", "acuracy", lambda **k: decode(X, Y, RUNS, **k)),
    ("select", -1, lambda **k: decode(X, Y, RUNS, **k)),
    ("random_state", "x", lambda **k: group_maps(X, **k)),
    ("permutations", 0, lambda **k: group_maps(X, **k)),
    ("statistic", "median", lambda **k: group_maps(X, **k)),
    ("metric", "cosine", lambda **k: rdm(X, Y, **k)),
    ("max_bytes", "much", lambda **k: bs.Store(**k)),
    ("output", "a.txt", lambda **k: bs.view_map("mask.nii", **k)),
]


@pytest.mark.parametrize(
    ("name", "value", "call"), WRONG, ids=[f"{i}-{one[0]}" for i, one in enumerate(WRONG)]
)
def test_python_names_the_parameter_what_it_wants_and_what_it_got(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, call: Callable[..., Any]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(folder / "cache"))
    with pytest.raises(errors.ParameterError) as caught:
        call(**{name: value})
    message = str(caught.value)
    assert re.match(rf"`{name}` (must|names)\b.*, got ", message), message
    assert str(value) in message


# Options that only data can tell to be wrong.
BAD_DATA = {
    "extract bold.nii --mask other.nii -o out": "--resample mask resamples it to the image",
    "extract bold.nii --mask empty.nii -o out": "empty.nii is empty",
    "extract bold.nii --mask mask.nii --low-pass 0.9 --t-r 2 -o out": "--low-pass must be below",
    "extract bold.nii --mask mask.nii -o bold.nii": "got bold.nii",
    "betas bold.nii --events events.tsv -o out": "--t-r must be given",
    "glm bold.nii --events events.tsv --t-r 2 --contrast a-c -o out": "must name regressors of",
    "searchlight bold.nii --labels labels.tsv --target y --permutations 9 -o out": (
        "--permutation-blocks must be given"
    ),
    "searchlight bold.nii --labels labels.tsv --target y --cv logo -o out": "--groups must hold",
    "searchlight bold.nii --labels labels.tsv --target y --mask other.nii -o out": (
        "--resample mask resamples it"
    ),
    "decode bold.nii --labels labels.tsv --target y --roi mask.nii --groups run --cv kfold:4 "
    "-o out": "--allow-leakage",
    "volume bold.nii 99 -o out.nii": "T must be an integer from -40 to 39, got 99",
    "view bold.nii -o out.html": "MAP (bold.nii) must hold one volume, got 40",
    "report nowhere": "RUN_DIR must be the output folder of a study, got nowhere",
}


@pytest.mark.parametrize("text", BAD_DATA)
def test_commands_name_options(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: Command, text: str
) -> None:
    monkeypatch.chdir(folder)
    done = command(*text.split())
    assert done.code == 1
    message = " ".join(done.err.split())
    assert message.startswith("Error: ")
    assert BAD_DATA[text] in message
    for word in (word for name in COMMANDS for word in of_command(name)):
        assert f"`{word}`" not in message
    assert not re.search(r"\b\w+=(True|None|'|\")", message)


def test_a_hint_at_what_a_command_cannot_be_given_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.chdir(folder)
    done = command(
        *[
            "betas",
            "bold.nii",
            "--events",
            "events.tsv",
            "--t-r",
            "2",
            "--mask",
            "other.nii",
            "-o",
            "out",
        ]
    )
    assert done.code == 1
    assert "other.nii" in done.err
    assert "--resample" not in done.err
    assert "resample=" not in done.err


def test_lines_of_files_are_left_as_they_are() -> None:
    message = "study.yaml, line 3: `rois` must be a mapping, got nothing\n`n_jobs` must be 1"
    assert speak_options(message, COMMANDS["run"]) == message.replace("`n_jobs`", "--n-jobs")


def test_every_word_of_the_translation_is_one_of_a_command() -> None:
    words = {
        one.opts[0] if one.param_type_name == "option" else one.metavar.removesuffix("...")
        for command in COMMANDS.values()
        for one in command.params
    }
    assert set(PARAMETERS) - words == set()
