"""Betas of single trials: the weights of volumes that give them, and the table of the trials."""

from __future__ import annotations

from boldstream.glm.trials.design import TrialDesign, make_trial_design
from boldstream.glm.trials.fractional import FractionalRidge

__all__ = ["FractionalRidge", "TrialDesign", "make_trial_design"]
