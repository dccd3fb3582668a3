"""NIfTI files of all kinds, sound and odd, as bytes: written by hand, not by what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from hypothesis import strategies as st

from tests.strategies.affines import Placement, odd_placements, sound_placements
from tests.strategies.gzips import containers

# Codes of NIfTI, and bytes of a value.
REAL = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
"""Types of real numbers that every machine has."""
REFUSED = {32: 8, 128: 3, 1792: 16, 2048: 32, 2304: 4}
"""Complex numbers and colours."""
_ODD_CODES = {0: 1, 1: 1, 3: 1, 255: 2, 1536: 16, -1: 1, 32767: 2}
_KIND_OF_CODE = {16: "f4", 64: "f8", 1536: "g"}

_SLOPES = (0.0, 1.0, -1.0, 0.5, -3.25, 1e-5, 1e4, float("nan"), float("inf"), -float("inf"))
_INTERS = (0.0, 1.0, -17.5, 1e4)
_ODD_SCALES = (3e38, 1e-45, -0.0, float("nan"), float("inf"), 1e30)
_ODD_SIZES = (0, -1, 1, 2, 7, 255, 1000, 32767, -32768)
_HUGE_SIZES = (10_000, 1 << 31, 1 << 33, 1 << 62, (1 << 63) - 1, -(1 << 63))
_ODD_OFFSETS = (0.0, 1.0, 100.0, 348.0, 351.0, 353.0, 352.5, -5.0, 1e10, 3e38, float("nan"))
_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class MadeImage:
    """An image that was made up.

    Attributes
    ----------
    files : sequence of (str, bytes)
        Endings of names, and contents; the first one is opened.
    is_sound : bool
        Whether it can be read by every program that keeps to the standard.
    """

    files: Sequence[tuple[str, bytes]]
    is_sound: bool

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis prints of a case that fails: it can be made again from its blob."""
        printer.text(f"MadeImage({[(end, len(content)) for end, content in self.files]})")

    def write(self, folder: Path, stem: str = "made") -> Path:
        """Write all files; the path of the one to open."""
        for ending, content in self.files:
            (folder / f"{stem}{ending}").write_bytes(content)
        return folder / f"{stem}{self.files[0][0]}"


@dataclass(frozen=True)
class Parts:
    """What a NIfTI file is put together of."""

    version: int
    endian: str
    is_pair: bool
    header: Any
    extensions: bytes
    offset: int
    data: bytes

    def contents(self) -> list[bytes]:
        """One file, or the data and then the header."""
        head = self.header.tobytes() + self.extensions
        if self.is_pair:
            return [bytes(self.offset) + self.data, head]
        return [head[: self.offset].ljust(self.offset, b"\0") + self.data]


def _new_header(version: int, endian: str) -> Any:
    kind = nib.Nifti1Header if version == 1 else nib.Nifti2Header
    return kind.default_structarr(endian)


def values_of(code: int, n: int, seed: int, *, is_wild: bool) -> bytes:
    """Values of a type: any bytes, or numbers that are no strain."""
    rng = np.random.default_rng(seed)
    sizes = REAL | REFUSED | _ODD_CODES
    if is_wild or code not in REAL:
        return rng.bytes(n * sizes[code])
    if code in _KIND_OF_CODE:
        return rng.normal(100, 30, n).astype(_KIND_OF_CODE[code]).tobytes()
    return rng.integers(0, 100, n).astype(f"i{sizes[code]}").tobytes()


@st.composite
def extensions(draw: st.DrawFn, endian: str) -> bytes:
    """The four bytes that announce extensions, and what follows: sound ones."""
    n = draw(st.integers(0, 3))
    if not n:
        return draw(st.sampled_from([bytes(4), b""]))
    found = b"\1\0\0\0"
    for _ in range(n):
        code = draw(st.sampled_from([0, 2, 4, 6, 44, 99]))
        body = draw(st.binary(max_size=30))
        size = 16 * -(-(len(body) + 8) // 16)
        lead = np.array([size, code], f"{endian}i4").tobytes()
        found += lead + body.ljust(size - 8, b"\0")
    return found


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """Shapes of volumes, with one axis of them at most, and axes of one anywhere."""
    space = draw(st.lists(st.integers(1, 4), min_size=3, max_size=3))
    beyond = draw(st.integers(0, 4))
    rest = [1] * beyond
    if beyond and draw(st.booleans()):
        rest[draw(st.integers(0, beyond - 1))] = draw(st.integers(1, 6))
    return (*space, *rest)


@st.composite
def sound_parts(draw: st.DrawFn) -> Parts:
    """Images as the standard wants them, with everything that it leaves open."""
    version, endian = draw(st.sampled_from([1, 2])), draw(st.sampled_from("<>"))
    shape, code = draw(shapes()), draw(st.sampled_from([*REAL]))
    header = _new_header(version, endian)
    is_pair = draw(st.booleans())
    header["dim"][: len(shape) + 1] = (len(shape), *shape)
    header["dim"][len(shape) + 1 :] = 1
    header["datatype"], header["bitpix"] = code, REAL[code] * 8
    header["scl_slope"], header["scl_inter"] = (
        draw(st.sampled_from(_SLOPES)),
        draw(st.sampled_from(_INTERS)),
    )
    _place(header, draw(sound_placements()))
    _tell_more(header, draw)
    more = draw(extensions(endian))
    least = len(header.tobytes()) + max(4, len(more))
    # Between the last extension and the data nothing may stand.
    step = 0 if more[:1] == b"\1" else draw(st.sampled_from([0, 0, 0, 16, 160]))
    # The place of data in a NIfTI-1 file is a float; a multiple of 16 is usual.
    offset = 16 * -(-least // 16) + step if not is_pair else step
    header["vox_offset"] = offset
    header["magic"] = _magic(version, is_pair)
    n = int(np.prod(shape))
    data = values_of(code, n, draw(st.integers(0, 999)), is_wild=draw(st.booleans()))
    if endian == ">":
        data = np.frombuffer(data, f"u{REAL[code]}").byteswap().tobytes()
    return Parts(version, endian, is_pair, header, more, offset, data)


def _magic(version: int, is_pair: bool) -> bytes:
    if version == 1:
        return b"ni1" if is_pair else b"n+1"
    return (b"ni2" if is_pair else b"n+2") + b"\0\r\n\x1a\n"


@np.errstate(all="ignore")
def _place(header: Any, placement: Placement) -> None:
    header["pixdim"][:4] = placement.pixdim
    header["qform_code"], header["sform_code"] = placement.codes
    for name, value in zip(("quatern_b", "quatern_c", "quatern_d"), placement.quatern, strict=True):
        header[name] = value
    for name, value in zip(("qoffset_x", "qoffset_y", "qoffset_z"), placement.offset, strict=True):
        header[name] = value
    for name, row in zip(("srow_x", "srow_y", "srow_z"), placement.rows, strict=True):
        header[name] = row


def _tell_more(header: Any, draw: st.DrawFn) -> None:
    """Fields that say nothing of how volumes are read."""
    header["pixdim"][4] = draw(st.sampled_from([0, 1, 2, 0.72, 2000, -1, float("nan")]))
    header["xyzt_units"] = draw(st.sampled_from([0, 2, 10, 18, 26, 34, 255]))
    header["dim_info"] = draw(st.integers(0, 255))
    header["intent_code"] = draw(st.sampled_from([0, 3, 5, 1002, 2003]))
    header["slice_code"] = draw(st.sampled_from([0, 1, 5]))
    header["slice_end"] = draw(st.sampled_from([0, 3, -1, 32767]))
    header["cal_max"] = draw(st.sampled_from([0, 100, float("nan")]))
    header["descrip"] = draw(st.binary(max_size=79))


@st.composite
def odd_parts(draw: st.DrawFn) -> Parts:
    """Images with fields that contradict each other, or make no sense."""
    parts = draw(sound_parts())
    for change in draw(st.lists(st.sampled_from([*_CHANGES]), min_size=1, max_size=3)):
        _CHANGES[change](parts.header, draw, parts.version)
    code = int(parts.header["datatype"])
    data = draw(
        st.sampled_from([parts.data, parts.data[:-1], parts.data * 2, parts.data + b"more", b""])
    )
    if code not in REAL and len(data) < _MOST_BYTES // 16:
        data = data * 16
    return Parts(
        parts.version,
        parts.endian,
        parts.is_pair,
        parts.header,
        draw(st.sampled_from([parts.extensions, *_ODD_EXTENSIONS])),
        parts.offset,
        data,
    )


_ODD_EXTENSIONS = (
    b"\1\0\0\0" + b"\xff" * 8,
    b"\1\0\0\0" + (1 << 30).to_bytes(4, "little") + bytes(12),
    b"\1\0\0\0" + bytes(16),
    b"\1\0\0\0" + (17).to_bytes(4, "little") + bytes(40),
    b"\1\0\0\0" + (32).to_bytes(4, "little") + (2).to_bytes(4, "little") + b"\xff" * 24,
    b"\1\0\0\0" + (32).to_bytes(4, "little") + (32).to_bytes(4, "little") + b"<CIFTI>" + bytes(17),
)


def _put(header: Any, name: str, value: Any, at: int | None = None) -> None:
    """Put a value into a field, cut to its type as a program in C would."""
    with np.errstate(all="ignore"):
        cut = np.array(value).astype(header.dtype[name].base)
    if at is None:
        header[name] = cut
    else:
        header[name][at] = cut


def _odd_dim(header: Any, draw: st.DrawFn, version: int) -> None:
    at = draw(st.integers(0, 7))
    _put(header, "dim", draw(st.sampled_from([*_ODD_SIZES, *_HUGE_SIZES])), at)


def _huge_dims(header: Any, draw: st.DrawFn, version: int) -> None:
    size = draw(st.sampled_from([*_HUGE_SIZES[:3], 32767]))
    for at in (1, 2, 3, 4):
        _put(header, "dim", size, at)
    _put(header, "dim", draw(st.integers(3, 7)), 0)


def _odd_type(header: Any, draw: st.DrawFn, version: int) -> None:
    _put(header, "datatype", draw(st.sampled_from([*REFUSED, *_ODD_CODES])))


def _odd_bits(header: Any, draw: st.DrawFn, version: int) -> None:
    _put(header, "bitpix", draw(st.sampled_from([0, 1, 8, 12, 64, -8])))


def _odd_scale(header: Any, draw: st.DrawFn, version: int) -> None:
    name = draw(st.sampled_from(["scl_slope", "scl_inter"]))
    _put(header, name, draw(st.sampled_from(_ODD_SCALES)))


def _odd_place(header: Any, draw: st.DrawFn, version: int) -> None:
    _place(header, draw(odd_placements()))


def _odd_offset(header: Any, draw: st.DrawFn, version: int) -> None:
    _put(header, "vox_offset", draw(st.sampled_from(_ODD_OFFSETS)))


def _odd_magic(header: Any, draw: st.DrawFn, version: int) -> None:
    header["magic"] = draw(st.sampled_from([b"", b"n+1", b"ni1", b"n+2", b"n+3", b"\xff\xff"]))


def _odd_size(header: Any, draw: st.DrawFn, version: int) -> None:
    _put(header, "sizeof_hdr", draw(st.sampled_from([0, 348, 540, 1543569408, -1])))


_CHANGES = {
    "dim": _odd_dim,
    "huge": _huge_dims,
    "type": _odd_type,
    "bits": _odd_bits,
    "scale": _odd_scale,
    "place": _odd_place,
    "offset": _odd_offset,
    "magic": _odd_magic,
    "size": _odd_size,
}


@st.composite
def images(draw: st.DrawFn, parts: st.SearchStrategy[Parts], *, is_sound: bool) -> MadeImage:
    """Files of an image, compressed in some way or not at all."""
    found = draw(parts)
    contents = found.contents()
    endings = [".img", ".hdr"] if found.is_pair else [".nii"]
    if draw(st.booleans()):
        made = [draw(containers(content)) for content in contents]
        is_sound = is_sound and all(one.is_sound for one in made)
        files = [(f"{end}.gz", one.content) for end, one in zip(endings, made, strict=True)]
        return MadeImage(files, is_sound)
    return MadeImage(list(zip(endings, contents, strict=True)), is_sound)


sound_images = images(sound_parts(), is_sound=True)
odd_images = images(odd_parts(), is_sound=False)
