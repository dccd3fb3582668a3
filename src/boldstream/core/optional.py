"""Packages that boldstream can do without: one way to ask for them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from boldstream.core.errors import MissingDependencyError


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package of an extra.

    Parameters
    ----------
    module : str
        Name to import, such as ``"h5py"``.
    extra : str
        Extra of boldstream that installs it, such as ``"minc"``.
    purpose : str
        What it is needed for, such as ``"MINC-2 images"``.

    Raises
    ------
    MissingDependencyError
        If it is not installed; it says how to install it.

    Examples
    --------
    >>> import_optional("json", extra="minc", purpose="tables").__name__
    'json'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # A package that is installed but broken is another trouble: show it as it is.
        if error.name != module.partition(".")[0]:
            raise
        raise MissingDependencyError(
            f"{purpose} need the package {module!r}, which is not installed; "
            f"install it with: pip install 'boldstream[{extra}]'"
        ) from error
