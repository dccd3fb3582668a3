"""The one edge where what others raise on a bad file becomes an error of boldstream."""

from __future__ import annotations

import glob
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import (
    BoldstreamError,
    CorruptImageError,
    ImageFileError,
    MemoryBudgetError,
)

_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
_HEAD_BYTES = 512
GZIP_MAGIC = b"\x1f\x8b"
HDF5_MAGIC = b"\x89HDF"
# What to do about it, at the end of a message.
AGAIN = "; copy or make it again"
_KINDS = "; give a NIfTI, ANALYZE, AFNI, MGH, PAR/REC or MINC file"


def expanded(path: str | os.PathLike[str]) -> Path:
    """Path with its ``~`` as a shell takes it: that of no known user stands for itself."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises RuntimeError there


@contextmanager
def translated(path: str | os.PathLike[str], *, damage: bool = False) -> Iterator[None]:
    """Turn whatever nibabel or a decompressor raises into an error that names the file.

    Parameters
    ----------
    path : str or path-like
        The file that is read inside the block.
    damage : bool
        The header was read well before, so that what fails now is damage.

    Raises
    ------
    ImageFileError
        The file is missing, may not be read, or is no image.
    CorruptImageError
        It is truncated or damaged.
    MemoryBudgetError
        It asks for more memory than there is, as a damaged header may.
    """
    try:
        yield
    except BoldstreamError:
        raise
    except MemoryError as error:
        raise MemoryBudgetError(
            f"{path} cannot be read: it asks for more memory than there is{AGAIN}"
        ) from error
    # nibabel lets KeyError, AttributeError, struct.error, ... out of a bad header.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            where = f" ({error.filename})" if error.filename not in (None, os.fspath(path)) else ""
            message = f"{path} cannot be read: {error.strerror}{where}"
            raise ImageFileError(message) from error
        reason = str(error).replace(f' of "{path}"', "") or type(error).__name__
        if damage or isinstance(error, _DAMAGE):
            raise CorruptImageError(f"{path} is truncated or damaged: {reason}{AGAIN}") from error
        kinds = _KINDS if reason == "Cannot work out file type" else ""
        raise ImageFileError(f"{path} cannot be read as an image: {reason}{kinds}") from error


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file after a check that it can be an image.

    Raises
    ------
    ImageFileError
        The file is missing, a folder, a dangling link, a web page, or the
        pointer that git-lfs or git-annex leaves where the data are elsewhere.
    CorruptImageError
        It is empty.
    """
    with translated(path):
        _check_is_file(path)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    if not head:
        raise CorruptImageError(f"{path} is empty: it holds 0 bytes")
    _check_is_no_placeholder(path, head)
    return head


def check_has_header(path: Path) -> None:
    """Raise `ImageFileError` for the ``.img`` of a pair without the ``.hdr`` that explains it."""
    name = re.sub(r"\.img(?=(\.gz|\.bz2)?$)", ".hdr", path.name)
    if name != path.name and not path.with_name(name).exists():
        raise ImageFileError(f"{path} must have its header beside it, {name}, which does not exist")


def _check_is_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        target = path.readlink()
        hint = "; fetch it with `datalad get`" if ".git/annex" in str(target) else ""
        raise ImageFileError(f"{path} is a link to {target}, which does not exist{hint}")
    if path.is_dir():
        raise ImageFileError(f"{path} is a folder, not an image file")
    if not path.exists():
        raise ImageFileError(f"{path} does not exist{_hint_at(path)}")
    if not path.is_file():
        raise ImageFileError(f"{path} is a device or a pipe, not an image file")


def _hint_at(path: Path) -> str:
    """What may have been meant by the path of no file."""
    if glob.glob(str(path)):  # noqa: PTH207 - the pattern may stand in the folders, too
        return f"; wildcards are not expanded: give sorted(glob.glob({str(path)!r}))"
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, siblings)


def _check_is_no_placeholder(path: Path, head: bytes) -> None:
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise ImageFileError(f"{path} is a web page (HTML), not an image; download it again")
    if text.startswith(b"version https://git-lfs"):
        raise ImageFileError(f"{path} is a git-LFS pointer, not the image; run `git lfs pull`")
    if text.startswith(b"/annex/objects/"):
        raise ImageFileError(f"{path} is a git-annex pointer, not the image; run `datalad get`")
    if path.suffix.lower() == ".par" and b"DATA DESCRIPTION FILE" not in head:
        raise ImageFileError(
            f"{path} is not the header of a Philips PAR/REC image; "
            "motion parameters of FSL have the same ending"
        )
    zipped = head.startswith(GZIP_MAGIC)
    if path.name.lower().endswith(".nii") and zipped:
        raise ImageFileError(f"{path} is compressed by gzip; its name must end in .nii.gz")
    if path.name.lower().endswith((".gz", ".mgz")) and not zipped:
        raise ImageFileError(f"{path} is not compressed by gzip, although its name says so")
