"""Break the code in one place at a time and see whether a test notices.

The arithmetic of the engine is copied to a temporary folder, one operator or
number is changed, and the tests of that part run against the copy. A change
that no test notices is printed: it is either without effect, or a test is
missing. The working tree is never touched.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
TESTS_OF = {
    "src/boldstream/core/grid.py": ["tests/core", "tests/io"],
    "src/boldstream/core/limits.py": ["tests/core"],
    "src/boldstream/core/budget.py": ["tests/core"],
    "src/boldstream/kernels": ["tests/kernels", "tests/streaming"],
    "src/boldstream/streaming": ["tests/streaming", "tests/test_api.py"],
}
SWAPS: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """A file with one change."""

    path: Path
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.change}"


def make_mutants(path: Path) -> Iterator[Mutant]:
    """All changes of a file, given relative to the repository."""
    tree = ast.parse((REPOSITORY / path).read_text())
    for index, node in enumerate(_code_of(tree)):
        for changed in _changes(node):
            mutated = copy.deepcopy(tree)
            target = _code_of(mutated)[index]
            target.__dict__.update(changed.__dict__)
            change = f"{ast.unparse(node)}  ->  {ast.unparse(changed)}"
            yield Mutant(path, node.lineno, change, ast.unparse(mutated))


def _code_of(tree: ast.AST) -> list[ast.expr | ast.AugAssign]:
    """Nodes that compute; what stands in decorators only describes."""
    decorators = [d for node in ast.walk(tree) for d in getattr(node, "decorator_list", [])]
    described = {id(node) for decorator in decorators for node in ast.walk(decorator)}
    kinds = (ast.Compare, ast.BinOp, ast.BoolOp, ast.AugAssign, ast.UnaryOp, ast.Constant)
    return [x for x in ast.walk(tree) if isinstance(x, kinds) and id(x) not in described]


def _changes(node: ast.expr | ast.AugAssign) -> Iterator[ast.expr | ast.AugAssign]:
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[op, *_]) if type(op) in SWAPS:
            changed.ops[0] = SWAPS[type(op)]()
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPS:
            changed.op = SWAPS[type(op)]()
        case ast.UnaryOp(op=ast.USub()):
            changed.op = ast.UAdd()
        case ast.Constant(value=bool() as value):
            changed.value = not value
        case ast.Constant(value=int() as value):
            changed.value = value + 1
        case _:
            return
    yield changed


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Whether all tests pass although the code was changed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "src"
        shutil.copytree(REPOSITORY / "src", tree, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / mutant.path).write_text(mutant.source)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        environ = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=REPOSITORY, env=environ, capture_output=True, timeout=300, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def find_mutants() -> list[tuple[Mutant, list[str]]]:
    """Every change of every file under test, with the tests that should notice."""
    found = []
    for target, tests in TESTS_OF.items():
        place = REPOSITORY / target
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            found += [(mutant, tests) for mutant in make_mutants(file.relative_to(REPOSITORY))]
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=100, help="how many changes to try")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("--at-least", type=float, default=0.8, help="share that must be noticed")
    options = parser.parse_args()

    mutants = find_mutants()
    chosen = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    print(f"{len(mutants)} changes are possible, {len(chosen)} are tried", flush=True)
    survivors = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = pool.map(lambda pair: survives(*pair), chosen)
        for (mutant, _), survived in zip(chosen, outcomes, strict=True):
            if survived:
                survivors += 1
                print(f"not noticed: {mutant}", flush=True)
    share = 1 - survivors / len(chosen)
    print(f"{share:.0%} of {len(chosen)} changes were noticed")
    return 0 if share >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
