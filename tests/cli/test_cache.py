"""``boldstream cache`` on a store that was filled, and on what loaders left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import boldstream as bs
from tests.cli.conftest import Command, Study


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where things are kept; its name has a space and a letter outside ASCII."""
    path = tmp_path / "käche dir"
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(path))
    return path


def test_the_folder_is_printed_for_other_programs(command: Command, folder: Path) -> None:
    assert command("cache", "path").out == f"{folder}\n"
    other = folder.parent / "other"
    assert command("cache", "path", "--cache-dir", other).out == f"{other}\n"


def test_what_is_kept_is_listed_and_counted(command: Command, study: Study, folder: Path) -> None:
    assert command("cache", "list").out == f"nothing is kept in {folder}\n"
    with bs.Store().voxels(study.bold, study.mask) as stored:
        listed = command("cache", "list").out
        assert listed.startswith(f"{stored.path.name}  voxels, ")
        assert ", in use\n" in listed
        assert str(study.bold) in listed
    (entry,) = json.loads(command("cache", "list", "--json").out)["entries"]
    n_bytes = sum(file.stat().st_size for file in stored.path.iterdir())
    assert entry["bytes"] == n_bytes
    assert (entry["path"], entry["in_use"], entry["is_current"]) == (str(stored.path), False, True)
    facts = json.loads(command("cache", "stats", "--json").out)
    assert (facts["entries"], facts["in_use"], facts["bytes"]) == (1, 0, n_bytes)
    assert "images    1: 0 in use, 0 outdated, 0 damaged\n" in command("cache", "stats").out


def test_an_image_that_was_replaced_shows(command: Command, study: Study) -> None:
    bs.Store().voxels(study.bold, study.mask).close()
    study.bold.write_bytes(study.bold.read_bytes())
    assert ", outdated\n" in command("cache", "list").out


def test_clear_frees_what_no_one_uses(command: Command, study: Study, folder: Path) -> None:
    store = bs.Store()
    store.voxels(study.bold, study.mask).close()
    with store.volumes(study.bold) as held:
        assert command("cache", "clear").out.endswith("; 1 left, in use\n")
        assert [entry.layout for entry in store.entries()] == ["volumes"]
        assert command("cache", "clear", "--in-use").out.startswith("freed ")
        assert not store.entries()
        assert held.array.shape == (8, 7, 6, 20)
    assert not list(folder.iterdir())


def test_clear_removes_what_loaders_kept_and_nothing_of_one_that_lives(
    command: Command, study: Study, folder: Path
) -> None:
    config = bs.OAKConfig(root=study.folder, image_template="b{subject}.nii.gz")
    settings = bs.MemoryConfig(CLEANUP_TEMP_FILES=False)
    kept = bs.create_memory_efficient_loader(config, settings)
    left = kept.create_shared_memmap(np.ones(1000), "left")
    kept.cleanup()
    settings = bs.MemoryConfig(MEMMAP_THRESHOLD_GB=0, CACHE_MEMMAP_FILES=False)
    with bs.MemoryEfficientContext(config, settings) as living:
        held = living.load_fmri_memmap("old")
        shared = living.create_shared_memmap(np.ones(3), "shared")
        assert "files of a loader" in command("cache", "list").out
        assert command("cache", "clear").code == 0
        assert shared.file_path.exists()
        assert not left.file_path.parent.exists()
        assert isinstance(held, bs.MemoryMappedArray)
        assert held.file_path.is_relative_to(folder / "boldstream-unkept")
        assert held.file_path.exists()
    assert command("cache", "clear").code == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_used_is_an_error(command: Command, study: Study) -> None:
    done = command("cache", "stats", "--cache-dir", study.bold)
    assert done.code == 1
    assert str(study.bold) in done.err
