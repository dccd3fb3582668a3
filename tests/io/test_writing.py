"""Outputs: whole files, all of them, or nothing."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from boldstream.core.errors import OutputExistsError, ParameterError
from boldstream.core.grid import Grid
from boldstream.io.writing import (
    Outputs,
    as_image,
    write_array,
    write_json,
    write_table,
    write_volume,
)
from tests.io.reading import AFFINE


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestOutputs:
    def test_nothing_is_seen_before_the_end(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "deep"
        with Outputs(folder, ["a.txt", "b.txt"]) as outputs:
            for path in outputs.values():
                path.write_text(path.name)
            (private,) = folder.iterdir()
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert names_in(folder) == ["a.txt", "b.txt"]
        assert (folder / "b.txt").read_text() == "b.txt"

    def test_modes_are_those_of_the_user(self, tmp_path: Path) -> None:
        (tmp_path / "plain").touch()
        with Outputs(tmp_path, ["a.npy"]) as outputs:
            write_array(outputs["a.npy"], np.ones(3))
        modes = {(tmp_path / name).stat().st_mode for name in ("plain", "a.npy")}
        assert len(modes) == 1

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
    def test_an_error_leaves_nothing(self, tmp_path: Path, error: type[BaseException]) -> None:
        def fail() -> None:
            with Outputs(tmp_path / "new" / "deep", ["a.txt", "b.txt"]) as outputs:
                outputs["a.txt"].write_text("half")
                raise error

        with pytest.raises(error):
            fail()
        assert names_in(tmp_path) == []

    def test_a_file_that_was_not_written_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), Outputs(tmp_path, ["a.txt", "b.txt"]) as outputs:
            outputs["a.txt"].write_text("whole")
        assert names_in(tmp_path) == []

    def test_an_interrupt_while_files_take_their_places(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace = Path.replace

        def interrupted(self: Path, target: Any) -> Path:
            if self.name == "b.txt":
                raise KeyboardInterrupt
            return replace(self, target)

        def write() -> None:
            with Outputs(tmp_path, ["a.txt", "b.txt"]) as outputs:
                for path in outputs.values():
                    path.write_text("whole")
                monkeypatch.setattr(Path, "replace", interrupted)

        with pytest.raises(KeyboardInterrupt):
            write()
        assert names_in(tmp_path) == []

    def test_what_exists_is_refused_before_any_work(self, tmp_path: Path) -> None:
        for name in ("a.txt", "b.txt"):
            (tmp_path / name).write_text("old")
        with pytest.raises(OutputExistsError, match=r"a\.txt, .*b\.txt exist .*overwrite=True"):
            Outputs(tmp_path, ["a.txt", "b.txt", "c.txt"]).__enter__()
        assert names_in(tmp_path) == ["a.txt", "b.txt"]
        with Outputs(tmp_path, ["a.txt"], overwrite=True) as outputs:
            outputs["a.txt"].write_text("new")
        assert (tmp_path / "a.txt").read_text() == "new"
        assert names_in(tmp_path) == ["a.txt", "b.txt"]

    def test_an_error_keeps_what_was_to_be_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("old")
        with pytest.raises(ValueError, match="boom"), Outputs(tmp_path, ["a.txt"], overwrite=True):
            raise ValueError("boom")
        assert (tmp_path / "a.txt").read_text() == "old"

    def test_what_came_meanwhile_is_kept(self, tmp_path: Path) -> None:
        def write() -> None:
            with Outputs(tmp_path, ["a.txt"]) as outputs:
                outputs["a.txt"].write_text("ours")
                (tmp_path / "a.txt").write_text("theirs")

        with pytest.raises(OutputExistsError):
            write()
        assert (tmp_path / "a.txt").read_text() == "theirs"
        assert names_in(tmp_path) == ["a.txt"]

    def test_places_that_cannot_be_taken(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").mkdir()
        (tmp_path / "file").touch()
        with pytest.raises(ParameterError, match=r"the folder .*a\.txt"):
            Outputs(tmp_path, ["a.txt"], overwrite=True).__enter__()
        for folder in (tmp_path / "file", tmp_path / "file" / "deep", Path("/proc/nowhere")):
            with pytest.raises(ParameterError, match="the output folder must be one"):
                Outputs(folder, ["b.txt"]).__enter__()

    def test_no_input_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("input")
        (tmp_path / "link").symlink_to("a.txt")
        for path in (tmp_path / "a.txt", tmp_path / "link"):
            with pytest.raises(ParameterError, match=r"must not replace an input, got .*a\.txt"):
                Outputs(tmp_path, ["a.txt"], overwrite=True, inputs=[path]).__enter__()
        assert names_in(tmp_path) == ["a.txt", "link"]

    def test_files_in_folders_of_their_own(self, tmp_path: Path) -> None:
        names = ["all.json", "sub-01/a.txt", "sub-01/deep/b.txt"]
        with Outputs(tmp_path / "out", names) as outputs:
            for path in outputs.values():
                path.write_text("whole")
            assert not list((tmp_path / "out").glob("sub-01/*.txt"))
        assert sorted((tmp_path / "out").rglob("*.*")) == [tmp_path / "out" / x for x in names]
        with pytest.raises(OutputExistsError, match=r"deep/b\.txt exists"):
            Outputs(tmp_path / "out", names[2:]).__enter__()

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_an_error_leaves_no_folder_of_files(
        self, tmp_path: Path, error: type[BaseException]
    ) -> None:
        def fail() -> None:
            with Outputs(tmp_path, ["sub-01/a.txt"]) as outputs:
                outputs["sub-01/a.txt"].write_text("half")
                raise error

        with pytest.raises(error):
            fail()
        assert names_in(tmp_path) == []
        (tmp_path / "sub-01").write_text("a file")
        with pytest.raises(ParameterError, match="the output folder must be one"):
            Outputs(tmp_path, ["sub-01/a.txt"]).__enter__()
        assert names_in(tmp_path) == ["sub-01"]

    def test_what_is_shared_is_written_once_and_then_kept(self, tmp_path: Path) -> None:
        for text, overwrite in (("first", False), ("second", False), ("third", True)):
            names = ["shared.json", f"{text}.txt"]
            with Outputs(tmp_path, names, overwrite=overwrite, keep=names[:1]) as outputs:
                for path in outputs.values():
                    path.write_text(text)
            assert (tmp_path / "shared.json").read_text() == "first"
        assert names_in(tmp_path) == ["first.txt", "second.txt", "shared.json", "third.txt"]

    def test_an_interrupt_before_the_block(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mkdir = Path.mkdir

        def interrupted(self: Path, *args: Any, **options: Any) -> None:
            mkdir(self, *args, **options)
            if self.name.startswith(".boldstream-"):
                raise KeyboardInterrupt

        monkeypatch.setattr(Path, "mkdir", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Outputs(tmp_path / "new" / "deep", ["a.txt"]).__enter__()
        assert names_in(tmp_path) == []

    def test_a_folder_that_others_use_too(self, tmp_path: Path) -> None:
        def fail() -> None:
            with Outputs(tmp_path / "new", ["a.txt"]):
                (tmp_path / "new" / "theirs.txt").touch()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        assert names_in(tmp_path / "new") == ["theirs.txt"]

    def test_a_real_interrupt(self, tmp_path: Path) -> None:
        program = """
import sys, time
from boldstream.io.writing import Outputs
with Outputs(sys.argv[1], ["a.txt"]) as outputs:
    outputs["a.txt"].write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
        command = [sys.executable, "-c", program, str(tmp_path / "new")]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(30) != 0
        assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 6, 3)])
def test_volumes(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    write_volume(tmp_path / name, values, Grid((4, 5, 6), AFFINE), tr=1.5)
    image: Any = nib.load(tmp_path / name)
    np.testing.assert_array_equal(image.get_fdata(), values.astype("f4"))
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-6)
    assert image.get_data_dtype() == np.float32
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert image.header.get_zooms()[3:] == ((1.5,) if len(shape) == 4 else ())


def test_volumes_need_an_images_name(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"must end in \.nii"):
        write_volume(tmp_path / "a.img", np.ones((2, 2, 2)), Grid((2, 2, 2), AFFINE))


def test_longer_axes_than_nifti1_knows() -> None:
    image = as_image(np.zeros((40_000, 1, 1)), Grid((40_000, 1, 1), np.eye(4)))
    assert isinstance(image, nib.Nifti2Image)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_tables_bring_back_the_same_numbers(tmp_path: Path, dtype: str) -> None:
    rows = np.random.default_rng(0).normal(0, 1e4, (50, 3)).astype(dtype)
    rows[3, 1], rows[4, 2] = np.nan, np.inf
    write_table(tmp_path / "a.tsv", ["left", "right", "ümlaut"], rows)
    assert "n/a" in (tmp_path / "a.tsv").read_text().splitlines()[4]
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t", na_values="n/a", dtype=str)
    assert list(table.columns) == ["left", "right", "ümlaut"]
    # Numbers are taken from text by Python: older pandas is off by a digit.
    read = [[float(text) for text in row] for row in table.to_numpy()]
    np.testing.assert_array_equal(np.array(read, dtype), rows)


@pytest.mark.parametrize("header", [["a"], ["a", "b\tc"], ["a", "b\n"]])
def test_headers_that_break_a_table(tmp_path: Path, header: list[str]) -> None:
    with pytest.raises(ParameterError, match="`header` must"):
        write_table(tmp_path / "a.tsv", header, np.ones((2, 2)))


def test_arrays_and_json(tmp_path: Path) -> None:
    values = np.arange(6, dtype="f4").reshape(2, 3)
    write_array(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values)
    write_json(tmp_path / "a.json", {"name": "ümlaut", "voxels": [1, 2]})
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert content == {"name": "ümlaut", "voxels": [1, 2]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"tr": float("nan")})
