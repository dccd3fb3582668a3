"""Files of our own that were damaged: the store, betas, tables of names, results of a study."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boldstream as bs
from boldstream.decoding.samples import open_samples
from boldstream.io.sidecar import read_json
from tests.fuzz.depth import cases
from tests.fuzz.guard import guarded, refusing
from tests.strategies.damages import Damage, damages, text_damages

DATA = np.random.default_rng(0).integers(0, 900, (5, 4, 3, 12)).astype(np.int16)
MASK = DATA[..., 0] > 300


def some_file(folder: Path, which: int) -> Path:
    """One of the files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    return files[which % len(files)]


def spoil(path: Path, damage: Damage) -> None:
    path.chmod(0o600)
    path.write_bytes(damage(path.read_bytes()))


@pytest.mark.parametrize("layout", ["voxels", "volumes"])
@cases(quick=5, deep=0.2)
@given(damage=text_damages())
def test_the_manifest_of_a_store(layout: str, damage: Damage) -> None:
    """A damaged entry is made anew: what is given out is what the image holds."""
    with tempfile.TemporaryDirectory() as folder, guarded():
        path, store = Path(folder, "bold.nii.gz"), bs.Store(Path(folder, "store"))
        nib.save(nib.Nifti1Image(DATA, np.diag([2.0, 3, 4, 1])), path)
        read_stored(store, path, layout)
        (manifest,) = store.folder.path.glob("*/manifest.json")
        spoil(manifest, damage)
        store.stats()
        read_stored(store, path, layout)


def read_stored(store: bs.Store, path: Path, layout: str) -> None:
    if layout == "voxels":
        with store.voxels(path, MASK) as voxels:
            np.testing.assert_array_equal(voxels.read(), DATA[MASK].T)
            np.testing.assert_array_equal(voxels.grid.affine, np.diag([2.0, 3, 4, 1]))
            return
    with store.volumes(path) as volumes:
        np.testing.assert_array_equal(volumes[...], DATA)


@pytest.mark.parametrize("layout", ["voxels", "volumes"])
@cases(quick=3, deep=0.1)
@given(which=st.integers(0, 9), share=st.floats(0, 1, exclude_max=True))
def test_a_file_of_a_store_that_was_cut(layout: str, which: int, share: float) -> None:
    with tempfile.TemporaryDirectory() as folder, guarded():
        path, store = Path(folder, "bold.nii.gz"), bs.Store(Path(folder, "store"))
        nib.save(nib.Nifti1Image(DATA, np.diag([2.0, 3, 4, 1])), path)
        read_stored(store, path, layout)
        (entry,) = (one.parent for one in store.folder.path.glob("*/manifest.json"))
        spoil(some_file(entry, which), lambda whole: whole[: int(share * len(whole))])
        read_stored(store, path, layout)


@pytest.fixture(scope="module")
def betas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "betas"
    rng = np.random.default_rng(0)
    image = nib.Nifti1Image(rng.normal(100, 1, size=(4, 4, 2, 60)), np.eye(4))
    events = pd.DataFrame({"onset": [4.0, 30, 61, 80], "duration": 2.0, "trial_type": list("abab")})
    bs.trial_betas(image, events, t_r=2.0, output=folder)
    return folder


@cases(quick=15, deep=1)
@given(which=st.integers(0, 3), damage=st.one_of(damages(), text_damages()))
def test_a_folder_of_betas(betas: Path, which: int, damage: Damage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "betas")
        copy.mkdir()
        for file in betas.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        spoil(some_file(copy, which), damage)
        with refusing(copy):
            found = bs.open_betas(copy)
            assert found.values.shape == (len(found.trials), int(found.mask.sum()))
            with open_samples(copy):
                pass


@cases(quick=20, deep=2)
@given(content=st.one_of(st.binary(max_size=50), text_damages().map(lambda f: f(b'{"a": [1, 2]}'))))
def test_sidecars(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.json")
        path.write_bytes(content)
        with refusing(path):
            assert isinstance(read_json(path), dict)
