"""What all made-up studies have: a folder of their own, and files that describe the whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from boldstream.core.errors import OutputExistsError

TRUTH = Path("truth.json")
"""What was planted."""
_BIDS_VERSION = "1.10.0"


def claim_folder(root: Path) -> None:
    """Make a folder, or take an empty one.

    Raises
    ------
    OutputExistsError
        If there is something in it.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise OutputExistsError(f"`folder` must be a new or an empty folder, got {root}")
    root.mkdir(parents=True, exist_ok=True)


def write_whole(
    root: Path,
    derived: Path,
    *,
    name: str,
    readme: str,
    subjects: Iterable[str],
    ignored: Sequence[str] = (),
) -> None:
    """Write what a data set and its derivatives say of themselves, and the list of subjects.

    Parameters
    ----------
    root : Path
    derived : Path
        Of the derivatives, below it.
    name, readme : str
    subjects : iterable of str
        Labels without "sub-".
    ignored : sequence of str
        What is not of BIDS, beside the truth.
    """
    about = {"Name": name, "BIDSVersion": _BIDS_VERSION, "DatasetType": "raw"}
    write_pretty(root / "dataset_description.json", about)
    made_by = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "boldstream"}]}
    write_pretty(root / derived / "dataset_description.json", about | made_by)
    rows = ["participant_id", *(f"sub-{subject}" for subject in subjects)]
    for file, text in {
        "README": readme,
        ".bidsignore": "".join(f"{one}\n" for one in (TRUTH, *ignored)),
        "participants.tsv": "".join(f"{row}\n" for row in rows),
    }.items():
        (root / file).write_text(text, encoding="utf-8")


def write_pretty(path: Path, content: dict[str, Any]) -> None:
    """Write JSON for people to read."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
