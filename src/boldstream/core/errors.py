"""The errors of boldstream.

Every error that a user can meet is a `BoldstreamError` and also the builtin
error that one would catch for it::

    BoldstreamError
    ├── ImageFileError        (OSError)        a file is missing or no image
    │   └── CorruptImageError (OSError)        truncated, damaged, too few bytes
    ├── UnsupportedImageError (ValueError)     an image, but not volumes of numbers
    ├── GridMismatchError     (ValueError)     two images on different grids
    ├── MaskError             (ValueError)     a mask, atlas, map or seed is unusable
    ├── TableError            (ValueError)     a table of seeds, events, ... is unusable
    ├── NonFiniteError        (ValueError)     NaN or infinity where none is accepted
    ├── ParameterError        (ValueError)     a parameter has a wrong value
    ├── MemoryBudgetError     (MemoryError)    the work cannot fit the memory it may use
    ├── StorageError          (OSError)        no room or no right to keep a file, or it is gone
    ├── OutputExistsError     (FileExistsError) an output is there already
    └── MissingDependencyError (ImportError)   an optional package is not installed

Messages follow one grammar: what must hold, for which parameter or file, and
what was got: "`radius` must be a positive number of mm, got -3".
"""

from __future__ import annotations


class BoldstreamError(Exception):
    """Root of all errors that boldstream raises on purpose."""


class ImageFileError(BoldstreamError, OSError):
    """A file is missing, unreadable, or not an image."""


class CorruptImageError(ImageFileError):
    """An image file is truncated or damaged; no result is made from it."""


class UnsupportedImageError(BoldstreamError, ValueError):
    """An image that does not hold volumes of real numbers (complex, RGB, CIFTI, ...)."""


class GridMismatchError(BoldstreamError, ValueError):
    """Two images that must share shape and affine do not."""


class MaskError(BoldstreamError, ValueError):
    """A mask, atlas, set of maps or seed selects nothing or is not what it should be."""


class TableError(BoldstreamError, ValueError):
    """A table (seeds, events, confounds) lacks a column or holds unusable values."""


class NonFiniteError(BoldstreamError, ValueError):
    """NaN or infinity in the data where none is accepted."""


class ParameterError(BoldstreamError, ValueError):
    """A parameter has a value outside what it accepts."""


class MemoryBudgetError(BoldstreamError, MemoryError):
    """The work asked for cannot be done in the memory that may be used."""


class StorageError(BoldstreamError, OSError):
    """A folder or disk cannot take a file that is to be kept, or a kept file is gone."""


class OutputExistsError(BoldstreamError, FileExistsError):
    """An output file exists and overwriting was not asked for."""


class MissingDependencyError(BoldstreamError, ImportError):
    """An optional package is needed and not installed."""
