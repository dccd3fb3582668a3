"""Cells of tables: what says that there is no value, and what is a number."""

from __future__ import annotations

# "NA", "null" and "None" are none of these: conditions are called so.
_NO_VALUE = frozenset({"", "n/a", "nan"})
_NO_NUMBER = _NO_VALUE | {"na", "<na>", "null", "none"}


def is_no_value(cell: object, *, of_numbers: bool = False) -> bool:
    """Whether a cell says that there is no value, in any case and with any spaces around it.

    Parameters
    ----------
    cell : object
        Taken as text.
    of_numbers : bool
        Whether nothing but numbers stands in its column, where "NA" of R and "null" of JSON
        are no names.

    Examples
    --------
    >>> is_no_value("N/A"), is_no_value("NA"), is_no_value("NA", of_numbers=True)
    (True, False, True)
    """
    return str(cell).strip().lower() in (_NO_NUMBER if of_numbers else _NO_VALUE)


def is_number(cell: object) -> bool:
    """Whether a cell can be read as a number, NaN and infinity too.

    Examples
    --------
    >>> is_number("1e3"), is_number("1,5"), is_number(None)
    (True, False, False)
    """
    try:
        float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
