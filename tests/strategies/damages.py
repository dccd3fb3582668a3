"""What happens to files on their way: bits flip, stretches are lost, doubled or overwritten."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

Damage = Callable[[bytes], bytes]


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """Flip bits, cut out, double or overwrite a stretch, cut off the end, anywhere in a file."""
    kind = draw(st.sampled_from(["flip", "cut", "double", "overwrite", "end"]))
    where = draw(st.floats(0, 1, exclude_max=True))
    length = draw(st.integers(1, 40))
    flips = draw(st.integers(1, 255))
    filling = draw(st.binary(min_size=1, max_size=40))

    def damage(whole: bytes) -> bytes:
        at = int(where * len(whole))
        before, stretch, after = whole[:at], whole[at : at + length], whole[at + length :]
        return {
            "flip": before + bytes([whole[at] ^ flips]) + whole[at + 1 :],
            "cut": before + after,
            "double": before + stretch + stretch + after,
            "overwrite": before + filling + whole[at + len(filling) :],
            "end": before,
        }[kind]

    return damage


@st.composite
def text_damages(draw: st.DrawFn) -> Damage:
    """As `damages`, or another number, name or nesting in the place of one in a text."""
    if draw(st.booleans()):
        return draw(damages())
    where = draw(st.floats(0, 1, exclude_max=True))
    odd = draw(
        st.sampled_from(
            [
                *(
                    "-1",
                    "0",
                    "1e400",
                    "9" * 400,
                    "9" * 5000,
                    "99999999999",
                    "NaN",
                    "null",
                    "true",
                    '""',
                    "[]",
                ),
                *("{}", "[" * 5000, "0.5", "\\u0000", "\ud7ff", "é", "x", "/etc", "../..", "\t"),
            ]
        )
    ).encode()

    def damage(whole: bytes) -> bytes:
        marks = b' \n\t,:"[]{}()='
        at = int(where * len(whole))
        start = max((whole.rfind(bytes([mark]), 0, at) for mark in marks), default=-1) + 1
        ends = [end for mark in marks if (end := whole.find(bytes([mark]), at)) >= 0]
        return whole[:start] + odd + whole[min(ends, default=len(whole)) :]

    return damage
