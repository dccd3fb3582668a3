"""The images that the benchmarks read: made once, kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boldstream.simulate.head import make_head, make_regions
from boldstream.simulate.images import write_bold, write_labels, write_masks

N_REGIONS = 64
N_MASKS = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the images are."""

    shape: tuple[int, int, int]
    n_volumes: int

    def __str__(self) -> str:
        return "x".join(map(str, (*self.shape, self.n_volumes)))


# Six runs of the ADHD-200 sample, joined, as in nilearn's example of large images.
SEED_SCALE = Scale((61, 73, 61), 857)
QUICK_SCALE = Scale((31, 37, 31), 120)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A 4-D image, an atlas of 64 regions, and the first four regions as masks."""

    folder: Path
    bold: Path

    @property
    def atlas(self) -> Path:
        return self.folder / "atlas.nii.gz"

    @property
    def masks(self) -> tuple[Path, ...]:
        return tuple(self.folder / f"mask_{label}.nii.gz" for label in range(1, N_MASKS + 1))


def make_inputs(folder: Path, scale: Scale, dtype: str) -> Inputs:
    """Make the images, or take those that an earlier run made."""
    inputs = Inputs(folder / str(scale), folder / str(scale) / f"bold_{dtype}.nii.gz")
    wanted = (inputs.bold, inputs.atlas, *inputs.masks)
    if all(path.exists() for path in wanted):
        return inputs
    inputs.folder.mkdir(parents=True, exist_ok=True)
    head = make_head(scale.shape)
    regions = make_regions(head, N_REGIONS)
    write_labels(inputs.atlas, regions, head.grid)
    write_masks(inputs.folder, regions, head.grid, N_MASKS)
    write_bold(inputs.bold, head, scale.n_volumes, dtype=dtype)
    return inputs
