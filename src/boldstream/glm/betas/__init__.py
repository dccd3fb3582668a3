"""Betas of single trials, streamed."""

from boldstream.glm.betas.estimate import TrialBetas, trial_betas
from boldstream.glm.betas.outputs import StoredBetas, open_betas

__all__ = ["StoredBetas", "TrialBetas", "open_betas", "trial_betas"]
