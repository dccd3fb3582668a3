"""Behaviour: delay discounting, values of trials, and who can be used."""

from boldstream.behaviour.discounting import Discounting
from boldstream.behaviour.fitting import fit_discounting
from boldstream.behaviour.subjects import add_values, fit_subjects
from boldstream.behaviour.validation import validate_behaviour

__all__ = [
    "Discounting",
    "add_values",
    "fit_discounting",
    "fit_subjects",
    "validate_behaviour",
]
