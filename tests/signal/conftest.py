"""Runs in files."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import pytest

from tests.signal.made_up import LENGTHS, made_up


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    paths = []
    for i, n in enumerate(LENGTHS):
        paths.append(tmp_path / f"run-{i}.nii.gz")
        nib.save(made_up(n, seed=i), paths[-1])
    return paths
