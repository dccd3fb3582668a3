"""The tool that proves the tests: what it changes, what it leaves, and whom it believes."""

from __future__ import annotations

import ast
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tools.mutation import targets
from tools.mutation.attempt import _fork, exchange_code
from tools.mutation.equivalents import Equivalent, find_stale, read_equivalents
from tools.mutation.measure import Lines
from tools.mutation.mutants import Mutant, find_mutants, mutated_tree
from tools.mutation.targets import EQUIVALENT, TESTS_OF, files_of

DELETED = "(deleted)"


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in find_mutants("some.py", source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b <= c", {"a < b <= c  ->  a <= b <= c", "a < b <= c  ->  a < b < c"}),
        ("x = a in b", {"a in b  ->  a not in b"}),
        ("x = a + b", {"a + b  ->  a - b"}),
        ("x += a", {"x += a  ->  x -= a"}),
        ("x = a and b", {"a and b  ->  a or b"}),
        ("x = not a", {"not a  ->  a"}),
        ("x = -a", {"-a  ->  a"}),
        ("x = 3", {"3  ->  4"}),
        ("x = 1.5", {"1.5  ->  3.0", "1.5  ->  2.5"}),
        ("x = 0.0", {"0.0  ->  1.0"}),
        ("x = True", {"True  ->  False"}),
        ("x = min(a)", {"min  ->  max"}),
        ("x = np.floor(a)", {"np.floor  ->  np.ceil"}),
        ("x = f(axis=0)", {"0  ->  1"}),
        ("x = a[b:]", {"b:  ->  b + 1:", "b:  ->  b:-1"}),
        ("x = a[:2]", {":2  ->  1:2", "2  ->  3"}),
        ("for i in a:\n  break", {"break  ->  continue"}),
        ("if a:\n  x = b", {"if a:  ->  if not a:"}),
        ("x = b if f(a) else c", {"b if f(a) else c  ->  b if not f(a) else c"}),
        ("x = a.reshape(-1)", {"-1  ->  1"}),
        ("x = a.ravel('F')", {"'F'  ->  'C'"}),
    ],
)
def test_what_is_changed(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 < 2."""',
        "__all__ = ['F', 'C']",
        "def f(x: int | None) -> A[0]: ...",
        "Ints: TypeAlias = Array[0]",
        "if TYPE_CHECKING:\n  x = 1",
        "@cache(size=3)\ndef f(): ...",
        "x = 'some words'",
        "x = zip(a, b, strict=True)",
        "x = float('inf')",
    ],
)
def test_what_only_describes_is_left(source: str) -> None:
    assert changes(source) == set()


def test_equal_changes_of_a_line_are_numbered() -> None:
    assert changes("x = a[1] + 1") == {"a[1] + 1  ->  a[1] - 1", "1  ->  2", "1  ->  2  (#2)"}


def test_of_an_error_only_the_raising_is_changed() -> None:
    assert changes("def f():\n  raise E(f'got {x + 1:.3f}')") == {
        f"raise E(f'got {{x + 1:.3f}}')  ->  {DELETED}"
    }


def test_statements_go_where_no_name_is_left_without_value() -> None:
    source = "def f(a):\n  b = a\n  a = b\n  g(a)\n  if a:\n    return b\n  return a"
    deleted = {change.split("  ")[0] for change in changes(source) if DELETED in change}
    assert deleted == {"a = b", "g(a)", "return b"}


def test_a_mutant_differs_in_one_place_and_compiles() -> None:
    source = Path(read_equivalents.__code__.co_filename).read_text()
    original = ast.unparse(ast.parse(source)).splitlines()
    for mutant in find_mutants("equivalents.py", source):
        tree = mutated_tree(source, mutant.index)
        compile(tree, "equivalents.py", "exec")
        changed = ast.unparse(tree).splitlines()
        assert changed != original
        if len(changed) == len(original):
            assert sum(a != b for a, b in zip(changed, original, strict=True)) == 1


def test_defaults_are_of_the_import_and_bodies_of_their_outermost_function() -> None:
    source = "x = 1\ndef f(a=2):\n  def g(b=3):\n    return 4\n  return g"
    functions = {m.change[0]: m.function for m in find_mutants("some.py", source)}
    assert functions == {"1": "", "2": "", "3": "f", "4": "f"}


def test_every_target_exists_and_has_tests() -> None:
    for file in files_of([]):
        assert targets.test_files_of(file)
    with pytest.raises(FileNotFoundError, match="no src/nowhere"):
        files_of(["src/nowhere"])
    with pytest.raises(ValueError, match="no tests are named"):
        targets.test_files_of("src/boldstream/cli/main.py")
    assert len(TESTS_OF) > 10


def test_the_listed_equivalents_fit_the_code() -> None:
    equivalents = read_equivalents(EQUIVALENT)
    repository = EQUIVALENT.parents[1]
    mutants: list[Mutant] = []
    for file in {e.file for e in equivalents}:
        mutants += find_mutants(file, (repository / file).read_text())
    assert find_stale(equivalents, mutants) == []
    fitting = {(e.file, e.line, e.mutation) for e in equivalents}
    assert len(fitting) == len(equivalents)


def test_an_equivalent_fits_by_its_text_wherever_it_stands(tmp_path: Path) -> None:
    entry = Equivalent("some.py", "x = 1", "1  ->  2", "Nobody reads it.")
    assert find_stale([entry], find_mutants("some.py", "\n\nx = 1")) == []
    assert find_stale([entry], find_mutants("some.py", "x = 3")) == [entry]
    listed = tmp_path / "list.toml"
    listed.write_text("[[equivalent]]\nfile = 'some.py'\nline = 'x = 1'\nmutation = '1  ->  2'\n")
    with pytest.raises(ValueError, match=r"list\.toml: an entry needs"):
        read_equivalents(listed)


def test_code_of_living_functions_is_exchanged(tmp_path: Path) -> None:
    path, source = tmp_path / "some.py", "def f(a):\n  return a + 1\nheld = [f]\n"
    module = ModuleType("some")
    exec(compile(source, str(path), "exec"), module.__dict__)
    (mutant,) = [m for m in find_mutants("some.py", source) if "a - 1" in m.change]
    new = compile(mutated_tree(source, mutant.index), str(path), "exec")
    assert exchange_code(new, [module.f])
    assert module.held[0](5) == 4
    assert not exchange_code(new, [module.f])


def test_lines_that_ran_are_found(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text("def f(a):\n  if a:\n    return 1\n  return 2\n")
    module = ModuleType("some")
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    lines, before = Lines(tmp_path), sys.gettrace()
    try:
        lines.start()
        module.f(0)
        module.f(0)
        found = lines.take()
    finally:
        sys.settrace(before)
    assert found == {str(path): [2, 4]}


def test_a_fork_tells_how_it_ended() -> None:
    def fail(note: int) -> None:
        os.write(note, b"some test")
        os._exit(1)

    def spin(note: int) -> None:
        start = time.process_time()
        while time.process_time() < start + 30:
            pass

    assert _fork(lambda note: None, 5)[1]
    assert _fork(fail, 5) == ("some test", False)
    assert not _fork(spin, 0.5)[1]
