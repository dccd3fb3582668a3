"""What a run of a study gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class CacheStatistics:
    """How much of a study had been done before.

    Attributes
    ----------
    hits, misses : int
        Units whose results were there, and that were done now.
    seconds_saved : float
        What the former took when they were done.
    seconds_spent : float
        What the latter took.
    """

    hits: int = 0
    misses: int = 0
    seconds_saved: float = 0.0
    seconds_spent: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.hits} units from earlier runs ({self.seconds_saved:.1f} s saved), "
            f"{self.misses} done now ({self.seconds_spent:.1f} s)"
        )


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Results of a study.

    Attributes
    ----------
    table : pandas.DataFrame
        Scores: ``subject, roi, target, score, chance, p`` and more, and the
        ``analysis`` that they are of.
    status : pandas.DataFrame
        A row for each unit: its ``state`` ("done", "cached", "unneeded",
        "failed", "blocked"), attempts, seconds, peak, and what went wrong; and for each
        subject that could not be used ("unusable").
    output_dir : Path
    statistics : CacheStatistics
    """

    table: pd.DataFrame
    status: pd.DataFrame
    output_dir: Path
    statistics: CacheStatistics

    @property
    def failed(self) -> pd.DataFrame:
        """Rows of the status of what failed."""
        return self.status[self.status["state"].isin(["failed", "blocked", "unusable"])]
