"""Pages call options, keys and parameters what commands, study files and functions call them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from boldstream.cli.app import app
from boldstream.simulate.choice_study import ChoiceStudyDesign, make_choice_study
from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, extension, fences, markdown_pages
from tests.vocabulary.collecting import COMMANDS, callables, parameters_of

PAGES = [REPOSITORY / "README.md", *markdown_pages()]
IDS = [str(page.relative_to(REPOSITORY)) for page in PAGES]
# Of tools and benchmarks of the repository.
FOR_USERS = [page for page in PAGES if page.stem not in ("development", "benchmarks")]
GALLERY = sorted((DOCS / "gallery").glob("plot_*.py"))
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# sbatch, docker, apptainer, git, and the programs of FSL and AFNI.
_FOREIGN = """
--time --qos --ntasks-per-node --nodes --mem --job-name --cpus-per-task --test-only --volume
--user --rm --tag --bind --label --showall --usemm --transpose --eig --nthreads
"""
FOREIGN = set(_FOREIGN.split())
OF_ALL = {name for one in typer.main.get_command(app).params for name in one.opts} | {"--help"}
NAMES = {
    name: {spelling for one in command.params for spelling in (*one.opts, *one.secondary_opts)}
    for name, command in COMMANDS.items()
}
FIRST = {
    one.opts[0]: set(one.opts[1:])
    for command in COMMANDS.values()
    for one in command.params
    if one.param_type_name == "option"
}


def calls_in(page: Path) -> Iterator[list[str]]:
    """Words of every call of the program in blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            called = re.match(r"(?:\$ )?boldstream (\w.*)", line.strip())
            if called:
                yield shlex.split(called[1], comments=True)


CALLS = [
    pytest.param(words, id=f"{name} {' '.join(words)}"[:90])
    for page, name in zip(PAGES, IDS, strict=True)
    for words in calls_in(page)
]


def test_the_keys_of_the_study_file_are_all_explained() -> None:
    page = (DOCS / "study_file.md").read_text(encoding="utf-8")
    assert page == extension("study_keys").with_keys(page), "run: python docs/_ext/study_keys.py"


@pytest.mark.parametrize("page", FOR_USERS, ids=lambda page: page.name)
def test_pages_name_options_that_there_are(page: Path) -> None:
    known = OF_ALL.union(FOREIGN, *NAMES.values())
    text = page.read_text(encoding="utf-8")
    assert set(OPTION.findall(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))) - known == set()


def test_calls_are_found() -> None:
    assert len(CALLS) > 40


@pytest.mark.parametrize("words", CALLS)
def test_calls_have_options_of_their_command_in_the_first_spelling(words: list[str]) -> None:
    name = next((name for name in NAMES if words[: len(name.split())] == name.split()), None)
    if name is None:
        # As in `boldstream --version`, and in a table of what commands do.
        return
    given = {word.partition("=")[0] for word in words if OPTION.match(word)}
    assert given - NAMES[name] - OF_ALL == set()
    second = {spelling for others in FIRST.values() for spelling in others} - set(FIRST)
    assert given & second == set()


def test_the_files_that_the_readme_names_are_those_of_the_demo(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    named = [path for path in re.findall(r"`demo-study/([^`]+)`", text) if "*" in path]
    assert len(named) == 4
    make_choice_study(tmp_path / "study", ChoiceStudyDesign(n_subjects=1, shape=(16, 18, 16)))
    for path in named:
        assert list((tmp_path / "study").glob(path)), path


PROGRAMS = [
    pytest.param(text, id=f"{name}-{number}")
    for page, name in zip(PAGES, IDS, strict=True)
    for number, text in enumerate(fences(page, "python"))
] + [pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in GALLERY]
SIGNATURES = {name.rpartition(".")[2]: thing for name, thing in callables() if name.count(".") < 4}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_give_parameters_that_there_are(program: str) -> None:
    tree = ast.parse(program)
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("boldstream")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = called.rpartition(".")[2]
        is_ours = called in ours or called.startswith("bs.")
        if is_ours and name in SIGNATURES:
            known = parameters_of(SIGNATURES[name])
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            takes_all = any(one.kind is one.VAR_KEYWORD for one in known.values())
            assert takes_all or given <= set(known), f"{called} has no {given - set(known)}"
