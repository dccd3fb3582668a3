"""Contrasts as they are written: names, and sums of regressors."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.signal.confounds import names_in_short

Floats = NDArray[np.float64]

_SUMS: Mapping[type[Any], Callable[..., Floats]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_WORDS = {"-": " Minus ", "+": " Plus ", ">": " Gt ", "<": " Lt ", "_": " "}
# Of the length of a contrast: what may lie outside the design before it cannot be estimated.
_OUTSIDE = 1e-6


@dataclass(frozen=True)
class Contrast:
    """A contrast by its name.

    Attributes
    ----------
    name : str
    rows : tuple of str
        Sums of regressors; more than one make an F test.
    """

    name: str
    rows: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name in file names: letters and digits, as nilearn writes it.

        Examples
        --------
        >>> Contrast("face - 0.5*big_house", ()).label
        'faceMinus05BigHouse'
        """
        name = self.name
        for sign, word in _WORDS.items():
            name = name.replace(sign, word)
        first, *rest = name.split(" ")
        words = " ".join([first.lower(), *(word.title() for word in rest)])
        return "".join(char for char in words if char.isalnum())

    @property
    def test(self) -> Literal["t", "F"]:
        return "t" if len(self.rows) == 1 else "F"

    def sums(self, columns: Sequence[str], where: str) -> Floats:
        """Weights (rows, columns) of regressors by their names alone.

        Parameters
        ----------
        columns : sequence of str
        where : str
            What errors call that which has these regressors.

        Raises
        ------
        ParameterError
            If a row is no sum of them.
        """
        return np.stack([_weights(row, columns, where) for row in self.rows])

    def weights(self, design: Any, run: str) -> Floats:
        """Weights of the regressors of a run, (regressors,) or of an F test (rows, regressors).

        Parameters
        ----------
        design : pandas.DataFrame, shape (volumes that are kept, regressors)
        run : str
            What errors call the run.

        Raises
        ------
        ParameterError
            If a row is no sum of regressors, or the run cannot tell what it
            asks for.
        """
        weights = self.sums([str(column) for column in design.columns], f"the design of {run}")
        shown = "; ".join(self.rows)
        if np.linalg.matrix_rank(weights) < len(weights):
            raise ParameterError(
                f"the rows of a contrast must be independent and not 0, got {shown!r}"
            )
        _, values, right = np.linalg.svd(design.to_numpy(dtype=np.float64), full_matrices=False)
        # As the fit decides what counts as 0.
        least = values.max() * max(design.shape) * np.finfo(np.float64).eps
        inside = right[values > least]
        outside = weights - weights @ inside.T @ inside
        if (np.linalg.norm(outside, axis=1) > _OUTSIDE * np.linalg.norm(weights, axis=1)).any():
            raise ParameterError(
                f"the contrast {shown!r} cannot be estimated in {run}: a regressor that it names "
                "is 0 in all volumes that are kept, or made up of others"
            )
        return weights[0] if self.test == "t" else weights


def _weights(row: str, columns: Sequence[str], where: str) -> Floats:
    """Weights of one row; a column's own name counts before what it would mean as a sum."""
    units = np.eye(len(columns), len(columns) + 1)
    if row in columns:
        return units[columns.index(row), :-1]
    # Between backticks stands what need not be a name that Python could have.
    quoted = {f"_{i}_": name for i, name in enumerate(re.findall(r"`([^`]*)`", row))}
    text = row
    for alias, name in quoted.items():
        text = text.replace(f"`{name}`", f" {alias} ", 1)

    def unit(name: str) -> Floats:
        name = quoted.get(name, name)
        if name not in columns:
            raise ParameterError(
                f"the contrast {row!r} must name regressors of {where}, "
                f"{names_in_short(columns)}, got {name!r}{did_you_mean(name, columns)}"
            )
        found: Floats = units[columns.index(name)]
        return found

    try:
        with np.errstate(all="ignore"):
            weights = _value(ast.parse(text.strip(), mode="eval").body, unit, len(columns))
    except (SyntaxError, OverflowError):
        weights = None
    if weights is None or weights[-1] or not np.isfinite(weights).all():
        raise ParameterError(
            "a contrast must be a sum of regressors, each times a number, as 'face - 0.5*house', "
            f"with backticks around names that are not one plain word; got {row!r}"
        )
    return weights[:-1]


def _value(node: ast.expr, unit: Callable[[str], Floats], n_columns: int) -> Floats | None:
    """Weights of the columns in an expression, and last what is no column's; None if not linear."""
    match node:
        case ast.Name(name):
            return unit(name)
        case ast.Constant(int() | float() as number):
            return np.append(np.zeros(n_columns), float(number))
        case ast.UnaryOp(sign, operand) if type(sign) in _SUMS:
            value = _value(operand, unit, n_columns)
            return None if value is None else _SUMS[type(sign)](value)
        case ast.BinOp(left, sign, right):
            a, b = _value(left, unit, n_columns), _value(right, unit, n_columns)
            return None if a is None or b is None else _joined(sign, a, b)
    return None


def _joined(sign: ast.operator, a: Floats, b: Floats) -> Floats | None:
    if type(sign) in _SUMS:
        return _SUMS[type(sign)](a, b)
    if not isinstance(sign, ast.Mult | ast.Div):
        return None
    is_number_first = isinstance(sign, ast.Mult) and not a[:-1].any()
    number, other = (a, b) if is_number_first else (b, a)
    factor = float(number[-1])
    if number[:-1].any() or (isinstance(sign, ast.Div) and not factor):
        return None
    return other * factor if isinstance(sign, ast.Mult) else other / factor
