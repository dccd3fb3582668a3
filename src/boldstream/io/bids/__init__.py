"""Data sets in BIDS layout: an index of their files, and what belongs to which image."""

from boldstream.io.bids.belonging import (
    brain_mask_of,
    confounds_of,
    events_of,
    metadata_of,
    repetition_time_of,
)
from boldstream.io.bids.files import BidsFile
from boldstream.io.bids.index import BidsIndex
from boldstream.io.bids.names import entities_of, natural_order, run_of, space_of
from boldstream.io.bids.problems import find_problem

__all__ = [
    "BidsFile",
    "BidsIndex",
    "brain_mask_of",
    "confounds_of",
    "entities_of",
    "events_of",
    "find_problem",
    "metadata_of",
    "natural_order",
    "repetition_time_of",
    "run_of",
    "space_of",
]
