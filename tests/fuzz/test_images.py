"""Made-up images: sound ones are read as nibabel reads them, odd ones so or refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests.fuzz.depth import cases
from tests.fuzz.reading import PARTICULAR, READERS, SLOW_READERS, right_or_refused
from tests.strategies.nifti import MadeImage, odd_images, sound_images

Reader = Callable[..., Any]


def _named(reader: Reader) -> str:
    return reader.__name__


quick_readers = pytest.mark.parametrize("reader", READERS, ids=_named)
slow_readers = pytest.mark.parametrize("reader", SLOW_READERS, ids=_named)


def check(reader: Reader, made: MadeImage) -> None:
    """Write, read, compare; what is sound must be read."""
    with tempfile.TemporaryDirectory() as folder:
        refusal = right_or_refused(reader, made.write(Path(folder)))
    # Not every image is a mask, an atlas, or one volume.
    if refusal is not None and made.is_sound and reader not in PARTICULAR:
        raise AssertionError("a sound image was refused") from refusal


@quick_readers
@cases(quick=5, deep=2)
@given(made=sound_images)
def test_sound_images_are_read(reader: Reader, made: MadeImage) -> None:
    check(reader, made)


@slow_readers
@cases(quick=2, deep=0.5)
@given(made=sound_images)
def test_sound_images_are_described_shown_and_stored(reader: Reader, made: MadeImage) -> None:
    check(reader, made)


@quick_readers
@cases(quick=10, deep=2)
@given(made=odd_images)
def test_odd_images_are_read_or_refused(reader: Reader, made: MadeImage) -> None:
    check(reader, made)


@slow_readers
@cases(quick=3, deep=0.5)
@given(made=odd_images)
def test_odd_images_are_described_shown_and_stored_or_refused(
    reader: Reader, made: MadeImage
) -> None:
    check(reader, made)
