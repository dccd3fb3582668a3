"""Tables of labels: scores of what they say, or an error that names what is wrong."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boldstream.cli.decoding.labels import LabelOptions, read_labels
from boldstream.decoding.roi import decode
from tests.fuzz.depth import cases
from tests.fuzz.guard import refusing
from tests.strategies.tables import MadeTable, label_tables, odd_tables

N = 12
DATA = {"region": np.random.default_rng(0).normal(size=(N, 5)).astype("f4")}

tables = st.one_of(
    label_tables(N).map(lambda table: table.text().encode()), odd_tables(label_tables(N))
)


@cases(quick=15, deep=1.5)
@given(
    content=tables,
    target=st.sampled_from(["object", "value"]),
    estimator=st.sampled_from(["lda", "ridge", "svc", "correlation", "gnb"]),
    cv=st.sampled_from(["logo", "kfold:3", "stratified:2", "loo", "groupkfold:2"]),
    n_permutations=st.sampled_from([0, 0, 3]),
)
def test_labels_are_decoded_or_refused(
    content: bytes, target: str, estimator: str, cv: str, n_permutations: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder, "labels.tsv")
        path.write_bytes(content)
        options = LabelOptions(
            file=path, targets=[target], groups="run", conditions=(), blocks=None
        )
        with refusing("`", path):
            labels = read_labels(options, N, "the data")
            found = decode(
                DATA,
                labels.targets,
                labels.groups,
                estimator=estimator,
                cv=cv,
                permutations=n_permutations,
                random_state=0,
            )
            assert found.table["score"].notna().all()


def test_plain_labels_are_not_refused() -> None:
    """What the test above lets pass must not be that everything is refused."""
    rows = [[("face", "house")[i % 2], f"{i}", str(i // 4)] for i in range(N)]
    content = MadeTable(["object", "value", "run"], rows).text().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.tsv")
        path.write_bytes(content)
        options = LabelOptions(
            file=path, targets=["object"], groups="run", conditions=(), blocks=None
        )
        labels = read_labels(options, N, "the data")
        found = decode(DATA, labels.targets, labels.groups, estimator="lda", cv="logo")
    assert found.table["score"].between(0, 1).all()
