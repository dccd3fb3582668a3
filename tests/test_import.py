"""What ``import boldstream`` and a plain extraction may load, and the public names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs


def modules_after(program: str, *args: object) -> set[str]:
    """Modules that a fresh interpreter holds after a program ran."""
    program += "\nimport sys, json; print(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", program, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages_of(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)


def test_import_loads_no_package_but_itself() -> None:
    assert packages_of(modules_after("import boldstream") - modules_after("")) == {"boldstream"}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An image and a mask."""
    rng = np.random.default_rng(0)
    data = rng.normal(100, 5, (4, 3, 2, 6)).astype(np.float32)
    nib.Nifti1Image(data, np.eye(4)).to_filename(tmp_path / "bold.nii.gz")
    mask = (data[..., 0] > 100).astype(np.uint8)
    nib.Nifti1Image(mask, np.eye(4)).to_filename(tmp_path / "mask.nii.gz")
    return tmp_path / "bold.nii.gz", tmp_path / "mask.nii.gz"


def test_plain_extraction_needs_only_numpy_nibabel_and_isal(files: tuple[Path, Path]) -> None:
    program = "import sys, boldstream as bs; print(bs.extract(*sys.argv[1:]))"
    loaded = modules_after(program, *files)
    assert {"numpy", "nibabel", "isal"} <= packages_of(loaded)
    # nibabel looks whether scipy is there, which loads its top and no more.
    own = loaded - modules_after("import nibabel")
    assert packages_of(own) <= {"boldstream", "isal", "nibabel", "numpy"}


def test_smoothing_needs_no_statistics_packages_and_cleaning_does(
    files: tuple[Path, Path],
) -> None:
    program = "import sys, boldstream as bs; print(bs.extract(*sys.argv[1:], smoothing_fwhm=4))"
    statistics = {"nilearn", "sklearn", "pandas", "joblib", "matplotlib"}
    loaded = modules_after(program, *files)
    assert not statistics & packages_of(loaded)
    assert not {"scipy.signal", "scipy.stats"} & loaded
    program = "import sys, boldstream as bs; print(bs.extract(*sys.argv[1:], detrend=True))"
    assert "nilearn" in packages_of(modules_after(program, *files))


def test_what_is_done_of_a_study_is_seen_without_what_does_it() -> None:
    loaded = modules_after("import boldstream.cli.study.job, boldstream.study.running.run")
    heavy = {"nilearn", "sklearn", "numba", "joblib", "matplotlib", "dask", "distributed"}
    assert not heavy & packages_of(loaded)
    assert not {"scipy.signal", "scipy.stats", "scipy.linalg"} & loaded


@pytest.mark.parametrize("name", bs.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(bs, name) is not None
    assert name in dir(bs)


def test_type_checkers_see_the_same_names() -> None:
    stub = ast.parse((Path(bs.__file__).parent / "__init__.pyi").read_text())
    imported = {
        name.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert imported.pop("__version__") == "boldstream._version"
    assert imported == bs._HOME_OF  # type: ignore[attr-defined]
    assert set(bs.__all__) == {*imported, "__version__"}


def test_maskers_are_found_and_loaded_only_then() -> None:
    assert "nilearn" not in packages_of(modules_after("import boldstream as bs; dir(bs)"))
    assert "maskers" in dir(bs)
    loaded = modules_after("import boldstream as bs; bs.maskers.fit_transform_many")
    assert "nilearn" in packages_of(loaded)


def test_every_error_is_public() -> None:
    import boldstream.core.errors as errors

    leaves = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert leaves <= set(bs.__all__)


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'boldstream' has no attribute 'steam'"):
        bs.steam  # type: ignore[attr-defined]  # noqa: B018


def test_stream_stays_the_function_whatever_is_imported() -> None:
    modules_after(
        "import boldstream as bs; assert callable(bs.stream)\n"
        "import boldstream.streaming.run; assert callable(bs.stream)"
    )
