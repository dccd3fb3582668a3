"""What is compared: the user's image or made-up ones, made when they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from boldstream.benchmark.images import (
    Image,
    make_image,
    make_masks,
    open_users_image,
    place_masks,
)
from boldstream.benchmark.sizes import Size


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a user asks for.

    Attributes
    ----------
    size : Size
        Of made-up images, and of the searchlight in any image.
    image : Path, optional
        In place of made-up ones.
    masks : mapping of str to Path
    atlas : Path, optional
    subjects : tuple of int
        How many are done at once.
    n_jobs : int, optional
        By default as in the documents: 4 for masks, 1 for the searchlight.
    labels, events : Path, optional
    target : str
        Column of labels.
    conditions : tuple of str
        Labels that are taken; by default all.
    memory_limit : int, optional
        Most bytes of address space of each process of a way.
    """

    size: Size
    image: Path | None = None
    masks: Mapping[str, Path] = field(default_factory=dict)
    atlas: Path | None = None
    subjects: tuple[int, ...] = (4, 8)
    n_jobs: int | None = None
    labels: Path | None = None
    events: Path | None = None
    target: str = "trial_type"
    conditions: tuple[str, ...] = ()
    memory_limit: int | None = None


@dataclass(frozen=True)
class Inputs:
    """Files for the ways, in a folder that is removed afterwards."""

    asked: Asked
    folder: Path
    _images: dict[int, Image] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        return self.asked.size

    @cached_property
    def users_image(self) -> Image | None:
        """The image that was given."""
        if self.asked.image is None:
            return None
        return open_users_image(self.folder, self.asked.image)

    @property
    def image(self) -> Image:
        """The image of the comparisons of masks and of loading."""
        return self.users_image or self._made(self.size.n_volumes)

    @property
    def images(self) -> list[Image]:
        """Those of the comparison of memory, ascending."""
        if self.users_image is not None:
            return [self.users_image]
        numbers = [self.size.volumes_of(times * self.size.gib) for times in (1, 2, 4)]
        return [self._made(n) for n in numbers]

    def _made(self, n_volumes: int) -> Image:
        if n_volumes not in self._images:
            self._images[n_volumes] = make_image(self.folder, self.size.shape, n_volumes)
        return self._images[n_volumes]

    @cached_property
    def masks(self) -> tuple[Path, ...]:
        """Four regions of `image`, or those that were given."""
        if self.asked.masks or self.asked.atlas:
            return place_masks(self.folder, self.image, self.asked.masks, self.asked.atlas)
        return make_masks(self.folder, self.image)
