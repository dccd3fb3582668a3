"""The user guide: its examples run, its messages are real, its figures were measured."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import boldstream as bs
from boldstream.core import errors
from tests.cli.conftest import Command, command
from tests.conftest import REPOSITORY
from tests.docs.guide_files import make_guide_files
from tests.docs.snippets import LANGUAGES, RUN, fits, read_snippets, run_page

__all__ = ["command"]  # a fixture

DOCS = REPOSITORY / "docs"
TROUBLESHOOTING = DOCS / "troubleshooting.md"
COMPARISON = DOCS / "comparison.md"
PAGES = [
    *sorted(set((DOCS / "guide").glob("*.md")) - {DOCS / "guide" / "index.md"}),
    *sorted((DOCS / "migration").glob("*.md")),
    TROUBLESHOOTING,
    COMPARISON,
]
ERRORS = [
    name
    for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, bs.BoldstreamError)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide") / "files"
    make_guide_files(folder)
    return folder


@pytest.fixture
def workshop(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the files as the current folder, in an environment that says nothing."""
    folder = tmp_path / "workshop"
    shutil.copytree(files, folder)
    monkeypatch.chdir(folder)
    before = dict(os.environ)
    for name in before:
        if name.startswith(("MVPA_", "SLURM_", "BOLDSTREAM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    # As on a machine without the extra `minc`.
    monkeypatch.setitem(sys.modules, "h5py", None)
    yield folder
    # Pages set variables, as their readers do.
    os.environ.clear()
    os.environ.update(before)


# nilearn's own first level says so, whenever it is given a mask.
@pytest.mark.filterwarnings("ignore:.*Generation of a mask has been requested:RuntimeWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_do_what_the_page_says(page: Path, workshop: Path) -> None:
    for snippet, printed in run_page(page, workshop):
        if snippet.said is None:
            assert not re.search(r"^\w*Error: ", printed, flags=re.MULTILINE), printed
        else:
            where = f"{page.name}, line {snippet.line}"
            assert fits(printed, snippet.said), f"{where} prints\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_are_well_formed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    snippets = read_snippets(page)
    assert {snippet.language for snippet in snippets} <= LANGUAGES
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose, flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_is_quoted_where_it_is_explained(name: str) -> None:
    """That it is raised there, in these words, is tested above."""
    said = [
        snippet.said or ""
        for snippet in read_snippets(TROUBLESHOOTING)
        if snippet.heading == f"`{name}`" and snippet.language in RUN
    ]
    if name == "BoldstreamError":
        assert said
    else:
        assert any(f"{name}: " in one for one in said)


def test_figures_of_the_comparison_were_measured() -> None:
    """They stand in the README, cell by cell, or in the decision that a row names."""
    readme = _squeezed((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    measured, _, reasons = COMPARISON.read_text(encoding="utf-8").partition("## Why")
    rows = re.findall(r"^\| (.*) \|$", measured, flags=re.MULTILINE)
    cells = [cell.strip() for row in rows for cell in row.split("|") if re.search(r"\d", cell)]
    assert len(cells) > 50
    for cell in cells:
        assert cell in readme, cell
    found = re.findall(r"^\|[^|]*\|([^|]*)\| \[\d+\]\((.*)\) \|$", reasons, re.MULTILINE)
    assert len(found) == 5
    for figures, page in found:
        decision = (DOCS / page).read_text(encoding="utf-8")
        for number in re.findall(r"\d[\d. ]*", figures):
            assert number.strip() in decision, (page, number)


def _squeezed(text: str) -> str:
    return " ".join(text.replace("*", "").split())


def load(name: str) -> NDArray[np.float64]:
    image: Any = nib.load(name)
    return np.asarray(image.get_fdata())


def read_labels(folder: str) -> NDArray[np.float64]:
    return np.asarray(pd.read_csv(Path(folder) / "labels.tsv", sep="\t"), np.float64)


def test_means_of_regions_are_those_of_fslmeants_and_3droistats(
    workshop: Path, command: Command
) -> None:
    """By the conventions of their sources: equal weights, zeros count, labels up to the largest."""
    values, labels = load("bold.nii.gz"), load("atlas.nii.gz")
    values[labels == 2, 5] = 0
    nib.save(nib.Nifti1Image(values.astype("f4"), load_affine()), "zeros.nii.gz")
    labels[labels == 4] = 9
    nib.save(nib.Nifti1Image(labels.astype("i2"), load_affine()), "gap.nii.gz")
    assert command("extract", "zeros.nii.gz", "--atlas", "gap.nii.gz", "-o", "gap").code == 0
    found = read_labels("gap")

    means = np.zeros((values.shape[-1], int(labels.max())))
    for label in range(1, int(labels.max()) + 1):
        inside = labels.round() == label
        if inside.any():
            means[:, label - 1] = values[inside].sum(axis=0) / inside.sum()
    # Columns of 0, for labels without a voxel, are what only fslmeants has.
    np.testing.assert_allclose(found, means[:, means.any(axis=0)], rtol=1e-6)
    assert found[5, 1] == 0


def test_other_statistics_are_those_of_3droistats(workshop: Path, command: Command) -> None:
    values, inside = load("bold.nii.gz"), load("VT.nii.gz") > 0
    wanted = {
        "standard_deviation": values[inside].std(axis=0),
        "minimum": values[inside].min(axis=0),
        "maximum": values[inside].max(axis=0),
        "median": np.median(values[inside], axis=0),
    }
    for strategy, course in wanted.items():
        given = ("bold.nii.gz", "--atlas", "VT.nii.gz", "--atlas-strategy", strategy)
        assert command("extract", *given, "-o", strategy).code == 0
        np.testing.assert_allclose(read_labels(strategy)[:, 0], course, rtol=1e-5)


def test_voxels_come_in_the_order_that_the_page_says(workshop: Path, command: Command) -> None:
    values, inside = load("bold.nii.gz"), load("VT.nii.gz") > 0
    assert command("extract", "bold.nii.gz", "--mask", "VT.nii.gz", "-o", "out").code == 0
    found = np.load("out/VT.npy")
    np.testing.assert_array_equal(found, values[inside].T)
    positions = json.loads(Path("out/VT.json").read_text())["voxels"]
    # x fastest, as --showall has them.
    x_fastest = np.argsort(
        np.ravel_multi_index(np.unravel_index(positions, inside.shape)[::-1], inside.shape[::-1])
    )
    shown = values.reshape(-1, values.shape[-1], order="F")[inside.ravel(order="F")]
    np.testing.assert_array_equal(found[:, x_fastest], shown.T)


def test_a_point_is_the_voxel_that_holds_it(workshop: Path, command: Command) -> None:
    """As ``fslmeants -c x y z --usemm``: the nearest voxel."""
    given = ("bold.nii.gz", "--seeds", "seeds.tsv", "--radius", "0.1")
    assert command("extract", *given, "-o", "out").code == 0
    found = pd.read_csv("out/spheres.tsv", sep="\t").to_numpy(np.float64)
    seeds = pd.read_csv("seeds.tsv", sep="\t")[["x", "y", "z"]].to_numpy(np.float64)
    inverse = np.linalg.inv(load_affine())
    places = np.rint(seeds @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    np.testing.assert_allclose(found, load("bold.nii.gz")[tuple(places.T)].T, rtol=1e-6)


def load_affine() -> NDArray[np.float64]:
    image: Any = nib.load("bold.nii.gz")
    return np.asarray(image.affine)
