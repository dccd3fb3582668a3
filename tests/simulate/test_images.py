"""Made-up 4-D images, read back by nibabel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from boldstream.core.errors import ParameterError
from boldstream.simulate.head import make_head, make_regions
from boldstream.simulate.images import Effect, write_bold, write_labels, write_masks

HEAD = make_head((16, 18, 16))


def read(path: Path) -> np.ndarray:
    return np.asarray(nib.Nifti1Image.from_filename(path).get_fdata())


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_noise_is_one_per_cent_in_the_brain_and_nothing_is_outside(
    tmp_path: Path, dtype: str
) -> None:
    write_bold(tmp_path / "a.nii.gz", HEAD, 200, dtype=dtype, t_r=1.5)
    image = nib.Nifti1Image.from_filename(tmp_path / "a.nii.gz")
    assert image.get_data_dtype() == np.dtype(dtype)
    assert image.header.get_zooms()[3] == 1.5
    data = image.get_fdata()
    assert not data[~HEAD.brain].any()
    inside = data[HEAD.brain]
    # Neighbours in time share the drift, so their difference is noise alone.
    noise = np.diff(inside, axis=1).std(axis=1) / np.sqrt(2) / HEAD.brightness[HEAD.brain]
    assert noise.mean() == pytest.approx(0.01, rel=0.02)
    np.testing.assert_allclose(inside.mean(axis=1), HEAD.brightness[HEAD.brain], rtol=0.006)


def test_an_effect_is_where_and_when_it_was_put_and_nowhere_else(tmp_path: Path) -> None:
    where = np.zeros(HEAD.grid.shape, bool)
    where[6:9, 7:10, 8:11] = True
    course = np.linspace(0.0, 0.1, 20)
    write_bold(tmp_path / "with.nii", HEAD, 20, effects=[Effect(where, course)])
    write_bold(tmp_path / "without.nii", HEAD, 20)
    added = read(tmp_path / "with.nii") - read(tmp_path / "without.nii")
    wanted = HEAD.brightness[where][:, None] * course
    np.testing.assert_allclose(added[where], wanted, atol=0.01)
    assert not added[~where].any()


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in [("a", 3), ("b", 3), ("c", 4)]:
        write_bold(tmp_path / f"{name}.nii.gz", HEAD, 5, seed=seed)
    a, b, c = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert a == b
    assert a != c


def test_labels_and_masks_keep_values_type_and_grid(tmp_path: Path) -> None:
    regions = make_regions(HEAD, 6)
    write_labels(tmp_path / "atlas.nii.gz", regions, HEAD.grid)
    image = nib.Nifti1Image.from_filename(tmp_path / "atlas.nii.gz")
    assert image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(image.get_fdata(), regions)
    np.testing.assert_allclose(image.affine, HEAD.grid.affine)
    for label, path in enumerate(write_masks(tmp_path, regions, HEAD.grid), start=1):
        assert path.name == f"mask_{label}.nii.gz"
        np.testing.assert_array_equal(read(path), regions == label)


def test_an_effect_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    inside = HEAD.brain
    for effect in (Effect(inside[1:], np.zeros(5)), Effect(inside, np.zeros(4))):
        with pytest.raises(ParameterError, match="of an effect must have"):
            write_bold(tmp_path / "a.nii", HEAD, 5, effects=[effect])
    assert list(tmp_path.iterdir()) == []


MEASURE = """
import sys
from boldstream.core.limits import process_memory
from boldstream.simulate.head import make_head
from boldstream.simulate.images import write_bold

head = make_head((48, 56, 48))
write_bold(sys.argv[1], head, 2)
before = process_memory().peak_rss_bytes
write_bold(sys.argv[1], head, 300)
print(process_memory().peak_rss_bytes - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc for peak memory")
def test_memory_does_not_grow_with_the_number_of_volumes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "a.nii.gz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    decoded = 48 * 56 * 48 * 4 * 300
    assert int(done.stdout) < decoded / 30
