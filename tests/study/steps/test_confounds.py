"""Confounds by their columns: what a first row lacks, and what others lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boldstream.core.errors import TableError
from boldstream.signal.confounds import read_confounds
from boldstream.study.planning.unit import Unit
from boldstream.study.records.results import Results
from boldstream.study.steps.confounds import confounds_of
from boldstream.study.steps.context import Context


def context_of(folder: Path, *rows: str) -> Context:
    (folder / "confounds.tsv").write_text("\n".join(["csf\ttrans_x_derivative1", *rows, ""]))
    parameters = {
        "confound_settings": {"strategy": None, "columns": ["csf", "trans_*"]},
        "confounds": ["confounds.tsv"],
    }
    unit = Unit("extraction", "courses", "01", parameters=parameters)
    return Context(unit, folder / "out", Results(folder / "results"), folder)


@pytest.mark.parametrize("cell", ["n/a", "", "NaN", "NA", "null"])
def test_a_derivative_of_the_first_volume_is_0_however_a_table_says_that_there_is_none(
    tmp_path: Path, cell: str
) -> None:
    (table,) = confounds_of(context_of(tmp_path, f"1.5\t{cell}", "2\t0.25"))
    np.testing.assert_array_equal(read_confounds(table, 2), [[1.5, 0], [2, 0.25]])


def test_other_gaps_are_left_to_be_told(tmp_path: Path) -> None:
    (table,) = confounds_of(context_of(tmp_path, "1.5\tn/a", "2\tn/a"))
    with pytest.raises(TableError, match="column 'trans_x_derivative1', volume 1: no value there"):
        read_confounds(table, 2)
