"""Betas in an image file, in a folder that is mapped, and what is left when it fails."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from tests.glm.betas.made_up import AFFINE, SHAPE, TR, events, run
from tests.oracle import fdata, load

INSIDE = np.random.default_rng(4).random(SHAPE) > 0.4


def everything_in(folder: Path) -> list[str]:
    """Names of all files and folders, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def wanted() -> Any:
    return bs.trial_betas([run(0), run(1)], [events(0), events(1)], mask=INSIDE)


def written(output: Path, **options: Any) -> Any:
    images, tables = [run(0), run(1)], [events(0), events(1)]
    return bs.trial_betas(images, tables, mask=INSIDE, output=output, **options)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_image_files(ending: str, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / f"betas{ending}"
    found = written(path, dtype=dtype)
    in_memory = bs.trial_betas([run(0), run(1)], [events(0), events(1)], mask=INSIDE, dtype=dtype)
    assert found.image is None
    assert found.path == path
    assert np.array_equal(found.mask, INSIDE)
    image = load(path)
    assert image.get_data_dtype() == np.dtype(dtype)
    assert np.array_equal(image.affine, AFFINE)
    assert np.array_equal(fdata(path), in_memory.image.get_fdata())
    pd.testing.assert_frame_equal(found.trials, in_memory.trials)
    assert everything_in(tmp_path) == ["new", f"new/betas{ending}"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_folder_is_mapped(dtype: Any, wanted: Any, tmp_path: Path) -> None:
    path = tmp_path / "betas"
    found = written(path, dtype=dtype)
    assert found.path == path
    stored = bs.open_betas(path)
    assert isinstance(stored.values, np.memmap)
    assert stored.values.dtype == np.dtype(dtype)
    assert stored.values.shape == (16, np.count_nonzero(INSIDE))
    np.testing.assert_allclose(stored.values, wanted.image.get_fdata()[INSIDE].T, rtol=1e-6)
    assert np.array_equal(stored.mask, INSIDE)
    assert np.array_equal(stored.grid.affine, AFFINE)
    pd.testing.assert_frame_equal(stored.trials, found.trials, check_dtype=False)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["n_trials"] == 16
    assert manifest["dtype"] == dtype
    assert manifest["method"] == "lss"
    assert everything_in(path) == ["betas.npy", "manifest.json", "mask.nii.gz", "trials.tsv"]
    # Any other program reads them.
    assert np.array_equal(np.load(path / "betas.npy"), stored.values)


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    """Conditions that look like no name, and numbers with all their digits."""
    table = events()
    table["trial_type"] = ["null", "NA", "1", "None", "nan ", "null", "NA", "1"]
    table["onset"] += 1 / 3
    table["response_time"] = [np.nan, *np.random.default_rng(0).random(7)]
    found = bs.trial_betas(run(), table, output=tmp_path / "betas")
    assert "\tn/a\t" in (tmp_path / "betas" / "trials.tsv").read_text()
    stored = bs.open_betas(tmp_path / "betas")
    assert list(stored.trials["trial_type"]) == list(table["trial_type"])
    pd.testing.assert_frame_equal(stored.trials, found.trials, check_dtype=False, rtol=1e-15)


@pytest.mark.parametrize("name", ["betas.nii", "betas.nii.gz", "betas"])
def test_what_is_there_is_not_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    written(path)
    before = {file: (tmp_path / file).stat().st_mtime_ns for file in everything_in(tmp_path)}
    with pytest.raises(bs.OutputExistsError, match="exist"):
        written(path)
    assert before == {
        file: (tmp_path / file).stat().st_mtime_ns for file in everything_in(tmp_path)
    }
    written(path, overwrite=True, method="lsa")
    assert everything_in(tmp_path) == sorted(before)
    whole = path if path.is_file() else path / "betas.npy"
    assert whole.stat().st_mtime_ns != before[str(whole.relative_to(tmp_path))]


@pytest.mark.parametrize("which", ["image", "mask"])
def test_what_is_read_is_never_replaced(which: str, tmp_path: Path) -> None:
    paths = {"image": tmp_path / "bold.nii.gz", "mask": tmp_path / "mask.nii.gz"}
    nib.save(run(), paths["image"])
    nib.save(nib.Nifti1Image(INSIDE.astype("u1"), AFFINE), paths["mask"])
    before = paths[which].read_bytes()
    with pytest.raises(bs.ParameterError, match="must not replace an input"):
        bs.trial_betas(
            paths["image"], events(), mask=paths["mask"], output=paths[which], overwrite=True
        )
    assert paths[which].read_bytes() == before


@pytest.mark.parametrize("name", ["betas.nii", "betas.nii.gz", "betas", "new/betas"])
def test_a_failure_half_way_leaves_nothing(name: str, tmp_path: Path) -> None:
    """The second run is cut off: the betas of the first are made by then, and go."""
    inputs, output = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    output.mkdir()
    (output / "notes.txt").write_text("kept")
    paths = [inputs / f"run-{i}.nii.gz" for i in (1, 2)]
    for i, path in enumerate(paths):
        nib.save(run(i, dtype="f4"), path)
    paths[1].write_bytes(paths[1].read_bytes()[:-500])
    seen: list[tuple[int, int]] = []
    with pytest.raises(bs.CorruptImageError, match=r"run-2.nii.gz is truncated"):
        bs.trial_betas(
            paths,
            [events(0), events(1)],
            output=output / name,
            progress=lambda done, total: seen.append((done, total)),
        )
    assert (80, 80) in seen
    assert everything_in(output) == ["notes.txt"]


def test_what_was_there_stays_when_it_fails(tmp_path: Path) -> None:
    path, bold = tmp_path / "betas", tmp_path / "bold.nii.gz"
    nib.save(run(dtype="f4"), bold)
    bs.trial_betas(bold, events(), output=path)
    before = {file: (path / file).read_bytes() for file in everything_in(path)}
    bold.write_bytes(bold.read_bytes()[:-500])
    with pytest.raises(bs.CorruptImageError):
        bs.trial_betas(bold, events(1), output=path, overwrite=True)
    assert before == {file: (path / file).read_bytes() for file in everything_in(path)}


@pytest.mark.parametrize("name", ["betas.tsv", "betas.npy", "betas.nii.bz2"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(bs.ParameterError, match=r"`output` must end in .nii or .nii.gz, or be"):
        bs.trial_betas(run(), events(), output=tmp_path / name)
    assert everything_in(tmp_path) == []


def test_a_folder_in_the_place_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "betas.nii.gz").mkdir()
    with pytest.raises(bs.ParameterError, match="an output must be a file, got the folder"):
        bs.trial_betas(run(), events(), output=tmp_path / "betas.nii.gz")


def damage(folder: Path, how: str) -> str:
    """Spoil a folder of betas; returns what the error says."""
    array, trials = folder / "betas.npy", folder / "trials.tsv"
    if how == "truncated":
        array.write_bytes(array.read_bytes()[:-8])
        return "betas.npy is truncated or damaged"
    if how == "no header":
        array.write_bytes(array.read_bytes()[40:])
        return "betas.npy is truncated or damaged"
    if how == "empty":
        array.write_bytes(b"")
        return "betas.npy is truncated or damaged"
    if how == "one trial too few":
        trials.write_text("".join(trials.read_text().splitlines(keepends=True)[:-1]))
        return "must hold 7 trials of 60 voxels"
    if how == "binary table":
        trials.write_bytes(bytes(range(256)))
        return "cannot be read as a table of trials"
    (folder / how).unlink()
    return f"it has no {how}"


@pytest.mark.parametrize(
    "how",
    [
        *("truncated", "no header", "empty", "one trial too few", "binary table"),
        *("betas.npy", "mask.nii.gz", "trials.tsv", "manifest.json"),
    ],
)
def test_what_is_no_folder_of_betas(how: str, tmp_path: Path) -> None:
    bs.trial_betas(run(), events(), output=tmp_path / "betas")
    message = damage(tmp_path / "betas", how)
    with pytest.raises(bs.ImageFileError, match=message):
        bs.open_betas(tmp_path / "betas")
    with pytest.raises(bs.ImageFileError, match="must be a folder that `trial_betas` wrote"):
        bs.open_betas(tmp_path / "nowhere")


def test_a_folder_with_an_image_of_betas_names_the_image(tmp_path: Path) -> None:
    """`boldstream betas` without --store writes such a folder."""
    bs.trial_betas(run(), events(), output=tmp_path / "betas.nii.gz")
    with pytest.raises(bs.ImageFileError, match=r"holds an image: give .*betas\.nii\.gz$"):
        bs.open_betas(tmp_path)


def test_betas_are_printed_in_one_line(tmp_path: Path) -> None:
    bs.trial_betas(run(), events(), output=tmp_path / "betas")
    stored = bs.open_betas(tmp_path / "betas")
    shape = (*stored.values.shape, stored.mask.shape)
    assert repr(stored) == "StoredBetas({} trials × {} voxels of {})".format(*shape)


def test_betas_go_to_other_processes_as_they_are(tmp_path: Path) -> None:
    bs.trial_betas(run(), events(), output=tmp_path / "betas")
    stored = bs.open_betas(tmp_path / "betas")
    stored.trials["fold"] = np.arange(len(stored.trials)) % 2
    sent = pickle.dumps(stored)
    # The folder goes, and not its array.
    assert len(sent) < 1 << 14
    again = pickle.loads(sent)
    np.testing.assert_array_equal(again.values, stored.values)
    assert isinstance(again.values, np.memmap)
    pd.testing.assert_frame_equal(again.trials, stored.trials)
    other = replace(stored, values=np.array(stored.values) * 2)
    with pytest.raises(bs.ParameterError, match="as `open_betas` gave them"):
        pickle.dumps(other)


@pytest.mark.parametrize("key", ["layout", "dtype", "n_trials"])
def test_a_manifest_that_says_something_else(key: str, tmp_path: Path) -> None:
    bs.trial_betas(run(), events(), output=tmp_path / "betas")
    path = tmp_path / "betas" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: "another"}))
    with pytest.raises(bs.ImageFileError, match=r"manifest\.json must say of the files beside it"):
        bs.open_betas(tmp_path / "betas")
    path.write_text("{")
    with pytest.raises(bs.TableError, match="cannot be read as JSON"):
        bs.open_betas(tmp_path / "betas")


def test_a_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = bs.trial_betas(run(), events(), t_r=TR, output="~/betas")
    assert found.path == tmp_path / "betas"
    assert bs.open_betas("~/betas").values.shape == (8, 60)
