"""Gzip files of several members, with every field that a header may have, and damaged ones."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from hypothesis import strategies as st

_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16


@dataclass(frozen=True)
class Container:
    """A compressed file; sound if every decoder must read it."""

    content: bytes
    is_sound: bool


def member(content: bytes, *, level: int = 6, flags: int = 0, extra: bytes = b"") -> bytes:
    """One member, its header with the fields that `flags` ask for."""
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, flags, 0, 0, 255)
    if flags & _FEXTRA:
        head += struct.pack("<H", len(extra)) + extra
    if flags & _FNAME:
        head += b"b\xf6ld.nii\0"
    if flags & _FCOMMENT:
        head += b"made up\0"
    if flags & _FHCRC:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    squeezed = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = squeezed.compress(content) + squeezed.flush()
    return head + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


@st.composite
def containers(draw: st.DrawFn, content: bytes) -> Container:
    """A file in one member or several, as bgzip and others write them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=3)))
    starts, stops = [0, *cuts], [*cuts, len(content)]
    made = b""
    for start, stop in zip(starts, stops, strict=True):
        level, flags = draw(st.sampled_from([0, 1, 9])), draw(st.integers(0, 15)) * 2
        extra = draw(st.binary(max_size=20)) if flags & _FEXTRA else b""
        made += member(content[start:stop], level=level, flags=flags, extra=extra)
    # Tapes and some transfers fill the last block with zeros.
    return Container(made + bytes(draw(st.sampled_from([0, 0, 1, 512]))), is_sound=True)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A compressed file with a checksum, a length, a stretch or its end not as it was."""
    whole = draw(containers(content)).content
    kind = draw(st.sampled_from(["trailer", "flip", "garbage", "end", "magic", "twice"]))
    at = draw(st.integers(0, len(whole) - 1))
    flip = draw(st.integers(1, 255))
    if kind == "trailer":
        at = len(whole) - 1 - draw(st.integers(0, 7))
    if kind in ("trailer", "flip"):
        return whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    if kind == "garbage":
        return whole + draw(st.binary(min_size=1, max_size=40))
    if kind == "magic":
        return whole + b"\x1f\x8b" + draw(st.binary(max_size=12))
    return whole[:at] if kind == "end" else whole[:at] + whole
