"""What is changed: every mutation of a piece of syntax, as another piece of syntax."""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Iterator
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

SWAPPED_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("nanmin", "nanmax"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("logical_and", "logical_or"),
)
SWAPPED_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
SWAPPED_WORDS = {"F": "C", "C": "F", "left": "right", "right": "left", "ij": "xy", "xy": "ij"}


def changes_of(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that may stand in place of an expression, augmented assignment or jump."""
    match node:
        case ast.Compare():
            yield from _compare(node)
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPPED_OPERATORS:
            yield _with(node, op=SWAPPED_OPERATORS[type(node.op)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield copy.deepcopy(node.operand)
        case ast.Constant():
            yield from _constant(node)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in SWAPPED_NAMES:
            field = "id" if isinstance(node, ast.Name) else "attr"
            yield _with(node, **{field: SWAPPED_NAMES[name]})
        case ast.Slice():
            yield from _slice(node)
        case ast.Break() | ast.Continue():
            yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()
        case ast.If() | ast.IfExp() | ast.While():
            yield from _test(node)


def has_no_say(node: ast.AST, parent: ast.AST) -> bool:
    """Whether nothing inside can change a result.

    All negative lengths say the same to ``reshape``, and ``strict`` of ``zip``
    asserts what must hold anyhow.
    """
    match parent, node:
        case ast.Call(func=ast.Attribute(attr="reshape")), ast.UnaryOp(op=ast.USub()):
            return True
        case ast.Call(func=ast.Name(id="zip")), ast.keyword(arg="strict"):
            return True
    return False


def _with(node: Node, **fields: Any) -> Node:
    changed = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for i, op in enumerate(node.ops):
        yield _with(node, ops=[*node.ops[:i], SWAPPED_OPERATORS[type(op)](), *node.ops[i + 1 :]])


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool() as value:
            yield _with(node, value=not value)
        case int() as value:
            yield _with(node, value=value + 1)
        case float() as value if math.isfinite(value):
            if value:
                yield _with(node, value=value * 2)
            yield _with(node, value=value + 1)
        case str() as value if value in SWAPPED_WORDS:
            yield _with(node, value=SWAPPED_WORDS[value])


def _slice(node: ast.Slice) -> Iterator[ast.AST]:
    """One off at either end; ends that are numbers are changed as numbers."""
    one = ast.Constant(1)
    if node.lower is None:
        yield _with(node, lower=one)
    elif not isinstance(node.lower, ast.Constant):
        yield _with(node, lower=ast.BinOp(node.lower, ast.Add(), one))
    if node.upper is None:
        yield _with(node, upper=ast.UnaryOp(ast.USub(), one))
    elif not isinstance(node.upper, ast.Constant):
        yield _with(node, upper=ast.BinOp(node.upper, ast.Sub(), one))


def _test(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    """The opposite of a condition that has no operator of its own to be changed."""
    if isinstance(node.test, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def is_deletable(statement: ast.stmt, bound: set[str], *, is_last: bool) -> bool:
    """Whether a statement of a function can go without leaving a name that has no value.

    Parameters
    ----------
    statement : stmt
    bound : set of str
        Names that have a value already.
    is_last : bool
        Whether it ends its function; without it, a return there is missed by any caller.
    """
    match statement:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
            return True
        case ast.Return():
            return not is_last
        case ast.Assign(targets=targets):
            names = {x.id for t in targets for x in ast.walk(t) if _is_stored(x)}  # type: ignore[attr-defined]
            return names <= bound
    return False


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
