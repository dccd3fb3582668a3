"""``boldstream info``: what nibabel says of the same headers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import Command, Study
from tests.oracle import load


def test_facts_equal_nibabels(command: Command, study: Study) -> None:
    image = nib.Nifti1Image(np.zeros((5, 4, 3, 2), ">i2"), np.diag([-2.0, 3.0, 4.0, 1.0]))
    image.header.set_zooms((2, 3, 4, 1500))
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_slope_inter(2, 10)
    path = study.folder / "scaled.nii"
    nib.save(image, path)
    done = command("info", path, study.bold, "--json")
    scaled, bold = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    loaded = load(path)
    assert scaled["shape"] == list(loaded.shape)
    assert scaled["affine"] == loaded.affine.tolist()
    assert scaled["scaling"] == {"slope": loaded.dataobj.slope, "inter": loaded.dataobj.inter}
    assert scaled["orientation"] == "".join(nib.aff2axcodes(loaded.affine)) == "LAS"
    assert scaled["dtype"] == loaded.get_data_dtype().str
    assert (scaled["t_r"], scaled["n_volumes"], scaled["kind"]) == (1.5, 2, "NIfTI-1")
    assert scaled["stored_bytes"] == path.stat().st_size
    assert scaled["decoded_bytes"] == 5 * 4 * 3 * 2 * 2
    assert bold["stored_bytes"] == study.bold.stat().st_size
    assert bold["how"] != scaled["how"]
    text = command("info", path).out
    for part in ("5 × 4 × 3 × 2", "1.5 s", "int16", "scaled by 2, plus 10", "2 × 3 × 4 mm", "LAS"):
        assert part in text


def test_bad_files_are_reported_in_a_line_each_and_the_others_shown(
    command: Command, study: Study
) -> None:
    empty = study.folder / "empty.nii"
    empty.touch()
    done = command("info", empty, study.bold, study.folder / "bolt.nii.gz")
    assert done.code == 1
    assert str(study.bold) in done.out
    first, second = done.err.splitlines()
    assert "empty.nii is empty" in first
    assert "did you mean 'bold.nii.gz'?" in second
    done = command("info", empty, study.bold, "--json")
    assert done.code == 1
    assert [one["path"] for one in json.loads(done.out)] == [str(study.bold)]


def test_the_data_are_not_read(command: Command, study: Study) -> None:
    whole = gzip.decompress(study.bold.read_bytes())
    # Zeros are in the place of most of the compressed data.
    kept = gzip.compress(whole)[:2000]
    study.bold.write_bytes(kept + bytes(len(whole) // 500))
    assert command("info", study.bold).code == 0
    assert command("summary", study.bold, "-o", study.folder / "out").code == 1


@pytest.mark.parametrize("flag", ["option", "variable"])
def test_a_traceback_when_asked(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    if flag == "variable":
        monkeypatch.setenv("BOLDSTREAM_TRACEBACK", "1")
    options = ["--traceback"] if flag == "option" else []
    for name in ("info", "summary"):
        args = [] if name == "info" else ["--output", tmp_path]
        done = command(*options, name, tmp_path / "absent.nii", *args)
        assert done.code == 1
        assert "Traceback" in done.err
        assert "absent.nii does not exist" in done.err.splitlines()[-1]


# nibabel, that it is compared with, leaves it to the garbage collector to close a REC.
@pytest.mark.filterwarnings("ignore:unclosed file .*[.]REC:ResourceWarning")
def test_every_file_of_the_shared_data_is_described_or_refused(
    command: Command, shared_data: Path
) -> None:
    files = sorted(path for path in (shared_data / "odd").iterdir() if path.is_file())
    done = command("info", "--json", *files)
    described = json.loads(done.out)
    assert len(described) + len(done.err.splitlines()) == len(files)
    assert len(described) > 10
    for facts in described:
        image = load(facts["path"])
        assert facts["shape"] == list(image.shape)
        assert facts["dtype"] == image.get_data_dtype().str
