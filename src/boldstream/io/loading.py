"""`load_image`: an image by nibabel, which holds no file open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nibabel as nib
from nibabel.parrec import PARRECImage

from boldstream.io.translate import translated


def load_image(path: Path) -> Any:
    """Load an image as `nibabel.load` does.

    nibabel leaves it to the garbage collector to close an MGH file, and the
    REC of a PAR; here they are closed, whatever their headers hold.

    Raises
    ------
    ImageFileError, CorruptImageError, MemoryBudgetError
        As `translated` has it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.MGHImage(np.ones((2, 3, 4), "f4"), np.eye(4)).to_filename(f"{folder}/a.mgh")
    ...     load_image(Path(folder, "a.mgh")).ndim
    3
    """
    name = os.fspath(path)
    with translated(path):
        for kind, load in ((nib.MGHImage, _load_mgh), (PARRECImage, _load_par)):
            if kind.path_maybe_image(name)[0]:
                return load(name)
        return nib.load(name)


def _load_mgh(name: str) -> Any:
    kind: Any = nib.MGHImage
    files = kind.filespec_to_file_map(name)
    with files["image"].get_prepare_fileobj("rb") as file:
        header = kind.header_class.from_fileobj(file)
    proxy = kind.ImageArrayProxy(files["image"].filename, header.copy())
    return kind(proxy, header.get_affine(), header, file_map=files)


def _load_par(name: str) -> Any:
    kind: Any = PARRECImage
    files = kind.filespec_to_file_map(name)
    with files["header"].get_prepare_fileobj("rt") as file:
        header = kind.header_class.from_fileobj(file)
    # That it is there is said now, not when it is read.
    files["image"].get_prepare_fileobj().close()
    # By its name, so that it is opened for each slice alone.
    proxy = kind.ImageArrayProxy(files["image"].filename, header)
    return kind(proxy, header.get_affine(), header=header, file_map=files)
