"""All mutants of a file, found in a fixed order, so that a number names one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tools.mutation.operators import changes_of, has_no_say, is_deletable

DELETED = "(deleted)"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """A file with one change.

    Attributes
    ----------
    file : str
        Relative to the repository.
    index : int
        Among the mutants of its file.
    line : int
    text : str
        The line of source that it begins on, stripped.
    change : str
        What was there, and what is there instead; numbered where a line has several such.
    function : str
        The outermost function that holds it; empty where the import runs it.
    span : tuple of int
        First and last line of the statement that holds it.
    """

    file: str
    index: int
    line: int
    text: str
    change: str
    function: str
    span: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.change}\n    {self.text}"


@dataclass(frozen=True)
class _Place:
    """A node that may be changed: where it hangs, and what stands around it."""

    parent: ast.AST
    field: str
    position: int | None
    function: str
    statement: ast.stmt

    @property
    def node(self) -> ast.AST:
        held = getattr(self.parent, self.field)
        node: ast.AST = held if self.position is None else held[self.position]
        return node

    def put(self, node: ast.AST) -> None:
        if self.position is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.position] = node


def find_mutants(file: str, source: str) -> list[Mutant]:
    """Every change of a file's source."""
    lines = source.splitlines()
    found, same = [], Counter[tuple[int, str]]()
    for index, (place, changed) in enumerate(_all(ast.parse(source))):
        line = getattr(place.node, "lineno", place.statement.lineno)
        shown = DELETED if isinstance(changed, ast.Pass) else _short(changed)
        change = f"{_short(place.node)}  ->  {shown}"
        same[line, change] += 1
        if same[line, change] > 1:
            change += f"  (#{same[line, change]})"
        text = lines[line - 1].strip()
        found.append(
            Mutant(file, index, line, text, change, place.function, _span(place.statement))
        )
    return found


def mutated_tree(source: str, index: int) -> ast.Module:
    """The syntax of a file with the change of that number."""
    tree = ast.parse(source)
    place, changed = list(_all(tree))[index]
    place.put(ast.copy_location(changed, place.node))
    return ast.fix_missing_locations(tree)


def _short(node: ast.AST) -> str:
    """What is told of a node; of a block, its first line."""
    return ast.unparse(node).splitlines()[0]


def _span(statement: ast.stmt) -> tuple[int, int]:
    """Lines of a statement; of a block, those of its head."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno
    return statement.lineno, max(statement.lineno, last or 0)


def _all(tree: ast.Module) -> Iterator[tuple[_Place, ast.AST]]:
    for place in _places(tree, "", None):
        yield from ((place, changed) for changed in changes_of(place.node))
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            arguments = node.args
            every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            deletable = _deletable(node, "body", {a.arg for a in every}, node)
            yield from ((place, ast.Pass()) for place in deletable)


def _places(parent: ast.AST, function: str, statement: ast.stmt | None) -> Iterator[_Place]:
    """What a node holds, depth first, but for what only describes."""
    if isinstance(parent, ast.Raise):
        return
    for field, held in ast.iter_fields(parent):
        if field in ("decorator_list", "annotation", "returns"):
            continue
        # Defaults of parameters are made by whoever runs the `def`.
        starts = isinstance(parent, _FUNCTIONS) and field == "body" and not function
        within = parent.name if starts else function  # type: ignore[attr-defined]
        for position, node in enumerate(held if isinstance(held, list) else [held]):
            around = node if isinstance(node, ast.stmt) else statement
            if isinstance(node, ast.AST) and around is not None and not _only_describes(node):
                index = position if isinstance(held, list) else None
                yield _Place(parent, field, index, within, around)
                if not has_no_say(node, parent):
                    yield from _places(node, within, around)


def _only_describes(node: ast.AST) -> bool:
    """Docstrings, lists of public names, names of types."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _deletable(
    parent: ast.AST, field: str, bound: set[str], function: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[_Place]:
    """Statements below `parent` that can be left out; `bound` names have a value already."""
    for position, statement in enumerate(getattr(parent, field)):
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if is_deletable(statement, bound, is_last=statement is function.body[-1]):
            yield _Place(parent, field, position, function.name, statement)
        for block in ("body", "orelse", "finalbody"):
            if getattr(statement, block, None):
                yield from _deletable(statement, block, bound, function)
        for each in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _deletable(each, "body", bound, function)
        names = (x for x in ast.walk(statement) if isinstance(x, ast.Name))
        bound = bound | {x.id for x in names if isinstance(x.ctx, ast.Store)}
