"""Tables of results are read as they were written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from boldstream.core.errors import TableError
from boldstream.study.steps.tables import read_frame, write_frame


def test_labels_stay_text_and_numbers_numbers(tmp_path: Path) -> None:
    path = tmp_path / "decoding.tsv"
    table = pd.DataFrame({"subject": ["01", "02"], "roi": ["null", "NA"], "score": [0.5, None]})
    write_frame(path, table)
    pd.testing.assert_frame_equal(read_frame(path), table)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_what_is_no_table_is_told_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "decoding.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError, match=r"decoding\.tsv cannot be read as a table: "):
        read_frame(path)
