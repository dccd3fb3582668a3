"""Meshes and data of surfaces beside what nibabel reads of them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.gifti.gifti import GiftiDataArray, GiftiImage
from nilearn.surface import InMemoryMesh, load_surf_mesh

import boldstream as bs
from boldstream.io.surfaces import is_gifti, read_mesh, read_surface_data

CORNERS = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0]], np.float32)
FACES = np.array([[0, 1, 2]], np.int32)


def gifti(*arrays: Any, intents: Any = None) -> Any:
    intents = intents or ["NIFTI_INTENT_TIME_SERIES"] * len(arrays)
    return GiftiImage(
        darrays=[
            GiftiDataArray(array, intent=intent)
            for array, intent in zip(arrays, intents, strict=True)
        ]
    )


def mesh_image() -> Any:
    return gifti(CORNERS, FACES, intents=["NIFTI_INTENT_POINTSET", "NIFTI_INTENT_TRIANGLE"])


def test_a_real_mesh(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "odd" / "fsaverage5_pial_left.gii.gz"
    oracle = load_surf_mesh(path)
    plain = tmp_path / "lh.pial.gii"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    for given in (path, str(path), plain, nib.load(path), oracle):
        mesh = read_mesh(given)
        assert mesh.coordinates.dtype == np.float64
        assert mesh.faces.dtype == np.int32
        assert np.array_equal(mesh.coordinates, oracle.coordinates)
        assert np.array_equal(mesh.faces, oracle.faces)
    assert read_mesh(path).name == str(path)


def test_meshes_in_memory() -> None:
    for given in (mesh_image(), InMemoryMesh(CORNERS, FACES), (CORNERS, FACES), [CORNERS, FACES]):
        mesh = read_mesh(given)
        assert np.array_equal(mesh.coordinates, CORNERS)
        assert np.array_equal(mesh.faces, FACES)
        assert read_mesh(mesh) is mesh


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        ((CORNERS[:, :2], FACES), r"finite coordinates \(vertices, 3\), got shape \(3, 2\)"),
        ((CORNERS * np.nan, FACES), "finite coordinates"),
        ((CORNERS, FACES + 1), "its triangles name others, from 1 to 3"),
        ((CORNERS, FACES - 1), "its triangles name others, from -1 to 1"),
        ((CORNERS, FACES[0]), r"triangles \(faces, 3\) of integers"),
        ((CORNERS, FACES * 1.0), r"triangles \(faces, 3\) of integers, got float64"),
        (("some", "text"), "must hold numbers"),
        (gifti(CORNERS[:, 0]), "must hold one pointset and its triangles"),
    ],
)
def test_what_is_no_mesh(mesh: Any, message: str) -> None:
    with pytest.raises(bs.UnsupportedImageError, match=message):
        read_mesh(mesh)


@pytest.mark.parametrize("mesh", [3, None, (CORNERS,)])
def test_what_cannot_be_a_mesh(mesh: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`mesh` must be a path of a GIFTI file"):
        read_mesh(mesh)


def test_real_data(shared_data: Path) -> None:
    path = shared_data / "odd" / "task.func.gii"
    image: Any = nib.load(path)
    oracle = np.array([one.data for one in image.darrays])
    for given in (path, str(path), image, [path]):
        values = read_surface_data(given)
        assert values.dtype == np.float32
        assert np.array_equal(values, oracle)
    assert np.array_equal(read_surface_data([path, image]), np.vstack([oracle, oracle]))
    sulc = read_surface_data(shared_data / "odd" / "fsaverage5_sulc_left.gii.gz")
    assert sulc.shape == (1, 10242)


def test_one_array_of_all_samples() -> None:
    """As wb_command does not write them, and other programs do."""
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert np.array_equal(read_surface_data(gifti(values)), values.T)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (gifti(), bs.UnsupportedImageError, "got no data array"),
        (mesh_image(), bs.UnsupportedImageError, "one value for each vertex, got shapes"),
        (
            [gifti(CORNERS[:, 0]), gifti(FACES[0][:2].astype("f4"))],
            bs.UnsupportedImageError,
            "the same number of vertices, got 3, 2",
        ),
        ([], bs.ParameterError, "`data` must be a path of a GIFTI file"),
        (7, bs.ParameterError, "`data` must be a path of a GIFTI file"),
        ([7], bs.ParameterError, "`data` must be of GIFTI files, got int"),
    ],
)
def test_what_is_no_data(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_surface_data(data)


def test_files_that_cannot_be_read(shared_data: Path, tmp_path: Path) -> None:
    whole = (shared_data / "odd" / "fsaverage5_pial_left.gii.gz").read_bytes()
    cut, text, wrong = tmp_path / "cut.gii.gz", tmp_path / "text.gii", tmp_path / "wrong.gii"
    cut.write_bytes(whole[: len(whole) // 2])
    text.write_text("this is no XML")
    wrong.write_bytes(gzip.decompress(whole)[:5000])
    for path in (cut, text, wrong, tmp_path / "missing.gii"):
        for read in (read_mesh, read_surface_data):
            with pytest.raises(bs.ImageFileError, match=path.name):
                read(path)
    image = nib.Nifti1Image(np.zeros((2, 2, 2), "f4"), np.eye(4))
    nib.save(image, tmp_path / "volume.nii")
    with pytest.raises(bs.UnsupportedImageError, match="must be a GIFTI file, got Nifti1Image"):
        read_mesh(tmp_path / "volume.nii")


def test_what_is_gifti() -> None:
    assert is_gifti(Path("a/LH.FUNC.GII.GZ"))
    assert is_gifti(gifti())
    assert not is_gifti("a.nii.gz")
    assert not is_gifti(np.zeros(3))
