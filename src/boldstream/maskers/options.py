"""What every drop-in takes beside nilearn's parameters, and how its constructor gets them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Masker = TypeVar("Masker", bound=type)

NAN_POLICY = """\
nan_policy : {"nilearn", "zero", "propagate", "raise"}, default="nilearn"
    What NaN and infinity in the images become. "nilearn": 0, with
    nilearn's warning where it warns; "zero": 0; "propagate": they stay,
    and a region that holds one becomes NaN; "raise": an error that names
    the volume and the voxel.
"""
MEMORY_LIMIT = """\
memory_limit : :obj:`str`, :obj:`int` or None, default=None
    Most memory that this process may hold at its peak, as ``"500MiB"``
    or in bytes; by default what the machine or the job allows.
"""
KEEP_ALL_LABELS = """\
keep_all_labels : :obj:`bool`, default=False
    If True, every label of ``labels_img`` keeps its column in all
    results; it is NaN where resampling or the mask left none of its
    voxels.
"""


def drop_in(nilearn_class: type, **options: tuple[Any, str]) -> Callable[[Masker], Masker]:
    """Give a subclass the constructor and the documentation of nilearn's class, and more options.

    scikit-learn reads an estimator's parameters from the signature of its
    constructor: that of nilearn's class is taken over as it is, whatever its
    release, and the options follow as keywords.

    Parameters
    ----------
    nilearn_class : type
    **options : tuple of default and documentation
    """

    def decorate(cls: Masker) -> Masker:
        defaults = {name: default for name, (default, _) in options.items()}
        cls.__init__ = _constructor(nilearn_class.__init__, defaults)  # type: ignore[misc]
        # What the report says of the class; that of the bare base would come first.
        cls._REPORT_DEFAULTS = nilearn_class._REPORT_DEFAULTS  # type: ignore[attr-defined]
        # Under ``python -OO`` there is nothing to document with.
        if nilearn_class.__doc__ is not None:
            cls.__doc__ = _document(cls, nilearn_class, [text for _, text in options.values()])
        return cls

    return decorate


def _constructor(base: Callable[..., None], defaults: Mapping[str, Any]) -> Callable[..., None]:
    signature = inspect.signature(base)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in defaults.items()
    ]

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        own = {name: kwargs.pop(name, default) for name, default in defaults.items()}
        base(self, *args, **kwargs)
        for name, value in own.items():
            setattr(self, name, value)

    __init__.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *extra]
    )
    return __init__


def _document(cls: type, nilearn_class: type, texts: list[str]) -> str:
    """The summary of the subclass, then nilearn's sections with the options added."""
    head = inspect.cleandoc(cls.__doc__ or "")
    sections = inspect.cleandoc(nilearn_class.__doc__ or "")
    parameters, attributes = sections.split("Attributes\n----------", 1)
    _, parameters = parameters.split("Parameters\n----------", 1)
    more = "\n".join(textwrap.dedent(text) for text in texts)
    return (
        f"{head}\n\nParameters\n----------{parameters.rstrip()}\n\n{more}\n"
        f"Attributes\n----------{attributes}"
    )
