"""Everything that reads an image: what it gives must be what nibabel reads, or a refusal."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

import boldstream as bs
from boldstream.cli.entry import run
from boldstream.io.describing import describe_image
from boldstream.io.labels import load_labels
from boldstream.io.maps import load_maps
from tests.fuzz.guard import refusing

_MOST_VALUES = 1 << 20
_PLAIN = 1e15


@dataclass(frozen=True)
class Truth:
    """What nibabel says of an image.

    Attributes
    ----------
    image : nibabel image
    values : ndarray of float64, shape (x, y, z, volumes)
    """

    image: Any
    values: NDArray[np.float64]

    @property
    def singles(self) -> NDArray[np.float32]:
        """Values in float32."""
        with np.errstate(all="ignore"):
            return self.values.astype(np.float32)


def truth_of(path: Path) -> Truth | None:
    """What nibabel reads, or None where it does not or is not to be asked."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), suppress(Exception):
        warnings.simplefilter("ignore")
        image: Any = nib.load(path)
        if np.prod(image.shape, dtype=object) > _MOST_VALUES:
            return None
        values = np.asarray(image.dataobj)
        if values.dtype.kind not in "biuf":
            return None
        values = np.asarray(image.dataobj.__array__(np.dtype(np.float64)))
        if isinstance(image, nib.Minc1Image) and values.ndim == 4:
            values = np.moveaxis(values, 0, -1)
        sizes = [n for n in values.shape[3:] if n > 1]
        return Truth(image, values.reshape((*values.shape[:3], *(sizes or [1]))))
    return None


def agree(got: Any, wanted: Any) -> None:
    """Equal but for the last digit, which the way through float64 may round twice."""
    np.testing.assert_allclose(got, wanted, rtol=2e-7, atol=1e-44)


def read_volumes(path: Path, truth: Truth | None) -> None:
    """`stream`: volumes, mean, SD, voxels and labels in one pass."""
    series = bs.open_image(path).series
    everywhere = np.ones(series.grid.shape, bool)
    atlas = np.arange(series.grid.n_voxels).reshape(series.grid.shape) % 3 + 1
    volumes, mean, deviation, voxels, regions = bs.stream(
        path,
        bs.Volumes(range(series.n_volumes)),
        bs.Mean(),
        bs.Std(),
        bs.Voxels(everywhere, dtype="float64"),
        bs.Labels(atlas),
    )
    assert truth is not None, f"nibabel reads no volumes of {path}, boldstream {series}"
    assert (*series.grid.shape, series.n_volumes) == truth.values.shape
    np.testing.assert_array_equal(series.grid.affine, truth.image.affine)
    agree(volumes, truth.singles)
    agree(voxels, truth.values[everywhere].T)
    if np.abs(truth.values).max() < _PLAIN:
        size = max(1.0, float(np.abs(truth.values).max()))
        means = [truth.values[atlas == label].mean(axis=0) for label in regions.labels]
        for got, wanted in (
            (mean, truth.values.mean(axis=-1)),
            (deviation, truth.values.std(axis=-1)),
            (np.transpose(regions.values), means),
        ):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6 * size)


def read_one(path: Path, truth: Truth | None) -> None:
    """`read_volume` of the last volume, and the plan of a mean."""
    assert bs.plan(path, bs.Mean()).block_volumes >= 1
    image: Any = bs.read_volume(path, -1)
    assert truth is not None
    agree(image.get_fdata(dtype=np.float32), truth.singles[..., -1])


def read_extracted(path: Path, truth: Truth | None) -> None:
    """`extract` with the image's first volume as the mask's grid."""
    shape = bs.open_image(path).series.grid.shape
    mask = np.zeros(shape, bool)
    mask[0, 0, :] = True
    found = bs.extract(path, {"edge": mask})["edge"]
    assert truth is not None
    agree(found, truth.singles[mask].T)


def read_description(path: Path, truth: Truth | None) -> None:
    """`boldstream info`, as text and as JSON, against `describe_image`."""
    for more in ([], ["--json"]):
        said, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            code = run(["info", *more, str(path)])
        assert "Traceback" not in complained.getvalue()
        assert (code == 0) == bool(said.getvalue().strip("[]\n")), said.getvalue()
    describe_image(path)


def read_as_mask(path: Path, truth: Truth | None) -> None:
    """`load_mask`: the voxels that hold the one value besides 0."""
    mask = bs.load_mask(path)
    assert truth is not None
    values = np.where(np.isfinite(truth.values[..., 0]), truth.values[..., 0], 0)
    largest = values.flat[np.abs(values).argmax()]
    np.testing.assert_array_equal(mask, np.abs(values) > 1e-3 * abs(largest))


def read_as_labels(path: Path, truth: Truth | None) -> None:
    """`load_labels`: whole numbers."""
    grid = bs.open_image(path).series.grid
    atlas = load_labels(path, grid)
    assert truth is not None
    values = truth.values[..., 0]
    np.testing.assert_array_equal(atlas.array, np.rint(np.where(np.isfinite(values), values, 0)))


def read_as_maps(path: Path, truth: Truth | None) -> None:
    """`load_maps`: weights where any is not 0."""
    grid = bs.open_image(path).series.grid
    found = load_maps(path, grid)
    assert truth is not None
    values = truth.values.reshape(-1, truth.values.shape[-1], order="F")[found.rows]
    with np.errstate(all="ignore"):
        agree(found.weights, np.where(np.isfinite(values), values, 0).astype(found.weights.dtype))


def read_as_page(path: Path, truth: Truth | None) -> None:
    """`view_map`: a page."""
    page = path.with_suffix(".html")
    try:
        assert bs.view_map(path, page).stat().st_size > 1000
    finally:
        page.unlink(missing_ok=True)


def read_by_store(path: Path, truth: Truth | None) -> None:
    """`Store`: the same when it is made and when it is there."""
    store = bs.Store(path.parent / "store")
    for _ in range(2):
        with store.volumes(path) as volumes:
            assert truth is not None
            with np.errstate(over="ignore", invalid="ignore"):
                found = np.array(volumes[...], np.float32)
            agree(found, truth.singles)


Reader = Callable[[Path, Truth | None], None]

PARTICULAR: tuple[Reader, ...] = (read_as_mask, read_as_labels, read_as_maps, read_as_page)
"""What takes some images only, be they as sound as can be."""
READERS: tuple[Reader, ...] = (
    *(read_volumes, read_one, read_extracted),
    *(read_as_mask, read_as_labels, read_as_maps),
)
SLOW_READERS: tuple[Reader, ...] = (read_description, read_as_page, read_by_store)


def right_or_refused(
    reader: Reader, path: Path, *, names: str = "made"
) -> bs.BoldstreamError | None:
    """Read; a refusal is an error of boldstream that names the file, and is returned."""
    truth = truth_of(path)
    with refusing(names) as outcome:
        reader(path, truth)
    return outcome.refusal
